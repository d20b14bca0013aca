// A table of relative positions: a warp looks up the 143 distances of its 16 rows and 128 keys, five a lane, while the
// products run, and its lanes read 34 of them, in pairs, when the scores are there.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s

// CHECK-LABEL: .entry {{.*}}attend_192x128_aligned(
// CHECK: setmaxnreg.inc.sync.aligned.u32
// In the loop: scores of the next block, the product of this one, then the table.
// CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 1;
// CHECK: wgmma.commit_group.sync.aligned;
// CHECK-COUNT-5: ld.global.b32
// CHECK-NOT: ld.global
// The lanes of the warp have read what they need of the block before.
// CHECK: bar.warp.sync
// CHECK-COUNT-10: st.shared.b32
// CHECK: bar.warp.sync
// CHECK: wgmma.wait_group.sync.aligned 1;
// CHECK: ld.shared.v2.b32 {{.*}}, [%[[LANE:rd[0-9]+]]+{{[0-9]+}}];
// CHECK-COUNT-16: ld.shared.v2.b32 {{.*}}, [%[[LANE]]+{{[0-9]+}}];
// CHECK-NOT: ld.shared
// CHECK: wgmma.wait_group.sync.aligned 0;
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
