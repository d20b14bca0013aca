// Attention of 16-bit tensors is made of the matrix instructions of the chip.
// RUN: heedc %s --target=rocm:gfx942 --emit=isa | FileCheck %s --check-prefix=CDNA
// RUN: heedc %s --target=rocm:gfx1100 --emit=isa | FileCheck %s --check-prefix=RDNA
// RUN: heedc %s --target=rocm:gfx1201 --emit=isa | FileCheck %s --check-prefix=RDNA

// CDNA-LABEL: attend_aligned:
// CDNA: v_mfma_f32_{{.*}}f16
// CDNA: v_exp_f32
// CDNA: v_mfma_f32_{{.*}}f16
// RDNA-LABEL: attend_aligned:
// RDNA: v_wmma_f32_16x16x16_f16
// RDNA: v_exp_f32
// RDNA: v_wmma_f32_16x16x16_f16
func.func @main(%query: tensor<?x8x?x64xf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>},
    %key: tensor<?x8x?x64xf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>},
    %value: tensor<?x8x?x64xf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>})
    -> (tensor<?x8x?x64xf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence"]} {
  %out = attn.attend query(%query : tensor<?x8x?x64xf16>) key(%key : tensor<?x8x?x64xf16>)
      value(%value : tensor<?x8x?x64xf16>) scale 0.125 -> tensor<?x8x?x64xf16>
  return %out : tensor<?x8x?x64xf16>
}
