// Loads with a predicate read from elsewhere instead of being branched around; stores of one predicate share a branch.
// RUN: heed-simt %s --target=rocm:gfx942 --emit=isa | FileCheck %s
// RUN: heed-simt %s --target=rocm:gfx942 --emit=llvm | FileCheck %s --check-prefix=FILL

// CHECK-LABEL: loads:
// CHECK-NOT: s_cbranch
// CHECK: heed_safe
// CHECK-DAG: global_load_dwordx4
// CHECK-DAG: global_load_ushort
// CHECK: s_endpgm
// CHECK-LABEL: stores:
// CHECK: s_and_saveexec_b64
// CHECK: global_store_dwordx4
// CHECK-NOT: s_and_saveexec_b64
// CHECK: global_store_dword
// CHECK: s_endpgm

// Zeros are what is read elsewhere; only another fill is chosen after the load.
// FILL-LABEL: @loads
// FILL: %[[ZEROS:.*]] = load <4 x float>
// FILL: %[[READ:.*]] = load bfloat
// FILL: select i1 %{{.*}}, bfloat %[[READ]], bfloat 0xR3F80
// FILL: store <4 x float> %[[ZEROS]]
simt.kernel @loads(%a: i64, %n: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 64 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  %wide = arith.extsi %lane : i32 to i64
  %inside = arith.cmpi slt, %wide, %n : i64
  %fill = arith.constant dense<0.0> : vector<4xf32>
  %value = simt.load global %a if %inside else %fill : vector<4xf32> align 16 : i64 -> vector<4xf32>
  %one = arith.constant 1.0 : bf16
  %c64 = arith.constant 64 : i64
  %next = arith.addi %a, %c64 : i64
  %small = simt.load global %next if %inside else %one : bf16 align 2 : i64 -> bf16
  simt.store global %value, %a align 16 : vector<4xf32>, i64
  simt.store global %small, %a align 2 : bf16, i64
  simt.return
}
simt.kernel @stores(%a: i64, %n: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 64 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  %wide = arith.extsi %lane : i32 to i64
  %inside = arith.cmpi slt, %wide, %n : i64
  %four = arith.constant 4096 : i64
  %value = arith.constant dense<2.0> : vector<4xf32>
  simt.store global %value, %a if %inside align 16 : vector<4xf32>, i64
  %next = arith.addi %a, %four : i64
  simt.store global %lane, %next if %inside align 4 : i32, i64
  simt.return
}
