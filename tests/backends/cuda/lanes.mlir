// What a lane knows of itself, and what it hears from others.
// RUN: heed-simt %s --target=cuda --emit=ptx | FileCheck %s

// CHECK: .target sm_80
// CHECK: .extern .shared .align 16 .b8 heed_shared[];
// CHECK-LABEL: .visible .entry reverse(
// CHECK: .reqntid 64
// CHECK-DAG: %ctaid.y
// CHECK-DAG: %nctaid.x
// CHECK-DAG: %ctaid.x
// CHECK-DAG: %tid.x
// CHECK: st.shared.b32
// CHECK: bar.sync 0;
// CHECK: ld.shared.b32
// CHECK: shfl.sync.bfly.b32 {{.*}}, 1, 31, -1;
// CHECK: shfl.sync.idx.b32 {{.*}}, 31, -1;
// CHECK: st.global.b32
simt.kernel @reverse(%out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 32 : i64, shared_bytes = 256 : i64} {
  %program = simt.program
  %lane = simt.lane
  %warp = simt.warp
  %c5 = arith.constant 5 : i32
  %c2 = arith.constant 2 : i32
  %c63 = arith.constant 63 : i32
  %c1 = arith.constant 1 : i32
  %first = arith.shli %warp, %c5 : i32
  %thread = arith.addi %first, %lane : i32
  %offset = arith.shli %thread, %c2 : i32
  simt.store shared %program, %offset align 4 : i32, i32
  simt.barrier
  %other = arith.subi %c63, %thread : i32
  %from = arith.shli %other, %c2 : i32
  %value = simt.load shared %from align 4 : i32 -> i32
  %neighbour = simt.shuffle xor %value, %c1 : i32
  %first_lane = simt.shuffle index %neighbour, %warp : i32
  %wide = arith.extsi %offset : i32 to i64
  %place = arith.addi %out, %wide : i64
  simt.store global %first_lane, %place align 4 : i32, i64
  simt.return
}

// One lane counts for its workgroup, whose stores the barrier has brought together, and acquires what others have released.
// CHECK-LABEL: .entry count(
// CHECK: st.global.b32
// CHECK: bar.sync 0;
// CHECK: mov.b32 [[LAST:%r[0-9]+]], 2;
// CHECK: atom.acq_rel.gpu.global.inc.u32 [[BEFORE:%r[0-9]+]], [{{%rd[0-9]+}}], [[LAST]];
// CHECK: setp.eq.b32 {{%p[0-9]+}}, [[BEFORE]], 2;
simt.kernel @count(%counter: i64, %out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 2 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 256 : i64} {
  %lane = simt.lane
  %c0 = arith.constant 0 : i32
  %c2 = arith.constant 2 : i32
  %c3 = arith.constant 3 : i32
  %offset = arith.shli %lane, %c2 : i32
  %wide = arith.extsi %offset : i32 to i64
  %place = arith.addi %out, %wide : i64
  simt.store global %lane, %place align 4 : i32, i64
  simt.barrier
  %first = arith.cmpi eq, %lane, %c0 : i32
  scf.if %first {
    %last = simt.arrive %counter of %c3
    %told = arith.extui %last : i1 to i32
    simt.store shared %told, %c0 align 4 : i32, i32
  }
  simt.barrier
  %all = simt.load shared %c0 align 4 : i32 -> i32
  simt.store global %all, %place align 4 : i32, i64
  simt.return
}
