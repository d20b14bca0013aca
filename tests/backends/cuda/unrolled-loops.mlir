// A loop that is written out as far as registers allow stays one for the assembler; others are its own choice.
// RUN: heed-simt %s --target=cuda --emit=ptx | FileCheck %s

// CHECK-LABEL: .visible .entry written_out(
// CHECK: .pragma "nounroll";
// CHECK: ret;
simt.kernel @written_out(%out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %end = arith.constant 64 : i32
  %four = arith.constant 4 : i64
  scf.for %i = %zero to %end step %one : i32 {
    %wide = arith.extui %i : i32 to i64
    %bytes = arith.muli %wide, %four : i64
    %address = arith.addi %out, %bytes : i64
    simt.store global %i, %address align 4 : i32, i64
  } {heed.unrolled}
  simt.return
}

// CHECK-LABEL: .visible .entry other(
// CHECK-NOT: nounroll
// CHECK: ret;
simt.kernel @other(%out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %end = arith.constant 64 : i32
  %four = arith.constant 4 : i64
  scf.for %i = %zero to %end step %one : i32 {
    %wide = arith.extui %i : i32 to i64
    %bytes = arith.muli %wide, %four : i64
    %address = arith.addi %out, %bytes : i64
    simt.store global %i, %address align 4 : i32, i64
  }
  simt.return
}
