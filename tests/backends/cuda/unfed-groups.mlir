// Keys and values whose elements lie apart cannot be copied by warps that only copy: then no groups of warps multiply,
// although the output lies as vector accesses need it.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s --implicit-check-not=wgmma --implicit-check-not=setmaxnreg

// CHECK-LABEL: .entry {{.*}}attend_aligned(
// CHECK: .reqntid 256
// CHECK: mma.sync.aligned.m16n8k16
// CHECK: st.global.{{(v[24].)?}}b32
// CHECK-LABEL: .entry {{.*}}attend(
func.func @main(%query: tensor<?x8x?x128xbf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>},
    %key: tensor<?x8x?x128xbf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>,
        plan.strides = affine_map<()[s0, s1, s2] -> (s1 * s2 * 1024, s1 * s2 * 128, s2 * 128, s2)>},
    %value: tensor<?x8x?x128xbf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>,
        plan.strides = affine_map<()[s0, s1, s2] -> (s1 * s2 * 1024, s1 * s2 * 128, s2 * 128, s2)>})
    -> (tensor<?x8x?x128xbf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence", "apart"]} {
  %out = attn.attend query(%query : tensor<?x8x?x128xbf16>) key(%key : tensor<?x8x?x128xbf16>)
      value(%value : tensor<?x8x?x128xbf16>) scale 0.125 -> tensor<?x8x?x128xbf16>
  return %out : tensor<?x8x?x128xbf16>
}
