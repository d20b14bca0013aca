// Attention whose keys and values one lane has copied as boxes of tensors, where the chip can.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s
// RUN: heedc %s --target=cuda:sm_90a -o %t.heed
// RUN: heed-dump %t.heed | FileCheck %s --check-prefix=PLAN

// CHECK-LABEL: .entry {{.*}}attend_aligned(
// CHECK: .param .align 64 .b8 {{.*}}[128],
// CHECK-NEXT: .param .align 64 .b8 {{.*}}[128]
// CHECK-NOT: cp.async.c
// The barriers of two slots, then the copies of the first block: a panel of keys, and one of values.
// CHECK: mbarrier.init.shared::cta.b64 [%{{.*}}], 1;
// CHECK: mbarrier.init.shared::cta.b64 [%{{.*}}], 1;
// CHECK: fence.mbarrier_init.release.cluster;
// CHECK: fence.proxy.async.shared::cta;
// CHECK: bar.sync
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 32768;
// CHECK-COUNT-4: cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK: bar.sync
// CHECK: cp.async.bulk.tensor.4d
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: mbarrier.inval.shared::cta.b64
// The variant that relies on nothing.
// CHECK-LABEL: .entry {{.*}}attend(
// CHECK-NOT: .param .align
// CHECK-NOT: cp.async.bulk
// CHECK: ret

// PLAN: variant [{{.*}}if mod(stride(key, 1), 8) == 0 if {{.*}} aligned to 16] {{.*}}_attend_aligned grid
// PLAN-NEXT: tensor map of operand 1, 2 bytes: batch by stride(key, 1)*8 (1) x 8 by stride(key, 1) (1) x sequence by 128 (64) x 128 by 1 (64) swizzle 128
// PLAN-NEXT: tensor map of operand 2, 2 bytes: {{.*}} swizzle 128
// PLAN-NEXT: variant [sm_90a] {{.*}}_attend grid
func.func @main(%query: tensor<?x8x?x128xbf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>},
    %key: tensor<?x8x?x128xbf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>,
        plan.strides = affine_map<()[s0, s1, s2] -> (s2 * 8, s2, 128, 1)>},
    %value: tensor<?x8x?x128xbf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 128)>})
    -> (tensor<?x8x?x128xbf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence", "head_stride"]} {
  %out = attn.attend query(%query : tensor<?x8x?x128xbf16>) key(%key : tensor<?x8x?x128xbf16>)
      value(%value : tensor<?x8x?x128xbf16>) scale 0.125 -> tensor<?x8x?x128xbf16>
  return %out : tensor<?x8x?x128xbf16>
}
