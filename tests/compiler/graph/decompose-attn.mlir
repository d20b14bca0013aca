// RUN: heed-opt %s --decompose-attn -o %t
// RUN: FileCheck %s < %t
// RUN: heed-interpret %s %t --entry=rope_halves
// RUN: heed-interpret %s %t --entry=rope_interleaved_part
// RUN: heed-interpret %s %t --entry=rope_at_positions --input=p=3,0,1,2,2,5
// RUN: heed-interpret %s %t --entry=joined_keys
// RUN: heed-interpret %s %t --entry=nothing_to_see --input=n=splat:0
// RUN: heed-interpret %s %t --entry=joined_sigmoid

// CHECK-NOT: attn.{{rope|merge|finish}}
// CHECK-NOT: row_state

func.func @rope_halves(%x: tensor<2x3x4x8xf16>, %cos: tensor<4x4xf32>, %sin: tensor<4x4xf32>) -> tensor<2x3x4x8xf16> {
  %0 = attn.rope %x : tensor<2x3x4x8xf16> cos(%cos : tensor<4x4xf32>) sin(%sin : tensor<4x4xf32>) rotary_dim 8
  return %0 : tensor<2x3x4x8xf16>
}

func.func @rope_interleaved_part(%x: tensor<2x3x4x8xf32>, %cos: tensor<2x4x2xf32>, %sin: tensor<2x4x2xf32>) -> tensor<2x3x4x8xf32> {
  %0 = attn.rope %x : tensor<2x3x4x8xf32> cos(%cos : tensor<2x4x2xf32>) sin(%sin : tensor<2x4x2xf32>) rotary_dim 4 interleaved
  return %0 : tensor<2x3x4x8xf32>
}

func.func @rope_at_positions(%x: tensor<2x2x3x8xf32>, %cos: tensor<6x3xf32>, %sin: tensor<6x3xf32>, %p: tensor<2x3xi64> {plan.name = "p"}) -> tensor<2x2x3x8xf32> {
  %0 = attn.rope %x : tensor<2x2x3x8xf32> cos(%cos : tensor<6x3xf32>) sin(%sin : tensor<6x3xf32>) positions(%p : tensor<2x3xi64>) rotary_dim 6
  return %0 : tensor<2x2x3x8xf32>
}

// Law: attention over joined keys is the merge of attentions over the parts, and a sink is a virtual key added once.
// CHECK-LABEL: func.func @joined_keys
func.func @joined_keys(%q: tensor<2x4x3x8xf32>, %k0: tensor<2x2x5x8xf32>, %k1: tensor<2x2x4x8xf32>, %sink: tensor<4xf32>) -> (tensor<2x4x3x8xf16>, tensor<2x4x3xf32>) {
  // CHECK: attn.attend {{.*}} keep {
  // CHECK: } -> tensor<2x4x3x8xf32>, lse tensor<2x4x3xf32>
  // CHECK: attn.attend {{.*}} -> tensor<2x4x3x8xf32>, lse tensor<2x4x3xf32>
  %0 = attn.attend query(%q : tensor<2x4x3x8xf32>) key(%k0 : tensor<2x2x5x8xf32>) value(%k0 : tensor<2x2x5x8xf32>) scale 0.5 keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
    %c = arith.cmpi sgt, %key, %row : index
    attn.yield %c : i1
  } -> state !attn.row_state<tensor<2x4x3x8xf32>>
  %1 = attn.attend query(%q : tensor<2x4x3x8xf32>) key(%k1 : tensor<2x2x4x8xf32>) value(%k1 : tensor<2x2x4x8xf32>) scale 0.5 -> state !attn.row_state<tensor<2x4x3x8xf32>>
  %2 = attn.merge %0, %1 : !attn.row_state<tensor<2x4x3x8xf32>>
  %out, %lse = attn.finish %2 sink(%sink : tensor<4xf32>) : <tensor<2x4x3x8xf32>> -> tensor<2x4x3x8xf16>, lse tensor<2x4x3xf32>
  return %out, %lse : tensor<2x4x3x8xf16>, tensor<2x4x3xf32>
}

// Rows that see no key in either part give 0, and minus infinity as lse.
func.func @nothing_to_see(%q: tensor<1x1x3x8xf32>, %k: tensor<1x1x5x8xf32>, %n: tensor<1xi64> {plan.name = "n"}) -> (tensor<1x1x3x8xf32>, tensor<1x1x3xf32>) {
  %0 = attn.attend query(%q : tensor<1x1x3x8xf32>) key(%k : tensor<1x1x5x8xf32>) value(%k : tensor<1x1x5x8xf32>) kv_length(%n : tensor<1xi64>) scale 0.5 -> state !attn.row_state<tensor<1x1x3x8xf32>>
  %1 = attn.merge %0, %0 : !attn.row_state<tensor<1x1x3x8xf32>>
  %out, %lse = attn.finish %1 : <tensor<1x1x3x8xf32>> -> tensor<1x1x3x8xf32>, lse tensor<1x1x3xf32>
  return %out, %lse : tensor<1x1x3x8xf32>, tensor<1x1x3xf32>
}

func.func @joined_sigmoid(%q: tensor<1x2x3x8xf32>, %k: tensor<1x2x5x8xf32>) -> tensor<1x2x3x8xf32> {
  %0 = attn.attend query(%q : tensor<1x2x3x8xf32>) key(%k : tensor<1x2x5x8xf32>) value(%k : tensor<1x2x5x8xf32>) scale 0.5 normaliser <sigmoid> -> state !attn.row_state<tensor<1x2x3x8xf32>>
  %1 = attn.merge %0, %0 normaliser <sigmoid> : !attn.row_state<tensor<1x2x3x8xf32>>
  %out = attn.finish %1 normaliser <sigmoid> : <tensor<1x2x3x8xf32>> -> tensor<1x2x3x8xf32>
  return %out : tensor<1x2x3x8xf32>
}
