// A table of relative positions: the warp that copies looks up the 319 distances of 192 rows and 128 keys, ten a lane, and
// stores them behind the keys. Products start from what the lanes read of them.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s

// CHECK-LABEL: .entry {{.*}}attend_192x128_aligned(
// The barriers of four slots of keys await bytes, and the band.
// CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 1;
// CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 12;
// CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 1;
// CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 12;
// CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 2;
// CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 12;
// CHECK: setmaxnreg.inc.sync.aligned.u32
// In the loop: when the keys are there, the band is read into the sum, 64 elements a lane in pairs, before it is the
// group's turn; no product begins with nothing, and no scores are changed.
// CHECK: wgmma.wait_group.sync.aligned 0;
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK: ld.shared.v2.b32 {[[A:%r[0-9]+]], [[B:%r[0-9]+]]}, [%[[EVEN:rd[0-9]+]]];
// CHECK: ld.shared.v2.b32 {[[C:%r[0-9]+]], [[D:%r[0-9]+]]}, [%[[ODD:rd[0-9]+]]];
// CHECK-COUNT-30: ld.shared.v2.b32 {{.*}}, [%rd{{[0-9]+}}+{{[0-9]+}}];
// CHECK-NOT: ld.
// CHECK: bar.sync %r{{[0-9]+}}, 256;
// CHECK-COUNT-4: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {[[A]], [[B]], [[C]], [[D]], {{.*}}, 1, 1, 1, 0, 0;
// CHECK: wgmma.commit_group.sync.aligned;
// CHECK-NOT: ld.
// CHECK: bar.arrive %r{{[0-9]+}}, 256;
// The warp that copies: lanes wait for the slot, one has the keys copied, all look up, and one tells when all have stored.
// CHECK: setmaxnreg.dec.sync.aligned.u32
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [{{.*}}], 24576;
// CHECK: mbarrier.try_wait.parity.shared::cta.b64 complete
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [[[FULL:%r[0-9]+]]], 16384;
// CHECK: cp.async.bulk.tensor
// CHECK-COUNT-4: ld.global.b32
// CHECK-COUNT-8: st.shared.b32
// CHECK: bar.warp.sync
// CHECK-COUNT-4: ld.global.b32
// CHECK-COUNT-8: st.shared.b32
// CHECK: bar.warp.sync
// CHECK-COUNT-2: ld.global.b32
// CHECK-COUNT-4: st.shared.b32
// CHECK: bar.warp.sync
// CHECK-NOT: shared
// CHECK: mbarrier.arrive.shared::cta.b64 _, [[[FULL]]];
func.func @main(%query: tensor<?x2x?x64xbf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 64)>}, %key: tensor<?x2x?x64xbf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 64)>}, %value: tensor<?x2x?x64xbf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 64)>}, %table: tensor<2x1024xf32> {plan.name = "table", plan.shape = affine_map<()[s0, s1] -> (2, 1024)>}) -> (tensor<?x2x?x64xbf16> {plan.name = "out"})
    attributes {plan.symbols = ["batch", "sequence"]} {
  %out = attn.attend query(%query : tensor<?x2x?x64xbf16>) key(%key : tensor<?x2x?x64xbf16>) value(%value : tensor<?x2x?x64xbf16>)
      captures(%table : tensor<2x1024xf32>)
      scale 0.125 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %col: index, %pos: index, %the_table: tensor<2x1024xf32>):
      %zero = arith.constant 0 : index
      %most = arith.constant 1023 : index
      %back = arith.subi %pos, %col : index
      %positive = arith.maxsi %back, %zero : index
      %distance = arith.minsi %positive, %most : index
      %bias = tensor.extract %the_table[%h, %distance] : tensor<2x1024xf32>
      %changed = arith.addf %s, %bias : f32
      attn.yield %changed : f32
    } keep {
    ^bb0(%b: index, %h: index, %row: index, %col: index, %pos: index, %the_table: tensor<2x1024xf32>):
      %visible = arith.cmpi sle, %col, %pos : index
      attn.yield %visible : i1
    } -> tensor<?x2x?x64xbf16>
  return %out : tensor<?x2x?x64xbf16>
}
