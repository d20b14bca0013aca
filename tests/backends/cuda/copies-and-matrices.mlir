// Asynchronous copies, matrices from shared memory, and matrix instructions.
// RUN: heed-simt %s --target=cuda --emit=ptx | FileCheck %s

// CHECK-LABEL: .entry copies(
// CHECK: cp.async.cg.shared.global [%{{.*}}], [%{{.*}}], 16;
// CHECK: selp.b32 [[SIZE:%r[0-9]+]], 8, 0,
// CHECK: cp.async.ca.shared.global [%{{.*}}], [%{{.*}}], 8, [[SIZE]];
// CHECK: cp.async.commit_group;
// CHECK: cp.async.ca.shared.global [%{{.*}}], [%{{.*}}], 4;
// CHECK: cp.async.commit_group;
// CHECK: cp.async.wait_group 1;
// CHECK: bar.sync 0;
simt.kernel @copies(%a: i64, %n: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 1024 : i64} {
  %lane = simt.lane
  %wide = arith.extsi %lane : i32 to i64
  %inside = arith.cmpi slt, %wide, %n : i64
  simt.copy %lane, %a bytes 16
  simt.copy %lane, %a bytes 8 if %inside
  simt.commit
  simt.copy %lane, %a bytes 4
  simt.commit
  simt.wait 1
  simt.barrier
  simt.return
}

// CHECK-LABEL: .entry matrices(
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
simt.kernel @matrices(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 1024 : i64} {
  %lane = simt.lane
  %zero = arith.constant 0.0 : f32
  %l:4 = simt.load_matrix %lane -> i32, i32, i32, i32
  %r:2 = simt.load_matrix %lane transposed -> i32, i32
  %words = vector.from_elements %l#0, %l#1, %l#2, %l#3 : vector<4xi32>
  %left = vector.bitcast %words : vector<4xi32> to vector<8xf16>
  %l0, %l1, %l2, %l3, %l4, %l5, %l6, %l7 = vector.to_elements %left : vector<8xf16>
  %more = vector.from_elements %r#0, %r#1 : vector<2xi32>
  %right = vector.bitcast %more : vector<2xi32> to vector<4xf16>
  %r0, %r1, %r2, %r3 = vector.to_elements %right : vector<4xf16>
  %s:4 = simt.mma "mma.m16n8k16.f16" left(%l0, %l1, %l2, %l3, %l4, %l5, %l6, %l7 : f16, f16, f16, f16, f16, f16, f16, f16)
      right(%r0, %r1, %r2, %r3 : f16, f16, f16, f16) accumulator(%zero, %zero, %zero, %zero : f32, f32, f32, f32)
      -> f32, f32, f32, f32
  %b0 = arith.bitcast %r0 : f16 to bf16
  %b1 = arith.bitcast %r1 : f16 to bf16
  %t:4 = simt.mma "mma.m16n8k16.bf16" left(%b0, %b1, %b0, %b1, %b0, %b1, %b0, %b1 : bf16, bf16, bf16, bf16, bf16, bf16, bf16, bf16)
      right(%b0, %b1, %b0, %b1 : bf16, bf16, bf16, bf16) accumulator(%s#0, %s#1, %s#2, %s#3 : f32, f32, f32, f32)
      -> f32, f32, f32, f32
  %all = vector.from_elements %t#0, %t#1, %t#2, %t#3 : vector<4xf32>
  simt.store global %all, %a align 16 : vector<4xf32>, i64
  simt.return
}
