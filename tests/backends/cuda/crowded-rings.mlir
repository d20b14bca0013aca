// Two slots of a bias in f32 have no room beside those of 128 keys at this width: blocks of 64 keys, whose lanes need not
// load it by themselves, are better.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s --implicit-check-not=attend_128x128

// CHECK-LABEL: .entry {{.*}}attend_128x64_aligned(
// CHECK-COUNT-4: .param .align 64 .b8 {{.*}}[128]
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 32768;
// CHECK: setmaxnreg.inc.sync.aligned.u32
// CHECK-NOT: ld.global
// CHECK: ld.shared.v2.b32
// CHECK-NOT: ld.global
// CHECK-LABEL: .entry {{.*}}attend(
func.func @main(%query: tensor<1x2x?x128xbf16> {plan.name = "query", plan.shape = affine_map<()[s0] -> (1, 2, s0, 128)>},
    %key: tensor<1x2x?x128xbf16> {plan.name = "key", plan.shape = affine_map<()[s0] -> (1, 2, s0, 128)>},
    %value: tensor<1x2x?x128xbf16> {plan.name = "value", plan.shape = affine_map<()[s0] -> (1, 2, s0, 128)>},
    %bias: tensor<?x?xf32> {plan.name = "bias", plan.shape = affine_map<()[s0] -> (s0, s0)>})
    -> (tensor<1x2x?x128xbf16> {plan.name = "out"}) attributes {plan.symbols = ["sequence"]} {
  %out = attn.attend query(%query : tensor<1x2x?x128xbf16>) key(%key : tensor<1x2x?x128xbf16>)
      value(%value : tensor<1x2x?x128xbf16>) captures(%bias : tensor<?x?xf32>) scale 0.125 score {
  ^bb0(%s: f32, %b: index, %h: index, %row: index, %col: index, %pos: index, %the_bias: tensor<?x?xf32>):
    %entry = tensor.extract %the_bias[%row, %col] : tensor<?x?xf32>
    %sum = arith.addf %s, %entry : f32
    attn.yield %sum : f32
  } -> tensor<1x2x?x128xbf16>
  return %out : tensor<1x2x?x128xbf16>
}
