// Functions are single instructions and never calls; sums and products stay apart unless the program fuses them.
// RUN: heed-simt %s --target=rocm:gfx1100 --emit=isa | FileCheck %s --implicit-check-not=s_swappc

// CHECK-LABEL: functions:
// CHECK: v_exp_f32
// CHECK: v_log_f32
// CHECK: v_rsq_f32
// CHECK: v_mul_f32
// CHECK: v_add_f32
// CHECK: v_{{fma|fmac}}_f32
// CHECK: v_rndne_f32
// CHECK: v_cvt_f16_f32
// CHECK: .private_segment_fixed_size: 0
simt.kernel @functions(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  %wide = arith.extsi %lane : i32 to i64
  %place = arith.addi %a, %wide : i64
  %v = simt.load global %place align 4 : i64 -> f32
  %0 = math.exp2 %v : f32
  %1 = math.log2 %0 : f32
  %2 = math.rsqrt %1 : f32
  %4 = arith.mulf %2, %v : f32
  %5 = arith.addf %4, %0 : f32
  %6 = math.fma %5, %v, %1 : f32
  %7 = math.roundeven %6 : f32
  %10 = arith.truncf %7 : f32 to f16
  simt.store global %10, %place align 2 : f16, i64
  simt.return
}
