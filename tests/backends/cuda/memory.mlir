// Accesses become the widest instructions their alignment allows; those with a predicate are predicated, not branched
// around.
// RUN: heed-simt %s --target=cuda --emit=ptx | FileCheck %s

// CHECK-LABEL: .entry plain(
// CHECK: ld.global.v4.b32
// CHECK: st.shared.v4.b32
// CHECK-NOT: bra
// CHECK-LABEL: .entry half_aligned(
// CHECK-COUNT-2: ld.global.v2.b32
// CHECK-NOT: ld.global
// CHECK-LABEL: .entry predicated(
// CHECK-NOT: bra
// CHECK: @%p{{[0-9]+}} ld.global.v4.b32
// CHECK: @%p{{[0-9]+}} ld.shared.b16
// CHECK: @%p{{[0-9]+}} st.global.v2.b32
// CHECK: @%p{{[0-9]+}} st.global.v2.b32
// CHECK: @%p{{[0-9]+}} st.global.b8
// CHECK: @%p{{[0-9]+}} st.shared.v2.b64
// CHECK-NOT: bra
simt.kernel @plain(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 512 : i64} {
  %lane = simt.lane
  %c4 = arith.constant 4 : i32
  %offset = arith.shli %lane, %c4 : i32
  %value = simt.load global %a align 16 : i64 -> vector<8xf16>
  simt.store shared %value, %offset align 16 : vector<8xf16>, i32
  simt.return
}
simt.kernel @half_aligned(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 512 : i64} {
  %lane = simt.lane
  %c4 = arith.constant 4 : i32
  %offset = arith.shli %lane, %c4 : i32
  %value = simt.load global %a align 8 : i64 -> vector<8xf16>
  simt.store shared %value, %offset align 16 : vector<8xf16>, i32
  simt.return
}
simt.kernel @predicated(%a: i64, %n: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 512 : i64} {
  %lane = simt.lane
  %wide = arith.extsi %lane : i32 to i64
  %inside = arith.cmpi slt, %wide, %n : i64
  %fill = arith.constant dense<0.0> : vector<4xf32>
  %value = simt.load global %a if %inside else %fill : vector<4xf32> align 16 : i64 -> vector<4xf32>
  %one = arith.constant 1.0 : bf16
  %small = simt.load shared %lane if %inside else %one : bf16 align 2 : i32 -> bf16
  simt.store global %value, %a if %inside align 8 : vector<4xf32>, i64
  %bits = arith.bitcast %small : bf16 to i16
  %byte = arith.trunci %bits : i16 to i8
  simt.store global %byte, %a if %inside align 1 : i8, i64
  %pair = vector.from_elements %wide, %n : vector<2xi64>
  simt.store shared %pair, %lane if %inside align 16 : vector<2xi64>, i32
  simt.return
}
