// A bias of each score and a mask of each key, copied as boxes into rings of their own. Lanes read them there, the bias
// as the matrices that scores are made of, once the scores have come.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s
// RUN: heedc %s --target=cuda:sm_90a -o %t.heed
// RUN: heed-dump %t.heed | FileCheck %s --check-prefix=PLAN

// CHECK-LABEL: .entry {{.*}}attend_{{[0-9xr_]+}}_aligned(
// CHECK-COUNT-5: .param .align 64 .b8 {{.*}}[128]
// The warps that copy: queries, keys, then the bias and the mask.
// CHECK: setmaxnreg.dec.sync.aligned.u32
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 16384;
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 49152;
// CHECK-COUNT-2: cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 128;
// CHECK: cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes
// The others, of which there are three groups.
// CHECK: setmaxnreg.inc.sync.aligned.u32
// In the loop: scores of the next block, the product of this one; the bias when the scores are there.
// CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 1;
// CHECK: wgmma.wait_group.sync.aligned 1;
// CHECK-NOT: ld.global
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK-COUNT-8: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-NOT: ldmatrix
// The slot is empty when the whole warp has read it.
// CHECK: bar.warp.sync
// CHECK: mbarrier.arrive.shared::cta.b64 _, [%{{.*}}];
// CHECK: ld.shared.v2.b8
// CHECK-NOT: ld.global
// CHECK: wgmma.wait_group.sync.aligned 0;
// The variant that relies on nothing.
// CHECK-LABEL: .entry {{.*}}attend(
// CHECK-NOT: cp.async.bulk
// CHECK-LABEL: .entry {{.*}}attend_parts

// Batches that read the same bias come one behind the other.
// PLAN: attend_192x128_aligned grid batch{{.*}} x ceildiv(sequence, 192) x 2 threads
// PLAN: tensor map of operand 3, 2 bytes: {{.*}} (192) x {{.*}} (64) swizzle 128
// PLAN-NEXT: tensor map of operand 4, 1 bytes: {{.*}} (1) x {{.*}} (128){{$}}
func.func @main(%query: tensor<?x2x?x64xbf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 64)>},
    %key: tensor<?x2x?x64xbf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 64)>},
    %value: tensor<?x2x?x64xbf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 64)>},
    %bias: tensor<1x2x?x?xbf16> {plan.name = "bias", plan.shape = affine_map<()[s0, s1] -> (1, 2, s1, s1)>},
    %mask: tensor<?x?xi1> {plan.name = "mask", plan.shape = affine_map<()[s0, s1] -> (s0, s1)>})
    -> (tensor<?x2x?x64xbf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence"]} {
  %out = attn.attend query(%query : tensor<?x2x?x64xbf16>) key(%key : tensor<?x2x?x64xbf16>)
      value(%value : tensor<?x2x?x64xbf16>) captures(%bias, %mask : tensor<1x2x?x?xbf16>, tensor<?x?xi1>) scale 0.125 score {
  ^bb0(%s: f32, %b: index, %h: index, %row: index, %col: index, %pos: index, %the_bias: tensor<1x2x?x?xbf16>, %the_mask: tensor<?x?xi1>):
    %first = arith.constant 0 : index
    %entry = tensor.extract %the_bias[%first, %h, %row, %col] : tensor<1x2x?x?xbf16>
    %wide = arith.extf %entry : bf16 to f32
    %sum = arith.addf %s, %wide : f32
    attn.yield %sum : f32
  } keep {
  ^bb0(%b: index, %h: index, %row: index, %col: index, %pos: index, %the_bias: tensor<1x2x?x?xbf16>, %the_mask: tensor<?x?xi1>):
    %visible = tensor.extract %the_mask[%b, %col] : tensor<?x?xi1>
    attn.yield %visible : i1
  } -> tensor<?x2x?x64xbf16>
  return %out : tensor<?x2x?x64xbf16>
}
