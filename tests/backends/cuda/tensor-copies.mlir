// Copies of boxes of tensors: the maps are parameters by value behind the words.
// RUN: heed-simt %s --target=cuda:sm_90a --emit=ptx | FileCheck %s
// RUN: not heed-simt %s --target=cuda:sm_80 2>&1 | FileCheck %s --check-prefix=AMPERE

// AMPERE: error: has tensor maps, which sm_80 does not know

// CHECK: .extern .shared .align 1024 .b8 heed_shared[];
// CHECK-LABEL: .entry boxes(
// CHECK: .param .u64 boxes_param_4,
// CHECK-NEXT: .param .align 64 .b8 boxes_param_5[128],
// CHECK-NEXT: .param .align 64 .b8 boxes_param_6[128]
// CHECK-NOT: ld.param.b8
// CHECK-NOT: .local
// CHECK: mov.b64 [[PLACE:%rd[0-9]+]], boxes_param_6;
// CHECK: cvta.param.u64 [[SECOND:%rd[0-9]+]], [[PLACE]];
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 8704;
// CHECK: cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%{{.*}}], [%{{.*}}, {%{{.*}}, %{{.*}}}], [%{{.*}}];
// CHECK: cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%{{.*}}], [[[SECOND]], {[[ZERO:%r[0-9]+]], %{{.*}}, %{{.*}}, [[ZERO]]}], [%{{.*}}];
simt.kernel @boxes(%a: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {
    num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 10240 : i64, tensor_maps = [
      #simt.tensor_map<base 0 of f32 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 1) box [4, 32] swizzle 0>,
      #simt.tensor_map<base 0 of bf16 offset ()[s0] -> (s0) sizes ()[s0] -> (2, 3, s0, 64) strides ()[s0] -> (s0 * 192, 64, 192, 1) box [1, 1, 64, 64] swizzle 128>]} {
  %lane = simt.lane
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %row = arith.constant 8 : i32
  %place = arith.constant 1024 : i32
  %barrier = arith.constant 9216 : i32
  %first = arith.cmpi eq, %lane, %zero : i32
  scf.if %first {
    simt.barrier_init %barrier count 1
    simt.fence_barriers
    simt.barrier_arrive_expect %barrier bytes 8704
    simt.copy_tensor %zero, 0[%row, %zero] barrier %barrier
    simt.copy_tensor %place, 1[%zero, %one, %row, %zero] barrier %barrier
  }
  simt.barrier
  simt.barrier_wait %barrier parity %zero
  simt.return
}
