// RUN: heed-opt %s | heed-opt | FileCheck %s

// CHECK-LABEL: func.func @causal_with_slopes
func.func @causal_with_slopes(%q: tensor<2x8x?x64xf16>, %k: tensor<2x2x?x64xf16>, %v: tensor<2x2x?x64xf16>, %slopes: tensor<8xf32>) -> tensor<2x8x?x64xf16> {
  // CHECK: attn.attend query(%{{.*}} : tensor<2x8x?x64xf16>) key({{.*}}) value({{.*}}) captures({{.*}} : tensor<8xf32>) scale 1.250000e-01 score {
  %0 = attn.attend query(%q : tensor<2x8x?x64xf16>) key(%k : tensor<2x2x?x64xf16>) value(%v : tensor<2x2x?x64xf16>)
      captures(%slopes : tensor<8xf32>) scale 0.125 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %sl: tensor<8xf32>):
      %slope = tensor.extract %sl[%h] : tensor<8xf32>
      %d = arith.subi %key, %pos : index
      %di = arith.index_cast %d : index to i32
      %df = arith.sitofp %di : i32 to f32
      %bias = arith.mulf %slope, %df : f32
      %r = arith.addf %s, %bias : f32
      attn.yield %r : f32
    } keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %sl: tensor<8xf32>):
      %c = arith.cmpi sle, %key, %pos : index
      attn.yield %c : i1
    } -> tensor<2x8x?x64xf16>
  return %0 : tensor<2x8x?x64xf16>
}

// CHECK-LABEL: func.func @state_then_finish
func.func @state_then_finish(%q: tensor<1x8x4x64xf32>, %k: tensor<1x8x16x64xf32>, %len: tensor<1xi64>, %sink: tensor<8xf32>) -> (tensor<1x8x4x64xf32>, tensor<1x8x4xf32>) {
  // CHECK: attn.attend {{.*}} kv_length({{.*}} : tensor<1xi64>) scale 1.000000e+00 -> state !attn.row_state<tensor<1x8x4x64xf32>>
  %0 = attn.attend query(%q : tensor<1x8x4x64xf32>) key(%k : tensor<1x8x16x64xf32>) value(%k : tensor<1x8x16x64xf32>)
      kv_length(%len : tensor<1xi64>) scale 1.0 -> state !attn.row_state<tensor<1x8x4x64xf32>>
  // CHECK: attn.merge
  %1 = attn.merge %0, %0 : !attn.row_state<tensor<1x8x4x64xf32>>
  // CHECK: attn.finish {{.*}} sink({{.*}}) : <tensor<1x8x4x64xf32>> -> tensor<1x8x4x64xf32>, lse tensor<1x8x4xf32>
  %out, %lse = attn.finish %1 sink(%sink : tensor<8xf32>) : <tensor<1x8x4x64xf32>> -> tensor<1x8x4x64xf32>, lse tensor<1x8x4xf32>
  return %out, %lse : tensor<1x8x4x64xf32>, tensor<1x8x4xf32>
}

// CHECK-LABEL: func.func @neighbours
func.func @neighbours(%x: tensor<2x8x?x64xf32>, %cos: tensor<?x32xf32>, %w: tensor<64xf32>, %index: tensor<2xi64>, %cache: tensor<2x8x128x64xf32>) -> tensor<2x8x128x64xf32> {
  // CHECK: attn.rope {{.*}} rotary_dim 64 interleaved
  %0 = attn.rope %x : tensor<2x8x?x64xf32> cos(%cos : tensor<?x32xf32>) sin(%cos : tensor<?x32xf32>) rotary_dim 64 interleaved
  // CHECK: attn.norm layer
  %1 = attn.norm layer %0 : tensor<2x8x?x64xf32> scale(%w : tensor<64xf32>) from 3 epsilon 1.0e-5
  // CHECK: attn.append circular
  %2 = attn.append circular %1 : tensor<2x8x?x64xf32> into %cache : tensor<2x8x128x64xf32> at %index : tensor<2xi64>
  return %2 : tensor<2x8x128x64xf32>
}
