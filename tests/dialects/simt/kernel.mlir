// RUN: heed-opt %s | heed-opt | FileCheck %s

// CHECK-LABEL: simt.kernel @every_op
// CHECK-SAME: num_bases = 1
// CHECK-SAME: tensor_maps = [#simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (s0 * 64, 1) box[8, 64] swizzle 128>]
simt.kernel @every_op(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 32 : i64, shared_bytes = 2048 : i64, tensor_maps = [
      #simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (s0 * 64, 1) box [8, 64] swizzle 128>]} {
  // CHECK: simt.admit_next
  simt.admit_next
  // CHECK: simt.await_previous unwritten [0]
  simt.await_previous unwritten [0]
  // CHECK: simt.prefetch %
  simt.prefetch %base
  %first = arith.constant true
  // CHECK: simt.prefetch %{{.*}} if %
  simt.prefetch %base if %first
  %count = arith.constant 3 : i32
  // CHECK: simt.arrive %{{.*}} of %
  %last = simt.arrive %base of %count
  // CHECK: simt.program
  %program = simt.program
  %lane = simt.lane
  %warp = simt.warp
  %inside = arith.cmpi slt, %lane, %warp : i32
  %zero = arith.constant 0.0 : f32
  // CHECK: simt.load global %{{.*}} align 4 : i64 -> f32
  %a = simt.load global %base align 4 : i64 -> f32
  // CHECK: simt.load global %{{.*}} if %{{.*}} else %{{.*}} : f32 align 4 : i64 -> f32
  %b = simt.load global %base if %inside else %zero : f32 align 4 : i64 -> f32
  // CHECK: simt.load shared %{{.*}} align 16 : i32 -> vector<4xf32>
  %c = simt.load shared %lane align 16 : i32 -> vector<4xf32>
  // CHECK: simt.store shared %{{.*}}, %{{.*}} align 16 : vector<4xf32>, i32
  simt.store shared %c, %lane align 16 : vector<4xf32>, i32
  // CHECK: simt.store global %{{.*}}, %{{.*}} if %{{.*}} align 4 : f32, i64
  simt.store global %a, %base if %inside align 4 : f32, i64
  // CHECK: simt.copy %{{.*}}, %{{.*}} bytes 16 if %{{.*}}
  simt.copy %lane, %base bytes 16 if %inside
  simt.commit
  // CHECK: simt.wait 1
  simt.wait 1
  simt.barrier
  // CHECK: simt.shuffle xor %{{.*}}, %{{.*}} : f32
  %d = simt.shuffle xor %b, %lane : f32
  // CHECK: simt.load_matrix %{{.*}} transposed -> i32, i32
  %e:2 = simt.load_matrix %lane transposed -> i32, i32
  // CHECK: simt.mma "fma" left(%{{.*}} : f32) right(%{{.*}} : f32) accumulator(%{{.*}} : f32) -> f32
  %f = simt.mma "fma" left(%a : f32) right(%b : f32) accumulator(%d : f32) -> f32
  // CHECK: simt.barrier_init %{{.*}} count 129
  simt.barrier_init %lane count 129
  simt.fence_barriers
  // CHECK: simt.barrier_arrive %
  simt.barrier_arrive %lane
  // CHECK: simt.barrier_arrive_expect %{{.*}} bytes 1024
  simt.barrier_arrive_expect %lane bytes 1024
  // CHECK: simt.barrier_arrive_copies %
  simt.barrier_arrive_copies %lane
  // CHECK: simt.barrier_wait %{{.*}} parity %
  simt.barrier_wait %lane parity %warp
  // CHECK: simt.barrier_wait patient %{{.*}} parity %
  simt.barrier_wait patient %lane parity %warp
  // CHECK: simt.barrier_end %
  simt.barrier_end %lane
  simt.fence_async
  // CHECK: simt.copy_tensor %{{.*}}, 0[%{{.*}}, %{{.*}}] barrier %
  simt.copy_tensor %lane, 0[%lane, %warp] barrier %warp
  // CHECK: simt.warp_barrier
  simt.warp_barrier
  // CHECK: simt.renew %
  %again = simt.renew %lane
  // CHECK: simt.uniform %
  %same = simt.uniform %warp
  // CHECK: %{{.*}} = simt.any %
  %some = arith.cmpi eq, %lane, %warp : i32
  %any = simt.any %some
  // CHECK: simt.named_barrier %{{.*}} threads 64
  simt.named_barrier %warp threads 64
  // CHECK: simt.named_barrier arrive %{{.*}} threads 64
  simt.named_barrier arrive %warp threads 64
  // CHECK: simt.set_registers increase 232
  simt.set_registers increase 232
  simt.set_registers decrease 24
  // CHECK: %{{.*}}:2 = simt.mma_fence %{{.*}}, %{{.*}} : f32, i32
  %g:2 = simt.mma_fence %b, %lane : f32, i32
  // CHECK: simt.mma_async "rows" left %{{.*}} <row = 128, group = 1024, panel = 0, across = false> right %{{.*}} <row = 64, group = 512, panel = 4096, across = true> -> f32
  %h = simt.mma_async "rows" left %lane <row = 128, group = 1024, panel = 0, across = false>
      right %warp <row = 64, group = 512, panel = 4096, across = true> -> f32
  // CHECK: simt.mma_async "rows" fragment(%{{.*}}) right %{{.*}} <{{.*}}> accumulator(%{{.*}}) -> f32
  %i = simt.mma_async "rows" fragment(%g#1) right %warp <row = 64, group = 512, panel = 4096, across = true>
      accumulator(%h) -> f32
  simt.mma_commit
  // CHECK: simt.mma_wait 1 values %{{.*}} : f32
  %j = simt.mma_wait 1 values %i : f32
  simt.return
}
