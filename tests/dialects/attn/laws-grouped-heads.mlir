// Grouped heads are head groups folded into the rows of their key head: row r of key head g is row r mod M of query
// head g * group + r / M.

// RUN: heed-interpret %s --entry=grouped --compare=@folded --input 3=2,0 --tolerance=1e-12 | FileCheck %s
// CHECK: equal

!q = tensor<2x6x4x4xf32>
!k = tensor<2x2x6x4xf32>
!folded = tensor<2x2x12x4xf32>

func.func @grouped(%q: !q, %k: !k, %v: !k, %offset: tensor<2xi64>, %slopes: tensor<6xf32>) -> !q {
  %out = attn.attend query(%q : !q) key(%k : !k) value(%v : !k) q_offset(%offset : tensor<2xi64>)
      captures(%slopes : tensor<6xf32>) scale 0.5 score {
      ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %sl: tensor<6xf32>):
        %slope = tensor.extract %sl[%h] : tensor<6xf32>
        %r = arith.mulf %s, %slope : f32
        attn.yield %r : f32
      } keep {
      ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %sl: tensor<6xf32>):
        %c = arith.cmpi sle, %key, %pos : index
        attn.yield %c : i1
      } -> !q
  return %out : !q
}

func.func @folded(%q: !q, %k: !k, %v: !k, %offset: tensor<2xi64>, %slopes: tensor<6xf32>) -> !q {
  %split = tensor.expand_shape %q [[0], [1, 2], [3], [4]] output_shape [2, 2, 3, 4, 4] : !q into tensor<2x2x3x4x4xf32>
  %rows = tensor.collapse_shape %split [[0], [1], [2, 3], [4]] : tensor<2x2x3x4x4xf32> into !folded
  %out = attn.attend query(%rows : !folded) key(%k : !k) value(%v : !k)
      captures(%slopes, %offset : tensor<6xf32>, tensor<2xi64>) scale 0.5 score {
      ^bb0(%s: f32, %b: index, %g: index, %row: index, %key: index, %pos: index, %sl: tensor<6xf32>, %off: tensor<2xi64>):
        %c3 = arith.constant 3 : index
        %c4 = arith.constant 4 : index
        %first = arith.muli %g, %c3 : index
        %member = arith.divui %row, %c4 : index
        %h = arith.addi %first, %member : index
        %slope = tensor.extract %sl[%h] : tensor<6xf32>
        %r = arith.mulf %s, %slope : f32
        attn.yield %r : f32
      } keep {
      ^bb0(%b: index, %g: index, %row: index, %key: index, %pos: index, %sl: tensor<6xf32>, %off: tensor<2xi64>):
        %c4 = arith.constant 4 : index
        %i = arith.remui %row, %c4 : index
        %o = tensor.extract %off[%b] : tensor<2xi64>
        %oi = arith.index_cast %o : i64 to index
        %p = arith.addi %i, %oi : index
        %c = arith.cmpi sle, %key, %p : index
        attn.yield %c : i1
      } -> !folded
  %apart = tensor.expand_shape %out [[0], [1], [2, 3], [4]] output_shape [2, 2, 3, 4, 4] : !folded into tensor<2x2x3x4x4xf32>
  %result = tensor.collapse_shape %apart [[0], [1, 2], [3], [4]] : tensor<2x2x3x4x4xf32> into !q
  return %result : !q
}
