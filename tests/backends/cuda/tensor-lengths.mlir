// Keys that end before their tensor does, by a length that only the device knows, are copied in pieces; queries are not.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s

// CHECK-LABEL: .entry {{.*}}attend_{{[0-9xr_]+}}_aligned(
// CHECK: .param .align 64
// CHECK-NOT: .param .align 64
// CHECK: cp.async.bulk.tensor
// CHECK-NOT: cp.async.bulk
// CHECK: cp.async.cg.shared.global
// CHECK: cp.async.commit_group
// CHECK-NOT: cp.async.bulk
// CHECK: ret
func.func @main(%query: tensor<?x8x?x64xf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>},
    %key: tensor<?x8x?x64xf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>},
    %value: tensor<?x8x?x64xf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>},
    %length: tensor<?xi64> {plan.name = "length", plan.shape = affine_map<()[s0, s1] -> (s0)>})
    -> (tensor<?x8x?x64xf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence"]} {
  %out = attn.attend query(%query : tensor<?x8x?x64xf16>) key(%key : tensor<?x8x?x64xf16>)
      value(%value : tensor<?x8x?x64xf16>) kv_length(%length : tensor<?xi64>) scale 0.125 -> tensor<?x8x?x64xf16>
  return %out : tensor<?x8x?x64xf16>
}
