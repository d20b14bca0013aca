// Barriers in shared memory, named barriers, registers handed over.
// RUN: heed-simt %s --target=cuda:sm_90a --emit=ptx | FileCheck %s
// RUN: not heed-simt %s --target=cuda:sm_80 2>&1 | FileCheck %s --check-prefix=AMPERE

// AMPERE: error: sm_80 has no barriers in shared memory

// CHECK-LABEL: .entry ring(
// CHECK: .reqntid 256
// CHECK: .minnctapersm 1
// CHECK-NOT: .maxnreg
// CHECK: mbarrier.init.shared::cta.b64 [%{{.*}}], 129;
// CHECK: fence.mbarrier_init.release.cluster;
// CHECK: bar.sync 0;
// CHECK: setmaxnreg.dec.sync.aligned.u32 40;
// CHECK: mbarrier.try_wait.parity.shared::cta.b64 complete, [%{{.*}}], %{{.*}};
// CHECK: @!complete bra wait;
// A long wait sleeps up to a millisecond at a time.
// CHECK: mbarrier.try_wait.parity.shared::cta.b64 complete, [%{{.*}}], %{{.*}}, 1000000;
// CHECK: cp.async.cg.shared.global
// CHECK: cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%{{.*}}];
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 2048;
// CHECK: setmaxnreg.inc.sync.aligned.u32 232;
// CHECK: fence.proxy.async.shared::cta;
// CHECK: mbarrier.arrive.shared::cta.b64 _, [%{{.*}}];
// CHECK: bar.warp.sync -1;
// CHECK: redux.sync.max.u32 %[[SAME:r[0-9]+]], %{{.*}};
// CHECK: mov.b32 %{{.*}}, %[[SAME]];
// CHECK: vote.sync.any.pred %{{p[0-9]+}}, %{{p[0-9]+}}, -1;
// CHECK: bra
// CHECK: mbarrier.arrive.shared::cta.b64
// CHECK: bar.sync 1, 128;
// CHECK: bar.arrive {{.*}}, 128;
simt.kernel @ring(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 256 : i64, lanes = 32 : i64, shared_bytes = 4096 : i64} {
  %warp = simt.warp
  %lane = simt.lane
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %four = arith.constant 4 : i32
  %first = arith.cmpi eq, %lane, %zero : i32
  %producer = arith.cmpi ult, %warp, %four : i32
  scf.if %first {
    simt.barrier_init %zero count 129
    simt.fence_barriers
  }
  simt.barrier
  scf.if %producer {
    simt.set_registers decrease 40
    simt.barrier_wait %zero parity %one
    simt.barrier_wait patient %zero parity %one
    simt.copy %lane, %a bytes 16
    simt.barrier_arrive_copies %zero
    simt.barrier_arrive_expect %zero bytes 2048
  } else {
    simt.set_registers increase 232
    simt.barrier_wait %zero parity %zero
    simt.fence_async
    simt.barrier_arrive %zero
    simt.warp_barrier
    %same = simt.uniform %warp
    %again = simt.renew %same
    %is_last = arith.cmpi eq, %lane, %again : i32
    %some = simt.any %is_last
    scf.if %some {
      simt.barrier_arrive %again
    }
    simt.named_barrier %one threads 128
    simt.named_barrier arrive %four threads 128
  }
  simt.return
}
