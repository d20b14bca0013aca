// Causal attention with ALiBi: head h adds slope[h] * (key position - query position) to every score, and a query sees
// the keys up to its own position. Both rules are scalar code in a region; the compiler fuses them into the attention
// kernel, visits only the blocks that the causal rule leaves, and never builds a score matrix.
func.func @main(
    %query: tensor<?x8x?x64xf32> {plan.name = "query", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>},
    %key: tensor<?x8x?x64xf32> {plan.name = "key", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>},
    %value: tensor<?x8x?x64xf32> {plan.name = "value", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>})
    -> (tensor<?x8x?x64xf32> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence"]} {
  // 2^-1 .. 2^-8, the slopes of eight heads.
  %slopes = arith.constant dense<[0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625]> : tensor<8xf32>
  %out = attn.attend query(%query : tensor<?x8x?x64xf32>) key(%key : tensor<?x8x?x64xf32>)
      value(%value : tensor<?x8x?x64xf32>) captures(%slopes : tensor<8xf32>) scale 0.125 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %col: index, %pos: index, %slope_of: tensor<8xf32>):
      %slope = tensor.extract %slope_of[%h] : tensor<8xf32>
      %distance = arith.subi %col, %pos : index
      %distance_i32 = arith.index_cast %distance : index to i32
      %distance_f32 = arith.sitofp %distance_i32 : i32 to f32
      %bias = arith.mulf %slope, %distance_f32 : f32
      %biased = arith.addf %s, %bias : f32
      attn.yield %biased : f32
    } keep {
    ^bb0(%b: index, %h: index, %row: index, %col: index, %pos: index, %slope_of: tensor<8xf32>):
      %visible = arith.cmpi sle, %col, %pos : index
      attn.yield %visible : i1
    } -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
