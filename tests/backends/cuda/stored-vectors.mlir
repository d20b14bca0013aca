// Where the operands of products are read one element at a time, an output that could be stored in vectors is worth no
// variant of its own; where nothing is multiplied it is, as in the kernel that merges parts.
// RUN: heedc %s --target=cuda:sm_80 --emit=ptx | FileCheck %s --implicit-check-not=attend_aligned --implicit-check-not=parts_aligned

// CHECK-LABEL: .entry {{.*}}attend(
// CHECK-LABEL: .entry {{.*}}attend_parts(
// CHECK-LABEL: .entry {{.*}}attend_merge_aligned(
func.func @main(%query: tensor<?x8x?x128xbf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>,
        plan.strides = affine_map<()[s0, s1, s2] -> (s1 * s2 * 1024, s1 * s2 * 128, s2 * 128, s2)>},
    %key: tensor<?x8x?x128xbf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>,
        plan.strides = affine_map<()[s0, s1, s2] -> (s1 * s2 * 1024, s1 * s2 * 128, s2 * 128, s2)>},
    %value: tensor<?x8x?x128xbf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>,
        plan.strides = affine_map<()[s0, s1, s2] -> (s1 * s2 * 1024, s1 * s2 * 128, s2 * 128, s2)>})
    -> (tensor<?x8x?x128xbf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence", "apart"]} {
  %out = attn.attend query(%query : tensor<?x8x?x128xbf16>) key(%key : tensor<?x8x?x128xbf16>)
      value(%value : tensor<?x8x?x128xbf16>) scale 0.125 -> tensor<?x8x?x128xbf16>
  return %out : tensor<?x8x?x128xbf16>
}
