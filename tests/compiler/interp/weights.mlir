// The prob region sees the weight before the division and leaves the denominator alone; captures of every kind; the other
// normalisers; a NaN in a key past the length is not read.
// RUN: heed-interpret %s --entry=prob --compare=@prob_written_out --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=kinds --input 0=1,-1 --input 1=2,nan | FileCheck %s --check-prefix=KINDS
// CHECK: equal

!q = tensor<1x1x3x4xf32>
!k = tensor<1x1x5x4xf32>

func.func @prob(%q: !q, %k: !k, %v: !k, %gate: tensor<3x5xf32>, %factor: f32) -> !q {
  %out = attn.attend query(%q : !q) key(%k : !k) value(%v : !k) captures(%gate, %factor : tensor<3x5xf32>, f32) scale 0.5 prob {
  ^bb0(%p: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %g: tensor<3x5xf32>, %f: f32):
    %e = tensor.extract %g[%row, %key] : tensor<3x5xf32>
    %x = arith.mulf %p, %e : f32
    %r = arith.mulf %x, %f : f32
    attn.yield %r : f32
  } -> !q
  return %out : !q
}

func.func @prob_written_out(%q: !q, %k: !k, %v: !k, %gate: tensor<3x5xf32>, %factor: f32) -> !q {
  %zero_scores = arith.constant dense<0.0> : tensor<3x5xf32>
  %zero = arith.constant dense<0.0> : tensor<3x4xf32>
  %half = arith.constant dense<0.5> : tensor<3x5xf32>
  %q2 = tensor.collapse_shape %q [[0, 1, 2], [3]] : !q into tensor<3x4xf32>
  %k2 = tensor.collapse_shape %k [[0, 1, 2], [3]] : !k into tensor<5x4xf32>
  %v2 = tensor.collapse_shape %v [[0, 1, 2], [3]] : !k into tensor<5x4xf32>
  %e = tensor.empty() : tensor<4x5xf32>
  %kt = linalg.transpose ins(%k2 : tensor<5x4xf32>) outs(%e : tensor<4x5xf32>) permutation = [1, 0]
  %dots = linalg.matmul ins(%q2, %kt : tensor<3x4xf32>, tensor<4x5xf32>) outs(%zero_scores : tensor<3x5xf32>) -> tensor<3x5xf32>
  %scores = arith.mulf %dots, %half : tensor<3x5xf32>
  %soft = linalg.softmax dimension(1) ins(%scores : tensor<3x5xf32>) outs(%zero_scores : tensor<3x5xf32>) -> tensor<3x5xf32>
  %gated = arith.mulf %soft, %gate : tensor<3x5xf32>
  %factors = tensor.splat %factor : tensor<3x5xf32>
  %weights = arith.mulf %gated, %factors : tensor<3x5xf32>
  %o = linalg.matmul ins(%weights, %v2 : tensor<3x5xf32>, tensor<5x4xf32>) outs(%zero : tensor<3x4xf32>) -> tensor<3x4xf32>
  %out = tensor.expand_shape %o [[0, 1, 2], [3]] output_shape [1, 1, 3, 4] : tensor<3x4xf32> into !q
  return %out : !q
}

// KINDS: result 0: 1x1x2x1xf32 = {{\[\[\[\[}}2], [2]]]]
// KINDS: result 1: 1x1x2x1xf32 = {{\[\[\[\[}}1.76159], [0.238406]]]]
// KINDS: result 2: 1x1x2x1xf32 = {{\[\[\[\[}}4], [0]]]]
func.func @kinds(%q: tensor<1x1x2x1xf32>, %k: tensor<1x1x2x1xf32>) -> (tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>) {
  %length = arith.constant dense<1> : tensor<1xi64>
  %0 = attn.attend query(%q : tensor<1x1x2x1xf32>) key(%k : tensor<1x1x2x1xf32>) value(%k : tensor<1x1x2x1xf32>) kv_length(%length : tensor<1xi64>) scale 1.0 -> tensor<1x1x2x1xf32>
  %1 = attn.attend query(%q : tensor<1x1x2x1xf32>) key(%k : tensor<1x1x2x1xf32>) value(%k : tensor<1x1x2x1xf32>) kv_length(%length : tensor<1xi64>) scale 1.0 normaliser <sigmoid> -> tensor<1x1x2x1xf32>
  %2 = attn.attend query(%q : tensor<1x1x2x1xf32>) key(%k : tensor<1x1x2x1xf32>) value(%k : tensor<1x1x2x1xf32>) kv_length(%length : tensor<1xi64>) scale 1.0 normaliser <relu> -> tensor<1x1x2x1xf32>
  return %0, %1, %2 : tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>
}
