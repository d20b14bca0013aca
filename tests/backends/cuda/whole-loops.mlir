// A loop whose rounds make again what does not change keeps it; from others it is taken out.
// RUN: heed-simt %s --target=cuda --emit=ptx | FileCheck %s

// CHECK-LABEL: .visible .entry whole(
// CHECK-NOT: mul.lo.s64
// CHECK: $L__BB
// CHECK: mul.lo.s64
// CHECK: bra
// CHECK-LABEL: .visible .entry other(
// CHECK: mul.lo.s64
// CHECK: $L__BB
// CHECK-NOT: mul.lo.s64
// CHECK: bra
simt.kernel @whole(%out: i64, %n: i64, %y: i64, %z: i64, %u: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %four = arith.constant 4 : i64
  scf.for %i = %zero to %n step %one : i64 {
    %product = arith.muli %n, %n : i64
    %bytes = arith.muli %i, %four : i64
    %address = arith.addi %out, %bytes : i64
    simt.store global %product, %address align 4 : i64, i64
  } {heed.unrolled, heed.whole}
  simt.return
}

simt.kernel @other(%out: i64, %n: i64, %y: i64, %z: i64, %u: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  %four = arith.constant 4 : i64
  scf.for %i = %zero to %n step %one : i64 {
    %product = arith.muli %n, %n : i64
    %bytes = arith.muli %i, %four : i64
    %address = arith.addi %out, %bytes : i64
    simt.store global %product, %address align 4 : i64, i64
  } {heed.unrolled}
  simt.return
}
