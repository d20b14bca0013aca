// Keys whose length only the device knows are copied row by row. A row's address is the one before and a step, which takes
// two registers whatever the rows, and whether there is such a row says what is left from the lane's own on, compared with
// a constant.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s

// CHECK-LABEL: .entry {{.*}}attend_{{[0-9xr_]+}}_aligned(
// CHECK: min.s64 %[[HERE:rd[0-9]+]], %{{rd[0-9]+}}, 128;
// CHECK: cvt.u32.u64 %[[NARROW:r[0-9]+]], %[[HERE]];
// CHECK: sub.s32 %[[LEFT:r[0-9]+]], %[[NARROW]], %{{r[0-9]+}};
// CHECK: setp.gt.s32 %{{p[0-9]+}}, %[[LEFT]], 0;
// CHECK: cp.async.cg.shared.global [%{{rd[0-9]+}}], [%[[FIRST:rd[0-9]+]]], 16
// CHECK-NEXT: add.s64 %[[SECOND:rd[0-9]+]], %[[FIRST]], %[[STEP:rd[0-9]+]];
// CHECK-NEXT: setp.gt.s32 %{{p[0-9]+}}, %[[LEFT]], 16;
// CHECK: cp.async.cg.shared.global [%{{rd[0-9]+}}], [%[[SECOND]]], 16
// CHECK-NEXT: add.s64 %[[THIRD:rd[0-9]+]], %[[SECOND]], %[[STEP]];
// CHECK-NEXT: setp.gt.s32 %{{p[0-9]+}}, %[[LEFT]], 32;
// CHECK: cp.async.cg.shared.global [%{{rd[0-9]+}}], [%[[THIRD]]], 16
func.func @main(%query: tensor<?x8x?x64xf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1, s2, s3, s4] -> (s0, 8, s1, 64)>},
    %key: tensor<?x8x?x64xf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1, s2, s3, s4] -> (s0, 8, s1, 64)>, plan.strides = affine_map<()[s0, s1, s2, s3, s4] -> (s2, s3, s4, 1)>},
    %value: tensor<?x8x?x64xf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1, s2, s3, s4] -> (s0, 8, s1, 64)>, plan.strides = affine_map<()[s0, s1, s2, s3, s4] -> (s2, s3, s4, 1)>},
    %length: tensor<?xi64> {plan.name = "length", plan.shape = affine_map<()[s0, s1, s2, s3, s4] -> (s0)>})
    -> (tensor<?x8x?x64xf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence", "stride0", "stride1", "stride2"]} {
  %out = attn.attend query(%query : tensor<?x8x?x64xf16>) key(%key : tensor<?x8x?x64xf16>)
      value(%value : tensor<?x8x?x64xf16>) kv_length(%length : tensor<?xi64>) scale 0.125 -> tensor<?x8x?x64xf16>
  return %out : tensor<?x8x?x64xf16>
}
