// Causal attention, followed by an activation.
func.func @main(
    %q: tensor<?x4x?x32xf32> {plan.name = "q", plan.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 32)>},
    %k: tensor<?x4x?x32xf32> {plan.name = "k", plan.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 32)>},
    %v: tensor<?x4x?x32xf32> {plan.name = "v", plan.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 32)>})
    -> (tensor<?x4x?x32xf32> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence"]} {
  %out = attn.attend query(%q : tensor<?x4x?x32xf32>) key(%k : tensor<?x4x?x32xf32>) value(%v : tensor<?x4x?x32xf32>)
      scale 0.17677669529663687 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
      %visible = arith.cmpi sle, %key, %pos : index
      attn.yield %visible : i1
    } -> tensor<?x4x?x32xf32>
  return %out : tensor<?x4x?x32xf32>
}
