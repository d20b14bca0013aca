// Attention whose keys and values one lane has copied as boxes of tensors, and which groups of warps multiply, where the
// chip can.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s
// RUN: heedc %s --target=cuda:sm_90a -o %t.heed
// RUN: heed-dump %t.heed | FileCheck %s --check-prefix=PLAN

// CHECK-LABEL: .entry {{.*}}attend_{{[0-9xr_]+}}_aligned(
// CHECK: .param .align 64 .b8 {{.*}}[128],
// CHECK-NEXT: .param .align 64 .b8 {{.*}}[128],
// CHECK-NEXT: .param .align 64 .b8 {{.*}}[128]
// CHECK-NOT: cp.async.c
// Two groups of warps multiply, one copies.
// CHECK: .reqntid 384
// CHECK: mbarrier.init.shared::cta.b64 [%{{.*}}], 1;
// CHECK: mbarrier.init.shared::cta.b64 [%{{.*}}], 8;
// CHECK: fence.mbarrier_init.release.cluster;
// CHECK: bar.sync 0;
// CHECK: setmaxnreg.dec.sync.aligned.u32 40;
// A slot is filled when it is empty: two panels of queries, then of keys.
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 32768;
// CHECK-COUNT-2: cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 32768;
// CHECK-COUNT-2: cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes
// The others wait for slots only. The last group of them lets the first begin, once for all programs.
// CHECK: setmaxnreg.inc.sync.aligned.u32 232;
// CHECK: bar.arrive 2, 256;
// As many programs on as there are workgroups.
// CHECK: %nctaid.y
// CHECK-NOT: bar.sync 1,
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK: wgmma.fence.sync.aligned;
// Without an accumulator at first; then queries from shared memory, keys as they lie.
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, 0, 1, 1, 0, 0;
// CHECK-COUNT-7: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 0, 0;
// CHECK-NEXT: end inline asm
// CHECK-NEXT: begin inline asm
// CHECK-NEXT: wgmma.commit_group.sync.aligned;
// Each group starts the products of a round in its turn: scores, then, with weights from registers and values across,
// the sums of the block before, which are not touched in between; then the next group may.
// CHECK: bar.sync %{{r[0-9]+}}, 256;
// CHECK-NOT: mul.rn.f32
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, 0, 1, 1, 0, 0;
// CHECK: wgmma.commit_group.sync.aligned;
// CHECK-NOT: mul.rn.f32
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 1;
// CHECK: wgmma.commit_group.sync.aligned;
// CHECK-NEXT: end inline asm
// CHECK: bar.arrive %{{r[0-9]+}}, 256;
// CHECK: wgmma.wait_group.sync.aligned 1;
// CHECK: mbarrier.arrive.shared::cta.b64 _, [%{{.*}}];
// A warp asks its lanes whether scores exceed the reference by so much that it has to follow; only then lanes exchange
// their greatest scores.
// CHECK-NOT: shfl
// CHECK: vote.sync.any.pred [[SOME:%p[0-9]+]], %p{{[0-9]+}}, -1;
// CHECK: not.pred [[NONE:%p[0-9]+]], [[SOME]];
// CHECK: @[[NONE]] bra
// CHECK: shfl.sync.bfly
// The weights' exponents are one multiply-add each; they are made while the sums are computed, which are waited for
// when the lanes have added the weights, and changed only where a reference has followed.
// CHECK: fma.rn.f32
// CHECK: ex2.approx.ftz.f32
// CHECK: ld.volatile.shared.b32 unused, [%{{.*}}]; } wgmma.wait_group.sync.aligned 0;
// CHECK: @[[NONE]] bra
// CHECK-COUNT-64: mul.rn.f32
// CHECK-NOT: mul.rn.f32
// CHECK: bar.sync 2, 256;
// The variant that relies on nothing.
// CHECK-LABEL: .entry {{.*}}attend(
// CHECK-NOT: .param .align
// CHECK-NOT: cp.async.bulk
// CHECK-NOT: wgmma
// CHECK: mma.sync.aligned.m16n8k16
// CHECK: ret

// PLAN: variant [{{.*}}if mod(stride(key, 1), 8) == 0 if {{.*}} aligned to 16] {{.*}}_attend_{{[0-9xr_]+}}_aligned grid {{.*}} resident 1
// PLAN-NEXT: tensor map of operand 0, 2 bytes: {{.*}} swizzle 128
// PLAN-NEXT: tensor map of operand 1, 2 bytes: batch by stride(key, 1)*8 (1) x 8 by stride(key, 1) (1) x sequence by 128 (128) x 128 by 1 (64) swizzle 128
// PLAN-NEXT: tensor map of operand 2, 2 bytes: {{.*}} swizzle 128
// PLAN: variant [sm_90a] {{.*}}_attend grid
func.func @main(%query: tensor<?x8x?x128xbf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>},
    %key: tensor<?x8x?x128xbf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>,
        plan.strides = affine_map<()[s0, s1, s2] -> (s2 * 8, s2, 128, 1)>},
    %value: tensor<?x8x?x128xbf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>})
    -> (tensor<?x8x?x128xbf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence", "head_stride"]} {
  %out = attn.attend query(%query : tensor<?x8x?x128xbf16>) key(%key : tensor<?x8x?x128xbf16>)
      value(%value : tensor<?x8x?x128xbf16>) scale 0.125 -> tensor<?x8x?x128xbf16>
  return %out : tensor<?x8x?x128xbf16>
}
