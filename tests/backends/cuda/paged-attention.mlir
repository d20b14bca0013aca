// Keys and values found through a page table are gathered by the lanes that multiply. They meet at a barrier between the
// products of a round, so their groups take no turns: a group that had one could never hand it on.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s

// CHECK-LABEL: .entry {{.*}}attend_{{[0-9xr_]+}}_aligned(
// CHECK-NOT: bar.arrive
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16
// CHECK-NOT: bar.arrive
// CHECK-LABEL: .entry {{.*}}attend(
func.func @main(%query: tensor<?x8x?x64xf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 64)>},
    %key: tensor<?x8x16x64xf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1, s2] -> (s2, 8, 16, 64)>},
    %value: tensor<?x8x16x64xf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1, s2] -> (s2, 8, 16, 64)>},
    %length: tensor<?xi64> {plan.name = "length", plan.shape = affine_map<()[s0, s1, s2] -> (s0)>},
    %pages: tensor<?x3xi32> {plan.name = "pages", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 3)>})
    -> (tensor<?x8x?x64xf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence", "pages"]} {
  %out = attn.attend query(%query : tensor<?x8x?x64xf16>) key(%key : tensor<?x8x16x64xf16>)
      value(%value : tensor<?x8x16x64xf16>) kv_length(%length : tensor<?xi64>)
      pages(%pages : tensor<?x3xi32>) scale 0.125 -> tensor<?x8x?x64xf16>
  return %out : tensor<?x8x?x64xf16>
}
