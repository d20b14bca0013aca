// Narrow heads leave registers for a third group of warps: blocks of 192 rows, of which each group has 64.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s
// RUN: heedc %s --target=cuda:sm_90a -o %t.heed
// RUN: heed-dump %t.heed | FileCheck %s --check-prefix=PLAN

// CHECK-LABEL: .entry {{.*}}attend_{{[0-9xr_]+}}_aligned(
// CHECK: .reqntid 512
// Slots are empty when twelve warps say so.
// CHECK: mbarrier.init.shared::cta.b64 [%{{.*}}], 12;
// CHECK: setmaxnreg.dec.sync.aligned.u32 32;
// 192 rows of queries.
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 24576;
// CHECK: setmaxnreg.inc.sync.aligned.u32 160;
// Neighbours hand the turn on.
// CHECK: bar.arrive 2, 256;
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK: bar.sync %{{r[0-9]+}}, 256;
// CHECK: bar.arrive %{{r[0-9]+}}, 256;
// The variant that relies on nothing has smaller blocks.
// CHECK-LABEL: .entry {{.*}}attend(
// CHECK: .reqntid 256
// CHECK: .maxnreg 255

// PLAN: attend_192x128_aligned grid ceildiv(sequence, 192) x 2 x {{.*}} threads 512
func.func @main(%query: tensor<1x2x?x64xbf16> {plan.name = "query", plan.shape = affine_map<()[s0] -> (1, 2, s0, 64)>},
    %key: tensor<1x2x?x64xbf16> {plan.name = "key", plan.shape = affine_map<()[s0] -> (1, 2, s0, 64)>},
    %value: tensor<1x2x?x64xbf16> {plan.name = "value", plan.shape = affine_map<()[s0] -> (1, 2, s0, 64)>})
    -> (tensor<1x2x?x64xbf16> {plan.name = "out"}) attributes {plan.symbols = ["sequence"]} {
  %out = attn.attend query(%query : tensor<1x2x?x64xbf16>) key(%key : tensor<1x2x?x64xbf16>)
      value(%value : tensor<1x2x?x64xbf16>) scale 0.125 -> tensor<1x2x?x64xbf16>
  return %out : tensor<1x2x?x64xbf16>
}
