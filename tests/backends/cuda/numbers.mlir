// Functions are single instructions and never calls; sums and products stay apart unless the program fuses them.
// RUN: heed-simt %s --target=cuda --emit=ptx | FileCheck %s --implicit-check-not=call

// CHECK-LABEL: .entry functions(
// CHECK: ex2.approx.ftz.f32
// CHECK: lg2.approx.ftz.f32
// CHECK: rsqrt.approx.f32
// CHECK: sqrt.rn.f32
// CHECK: mul.rn.f32
// CHECK: add.rn.f32
// CHECK: fma.rn.f32
// CHECK: cvt.rni.f32.f32
// CHECK: max.NaN.f32
// CHECK-DAG: cvt.rn.bf16.f32
// CHECK-DAG: cvt.rn.f16.f32
simt.kernel @functions(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %v = simt.load global %a align 4 : i64 -> f32
  %0 = math.exp2 %v : f32
  %1 = math.log2 %0 : f32
  %2 = math.rsqrt %1 : f32
  %3 = math.sqrt %2 : f32
  %4 = arith.mulf %3, %v : f32
  %5 = arith.addf %4, %0 : f32
  %6 = math.fma %5, %v, %1 : f32
  %7 = math.roundeven %6 : f32
  %8 = arith.maximumf %7, %0 : f32
  %9 = arith.truncf %8 : f32 to bf16
  simt.store global %9, %a align 2 : bf16, i64
  %10 = arith.truncf %8 : f32 to f16
  %c64 = arith.constant 64 : i64
  %next = arith.addi %a, %c64 : i64
  simt.store global %10, %next align 2 : f16, i64
  simt.return
}
