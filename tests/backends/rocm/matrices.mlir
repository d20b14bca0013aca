// Every chip's matrix instructions.
// RUN: split-file %s %t
// RUN: heed-simt %t/mfma.mlir --target=rocm:gfx90a --emit=isa | FileCheck %s --check-prefix=MI200
// RUN: heed-simt %t/mfma.mlir --target=rocm:gfx942 --emit=isa | FileCheck %s --check-prefix=MI300
// RUN: heed-simt %t/mfma.mlir --target=rocm:gfx950 --emit=isa | FileCheck %s --check-prefix=MI300
// RUN: heed-simt %t/replicated.mlir --target=rocm:gfx1100 --emit=isa | FileCheck %s --check-prefix=RDNA
// RUN: heed-simt %t/replicated.mlir --target=rocm:gfx1151 --emit=isa | FileCheck %s --check-prefix=RDNA
// RUN: heed-simt %t/wmma.mlir --target=rocm:gfx1200 --emit=isa | FileCheck %s --check-prefix=RDNA
// RUN: heed-simt %t/wmma.mlir --target=rocm:gfx1201 --emit=isa | FileCheck %s --check-prefix=RDNA

// MI200: v_mfma_f32_16x16x16f16
// MI200: v_mfma_f32_16x16x16bf16_1k
// MI300: v_mfma_f32_16x16x16_f16
// MI300: v_mfma_f32_16x16x16_bf16
// RDNA: v_wmma_f32_16x16x16_f16
// RDNA: v_wmma_f32_16x16x16_bf16

//--- mfma.mlir
simt.kernel @matrices(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 64 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0.0 : f32
  %h = simt.load global %a align 2 : i64 -> f16
  %b = simt.load global %a align 2 : i64 -> bf16
  %f16:4 = simt.mma "mfma.16x16x16.f16"
      left(%h, %h, %h, %h : f16, f16, f16, f16)
      right(%h, %h, %h, %h : f16, f16, f16, f16)
      accumulator(%zero, %zero, %zero, %zero : f32, f32, f32, f32)
      -> f32, f32, f32, f32
  %bf16:4 = simt.mma "mfma.16x16x16.bf16"
      left(%b, %b, %b, %b : bf16, bf16, bf16, bf16)
      right(%b, %b, %b, %b : bf16, bf16, bf16, bf16)
      accumulator(%f16#0, %f16#1, %f16#2, %f16#3 : f32, f32, f32, f32)
      -> f32, f32, f32, f32
  %all = vector.from_elements %bf16#0, %bf16#1, %bf16#2, %bf16#3 : vector<4xf32>
  simt.store global %all, %a align 16 : vector<4xf32>, i64
  simt.return
}
//--- replicated.mlir
simt.kernel @matrices(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0.0 : f32
  %h = simt.load global %a align 2 : i64 -> f16
  %b = simt.load global %a align 2 : i64 -> bf16
  %f16:8 = simt.mma "wmma.16x16x16.replicated.f16"
      left(%h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h : f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16)
      right(%h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h, %h : f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f16)
      accumulator(%zero, %zero, %zero, %zero, %zero, %zero, %zero, %zero : f32, f32, f32, f32, f32, f32, f32, f32)
      -> f32, f32, f32, f32, f32, f32, f32, f32
  %bf16:8 = simt.mma "wmma.16x16x16.replicated.bf16"
      left(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b : bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16)
      right(%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b : bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16)
      accumulator(%f16#0, %f16#1, %f16#2, %f16#3, %f16#4, %f16#5, %f16#6, %f16#7 : f32, f32, f32, f32, f32, f32, f32, f32)
      -> f32, f32, f32, f32, f32, f32, f32, f32
  %all = vector.from_elements %bf16#0, %bf16#1, %bf16#2, %bf16#3 : vector<4xf32>
  simt.store global %all, %a align 16 : vector<4xf32>, i64
  simt.return
}
//--- wmma.mlir
simt.kernel @matrices(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0.0 : f32
  %h = simt.load global %a align 2 : i64 -> f16
  %b = simt.load global %a align 2 : i64 -> bf16
  %f16:8 = simt.mma "wmma.16x16x16.f16"
      left(%h, %h, %h, %h, %h, %h, %h, %h : f16, f16, f16, f16, f16, f16, f16, f16)
      right(%h, %h, %h, %h, %h, %h, %h, %h : f16, f16, f16, f16, f16, f16, f16, f16)
      accumulator(%zero, %zero, %zero, %zero, %zero, %zero, %zero, %zero : f32, f32, f32, f32, f32, f32, f32, f32)
      -> f32, f32, f32, f32, f32, f32, f32, f32
  %bf16:8 = simt.mma "wmma.16x16x16.bf16"
      left(%b, %b, %b, %b, %b, %b, %b, %b : bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16)
      right(%b, %b, %b, %b, %b, %b, %b, %b : bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16)
      accumulator(%f16#0, %f16#1, %f16#2, %f16#3, %f16#4, %f16#5, %f16#6, %f16#7 : f32, f32, f32, f32, f32, f32, f32, f32)
      -> f32, f32, f32, f32, f32, f32, f32, f32
  %all = vector.from_elements %bf16#0, %bf16#1, %bf16#2, %bf16#3 : vector<4xf32>
  simt.store global %all, %a align 16 : vector<4xf32>, i64
  simt.return
}
