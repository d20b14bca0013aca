// A window is a list: visiting only the key blocks that a window touches changes nothing, in any order of the list; and
// a list alone is the rule "the key's block is listed".

// RUN: heed-interpret %s --entry=window --compare=@window_listed --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=listed --compare=@listed_by_rule --tolerance=1e-12 | FileCheck %s
// CHECK: equal

!t = tensor<1x2x8x4xf32>

// Keys pos - 2 .. pos.
func.func @window(%q: !t, %k: !t, %v: !t) -> !t {
  %out = attn.attend query(%q : !t) key(%k : !t) value(%v : !t) scale 0.5 keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
    %c2 = arith.constant 2 : index
    %behind = arith.subi %pos, %key : index
    %r = arith.cmpi ule, %behind, %c2 : index
    attn.yield %r : i1
  } -> !t
  return %out : !t
}

// Rows 0-3 see keys up to 3; rows 4-7 see keys 2 to 7: blocks of two keys, listed out of order.
func.func @window_listed(%q: !t, %k: !t, %v: !t) -> !t {
  %blocks = arith.constant dense<[[[[1, 0, -1], [3, 1, 2]], [[0, 1, -1], [1, 2, 3]]]]> : tensor<1x2x2x3xi32>
  %out = attn.attend query(%q : !t) key(%k : !t) value(%v : !t) blocks(%blocks : tensor<1x2x2x3xi32>) scale 0.5 block_size [4, 2] keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
    %c2 = arith.constant 2 : index
    %behind = arith.subi %pos, %key : index
    %r = arith.cmpi ule, %behind, %c2 : index
    attn.yield %r : i1
  } -> !t
  return %out : !t
}

// The last block is partial: three keys a block, eight keys. The second list is empty.
func.func @listed(%q: !t, %k: !t, %v: !t) -> !t {
  %blocks = arith.constant dense<[[[[2, 0], [-1, 0]], [[1, -1], [0, 2]]]]> : tensor<1x2x2x2xi32>
  %out = attn.attend query(%q : !t) key(%k : !t) value(%v : !t) blocks(%blocks : tensor<1x2x2x2xi32>) scale 0.5 block_size [5, 3] -> !t
  return %out : !t
}

func.func @listed_by_rule(%q: !t, %k: !t, %v: !t) -> !t {
  %visible = arith.constant dense<[[[true, false, true], [false, false, false]], [[false, true, false], [true, false, true]]]> : tensor<2x2x3xi1>
  %out = attn.attend query(%q : !t) key(%k : !t) value(%v : !t) captures(%visible : tensor<2x2x3xi1>) scale 0.5 keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %rule: tensor<2x2x3xi1>):
    %c3 = arith.constant 3 : index
    %c5 = arith.constant 5 : index
    %i = arith.divui %row, %c5 : index
    %j = arith.divui %key, %c3 : index
    %r = tensor.extract %rule[%h, %i, %j] : tensor<2x2x3xi1>
    attn.yield %r : i1
  } -> !t
  return %out : !t
}
