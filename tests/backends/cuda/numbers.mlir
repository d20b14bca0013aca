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

// Limits hand on NaNs, quotients that may be approximate are, those that may be products with a reciprocal are such with one
// correction, and a quotient by a constant is a product with
// its reciprocal and one correction, which infinite quotients do without. Others are divisions.
// CHECK-LABEL: .entry quotients(
// CHECK-DAG: min.NaN.f32 %[[HIGH:r[0-9]+]], %[[X:r[0-9]+]], 0f41100000;
// CHECK-DAG: max.NaN.f32 %{{r[0-9]+}}, %[[HIGH]], 0fC1100000;
// CHECK-DAG: rcp.approx.ftz.f32 %{{r[0-9]+}}, %[[HIGH]];
// CHECK: div.approx.ftz.f32
// CHECK: rcp.approx.ftz.f32 %[[RECIPROCAL:r[0-9]+]], %[[DIVISOR:r[0-9]+]];
// CHECK: mul.rn.f32 %[[ROUGH:r[0-9]+]], %[[DIVIDEND:r[0-9]+]], %[[RECIPROCAL]];
// CHECK: neg.f32 %[[MINUS:r[0-9]+]], %[[ROUGH]];
// CHECK: fma.rn.f32 %[[LACK:r[0-9]+]], %[[MINUS]], %[[DIVISOR]], %[[DIVIDEND]];
// CHECK: fma.rn.f32 %{{r[0-9]+}}, %[[LACK]], %[[RECIPROCAL]], %[[ROUGH]];
// CHECK: mul.rn.f32 %[[Q:r[0-9]+]], %[[Y:r[0-9]+]], 0f3CA3D70A;
// CHECK: fma.rn.f32 %[[REST:r[0-9]+]], %[[Q]], 0fC2480000, %[[Y]];
// CHECK: fma.rn.f32 %[[BETTER:r[0-9]+]], %[[REST]], 0f3CA3D70A, %[[Q]];
// CHECK: setp.nan.f32 %[[INFINITE:p[0-9]+]], %[[REST]], %[[REST]];
// CHECK: selp.f32 %{{r[0-9]+}}, %[[Q]], %[[BETTER]], %[[INFINITE]];
// CHECK: div.rn.f32 %{{r[0-9]+}}, %{{r[0-9]+}}, 0f3F333333;
simt.kernel @quotients(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %low = arith.constant -9.0 : f32
  %high = arith.constant 9.0 : f32
  %fifty = arith.constant 50.0 : f32
  %less = arith.constant 0.7 : f32
  %v = simt.load global %a align 4 : i64 -> f32
  %above = arith.cmpf olt, %high, %v : f32
  %0 = arith.select %above, %high, %v : f32
  %below = arith.cmpf olt, %0, %low : f32
  %1 = arith.select %below, %low, %0 : f32
  %one = arith.constant 1.0 : f32
  %share = arith.divf %one, %0 fastmath<arcp,afn> : f32
  %rough = arith.divf %1, %share fastmath<arcp,afn> : f32
  %2 = arith.divf %rough, %v fastmath<arcp> : f32
  %3 = arith.divf %2, %fifty : f32
  %4 = arith.divf %3, %less : f32
  simt.store global %4, %a align 4 : f32, i64
  simt.return
}

// Two bf16 of a word are shifted and masked, not taken out.
// CHECK-LABEL: .entry halves(
// CHECK: ld.global.b32 %[[WORD:r[0-9]+]]
// CHECK-NOT: mov.b32 {
// CHECK-DAG: shl.b32 %{{r[0-9]+}}, %[[WORD]], 16;
// CHECK-DAG: and.b32 %{{r[0-9]+}}, %[[WORD]], -65536;
// CHECK: ret;
simt.kernel @halves(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %v = simt.load global %a align 4 : i64 -> vector<2xbf16>
  %low = vector.extract %v[0] : bf16 from vector<2xbf16>
  %high = vector.extract %v[1] : bf16 from vector<2xbf16>
  %0 = arith.extf %low : bf16 to f32
  %1 = arith.extf %high : bf16 to f32
  %2 = arith.addf %0, %1 : f32
  simt.store global %2, %a align 4 : f32, i64
  simt.return
}
