// RUN: heed-opt %s --raise-softmax --raise-attention --canonicalize --cse -o %t
// RUN: FileCheck %s < %t
// RUN: heed-interpret %s %t --entry=scale_on_scores --dim rows=3 --dim keys=5
// RUN: heed-interpret %s %t --entry=root_of_scale_on_both_sides
// RUN: heed-interpret %s %t --entry=grouped_heads
// RUN: heed-interpret %s %t --entry=batch_and_heads_in_one
// RUN: heed-interpret %s %t --entry=grouped_heads_behind_reshapes --dim batch=2 --dim length=5
// RUN: heed-interpret %s %t --entry=one_head_without_batch
// RUN: heed-interpret %s %t --entry=shared_keys_in_einsum_order
// RUN: heed-interpret %s %t --entry=weights_are_returned
// RUN: heed-interpret %s %t --entry=softmax_over_rows

#q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#kt = affine_map<(b, h, i, j, d) -> (b, h, d, j)>
#s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#id = affine_map<(b, h, i, j) -> (b, h, i, j)>
#scalar = affine_map<(b, h, i, j) -> ()>
#padding = affine_map<(b, h, i, j) -> (b, 0, 0, j)>

// The scale on the scores becomes the attribute; there is nothing left for a region.
// CHECK-LABEL: func.func @scale_on_scores
// CHECK-SAME: (%[[Q:[^:]*]]: {{.*}}, %[[K:[^:]*]]: {{.*}}, %[[V:[^:]*]]: tensor<2x4x?x32xf32>
func.func @scale_on_scores(%q: tensor<2x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (2, 4, s0, 16)>}, %k: tensor<2x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (2, 4, s1, 16)>}, %v: tensor<2x4x?x32xf32> {plan.shape = affine_map<()[s0, s1] -> (2, 4, s1, 32)>}) -> tensor<2x4x?x32xf32> attributes {plan.symbols = ["rows", "keys"]} {
  // CHECK-NEXT: %[[O:.*]] = attn.attend query(%[[Q]] : {{.*}}) key(%[[K]] : {{.*}}) value(%[[V]] : {{.*}}) scale 2.500000e-01 -> tensor<2x4x?x32xf32>
  // CHECK-NEXT: return %[[O]]
  %m = plan.symbol "rows"
  %n = plan.symbol "keys"
  %zero = arith.constant 0.0 : f32
  %factor = arith.constant 0.25 : f32
  %e = tensor.empty(%m, %n) : tensor<2x4x?x?xf32>
  %eo = tensor.empty(%m) : tensor<2x4x?x32xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4x?x?xf32>) -> tensor<2x4x?x?xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<2x4x?x32xf32>) -> tensor<2x4x?x32xf32>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %k : tensor<2x4x?x16xf32>, tensor<2x4x?x16xf32>) outs(%z : tensor<2x4x?x?xf32>) -> tensor<2x4x?x?xf32>
  %scores = linalg.generic {indexing_maps = [#id, #scalar, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot, %factor : tensor<2x4x?x?xf32>, f32) outs(%e : tensor<2x4x?x?xf32>) {
  ^bb0(%a: f32, %f: f32, %u: f32):
    %1 = arith.mulf %a, %f : f32
    linalg.yield %1 : f32
  } -> tensor<2x4x?x?xf32>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<2x4x?x?xf32>) outs(%e : tensor<2x4x?x?xf32>) -> tensor<2x4x?x?xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %v : tensor<2x4x?x?xf32>, tensor<2x4x?x32xf32>) outs(%zo : tensor<2x4x?x32xf32>) -> tensor<2x4x?x32xf32>
  return %out : tensor<2x4x?x32xf32>
}

// As an exporter writes scaled_dot_product_attention: sqrt of the scale on the query and on the transposed key, a guard
// against NaN on the weights, heads split from one tensor.
// CHECK-LABEL: func.func @root_of_scale_on_both_sides
// CHECK-SAME: (%[[Q:[^:]*]]: {{.*}}, %[[K:[^:]*]]: {{.*}}, %[[V:[^:]*]]: tensor<2x8x64xf32>)
func.func @root_of_scale_on_both_sides(%x: tensor<2x8x64xf32>, %y: tensor<2x8x64xf32>, %v0: tensor<2x8x64xf32>) -> tensor<2x8x64xf32> {
  // CHECK-DAG: %[[QS:.*]] = tensor.expand_shape %[[Q]]
  // CHECK-DAG: %[[QT:.*]] = linalg.transpose ins(%[[QS]] : {{.*}} permutation = [0, 2, 1, 3]
  // CHECK-DAG: %[[KS:.*]] = tensor.expand_shape %[[K]]
  // CHECK-DAG: %[[KT:.*]] = linalg.transpose ins(%[[KS]] : {{.*}} permutation = [0, 2, 1, 3]
  // CHECK: attn.attend query(%[[QT]] : tensor<2x4x8x16xf32>) key(%[[KT]] : tensor<2x4x8x16xf32>) {{.*}} scale 2.500000e-01 -> tensor<2x4x8x16xf32>
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : f32
  %e = tensor.empty() : tensor<2x4x8x8xf32>
  %eo = tensor.empty() : tensor<2x4x8x16xf32>
  %ek = tensor.empty() : tensor<2x4x16x8xf32>
  %er = tensor.empty() : tensor<2x8x4x16xf32>
  %q0 = tensor.expand_shape %x [[0], [1], [2, 3]] output_shape [2, 8, 4, 16] : tensor<2x8x64xf32> into tensor<2x8x4x16xf32>
  %k0 = tensor.expand_shape %y [[0], [1], [2, 3]] output_shape [2, 8, 4, 16] : tensor<2x8x64xf32> into tensor<2x8x4x16xf32>
  %v1 = tensor.expand_shape %v0 [[0], [1], [2, 3]] output_shape [2, 8, 4, 16] : tensor<2x8x64xf32> into tensor<2x8x4x16xf32>
  %q1 = linalg.transpose ins(%q0 : tensor<2x8x4x16xf32>) outs(%eo : tensor<2x4x8x16xf32>) permutation = [0, 2, 1, 3]
  %k1 = linalg.transpose ins(%k0 : tensor<2x8x4x16xf32>) outs(%ek : tensor<2x4x16x8xf32>) permutation = [0, 2, 3, 1]
  %v = linalg.transpose ins(%v1 : tensor<2x8x4x16xf32>) outs(%eo : tensor<2x4x8x16xf32>) permutation = [0, 2, 1, 3]
  %f = linalg.fill ins(%half : f32) outs(%eo : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  %fk = linalg.fill ins(%half : f32) outs(%ek : tensor<2x4x16x8xf32>) -> tensor<2x4x16x8xf32>
  %q = linalg.mul ins(%q1, %f : tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) outs(%eo : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  %k = linalg.mul ins(%k1, %fk : tensor<2x4x16x8xf32>, tensor<2x4x16x8xf32>) outs(%ek : tensor<2x4x16x8xf32>) -> tensor<2x4x16x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  %dot = linalg.contract indexing_maps = [#q, #kt, #s] ins(%q, %k : tensor<2x4x8x16xf32>, tensor<2x4x16x8xf32>) outs(%z : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %w = linalg.softmax dimension(3) ins(%dot : tensor<2x4x8x8xf32>) outs(%e : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %guarded = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%w : tensor<2x4x8x8xf32>) outs(%e : tensor<2x4x8x8xf32>) {
  ^bb0(%a: f32, %u: f32):
    %nan = arith.cmpf uno, %a, %a : f32
    %1 = arith.select %nan, %zero, %a : f32
    linalg.yield %1 : f32
  } -> tensor<2x4x8x8xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%guarded, %v : tensor<2x4x8x8xf32>, tensor<2x4x8x16xf32>) outs(%zo : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  %t = linalg.transpose ins(%out : tensor<2x4x8x16xf32>) outs(%er : tensor<2x8x4x16xf32>) permutation = [0, 2, 1, 3]
  %r = tensor.collapse_shape %t [[0], [1], [2, 3]] : tensor<2x8x4x16xf32> into tensor<2x8x64xf32>
  return %r : tensor<2x8x64xf32>
}

// Key and value heads repeated for groups of query heads are read once, as they are.
// CHECK-LABEL: func.func @grouped_heads
// CHECK-SAME: (%[[Q:[^:]*]]: {{.*}}, %[[K:[^:]*]]: {{.*}}, %[[V:[^:]*]]: tensor<2x2x8x16xf32>)
func.func @grouped_heads(%q: tensor<2x6x8x16xf32>, %k: tensor<2x2x8x16xf32>, %v: tensor<2x2x8x16xf32>) -> tensor<2x6x8x16xf32> {
  // CHECK-NEXT: attn.attend query(%[[Q]] : tensor<2x6x8x16xf32>) key(%[[K]] : tensor<2x2x8x16xf32>) value(%[[V]] : tensor<2x2x8x16xf32>)
  %zero = arith.constant 0.0 : f32
  %er = tensor.empty() : tensor<2x2x3x8x16xf32>
  %kr = linalg.broadcast ins(%k : tensor<2x2x8x16xf32>) outs(%er : tensor<2x2x3x8x16xf32>) dimensions = [2]
  %vr = linalg.broadcast ins(%v : tensor<2x2x8x16xf32>) outs(%er : tensor<2x2x3x8x16xf32>) dimensions = [2]
  %k6 = tensor.collapse_shape %kr [[0], [1, 2], [3], [4]] : tensor<2x2x3x8x16xf32> into tensor<2x6x8x16xf32>
  %v6 = tensor.collapse_shape %vr [[0], [1, 2], [3], [4]] : tensor<2x2x3x8x16xf32> into tensor<2x6x8x16xf32>
  %e = tensor.empty() : tensor<2x6x8x8xf32>
  %eo = tensor.empty() : tensor<2x6x8x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x6x8x8xf32>) -> tensor<2x6x8x8xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<2x6x8x16xf32>) -> tensor<2x6x8x16xf32>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %k6 : tensor<2x6x8x16xf32>, tensor<2x6x8x16xf32>) outs(%z : tensor<2x6x8x8xf32>) -> tensor<2x6x8x8xf32>
  %w = linalg.softmax dimension(3) ins(%dot : tensor<2x6x8x8xf32>) outs(%e : tensor<2x6x8x8xf32>) -> tensor<2x6x8x8xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %v6 : tensor<2x6x8x8xf32>, tensor<2x6x8x16xf32>) outs(%zo : tensor<2x6x8x16xf32>) -> tensor<2x6x8x16xf32>
  return %out : tensor<2x6x8x16xf32>
}

// Batches and heads in one dimension for the products, apart for the mask: they come apart for the attention too, and
// the views around it cancel.
// CHECK-LABEL: func.func @batch_and_heads_in_one
// CHECK-SAME: (%[[Q:[^:]*]]: {{.*}}, %[[K:[^:]*]]: {{.*}}, %[[V:[^:]*]]: {{.*}}, %[[MASK:[^:]*]]: tensor<2x1x1x8xf32>)
func.func @batch_and_heads_in_one(%q: tensor<2x6x8x16xf32>, %k: tensor<2x6x8x16xf32>, %v: tensor<2x6x8x16xf32>, %mask: tensor<2x1x1x8xf32>) -> tensor<12x8x16xf32> {
  // CHECK: %[[O:.*]] = attn.attend query(%[[Q]] : tensor<2x6x8x16xf32>) key(%[[K]] : tensor<2x6x8x16xf32>) value(%[[V]] : tensor<2x6x8x16xf32>) captures(%[[MASK]] : {{.*}}) {{.*}} score {
  // CHECK-NEXT: ^bb0(%[[S:[^:]*]]: f32, %[[B:[^:]*]]: index, %{{[^:]*}}: index, %{{[^:]*}}: index, %[[KEY:[^:]*]]: index,
  // CHECK: tensor.extract %{{.*}}[%[[B]], %c0, %c0, %[[KEY]]]
  // CHECK: %[[FLAT:.*]] = tensor.collapse_shape %[[O]] {{\[}}[0, 1], [2], [3]]
  // CHECK: return %[[FLAT]]
  %zero = arith.constant 0.0 : f32
  %q3 = tensor.collapse_shape %q [[0, 1], [2], [3]] : tensor<2x6x8x16xf32> into tensor<12x8x16xf32>
  %k3 = tensor.collapse_shape %k [[0, 1], [2], [3]] : tensor<2x6x8x16xf32> into tensor<12x8x16xf32>
  %v3 = tensor.collapse_shape %v [[0, 1], [2], [3]] : tensor<2x6x8x16xf32> into tensor<12x8x16xf32>
  %ek = tensor.empty() : tensor<12x16x8xf32>
  %kt = linalg.transpose ins(%k3 : tensor<12x8x16xf32>) outs(%ek : tensor<12x16x8xf32>) permutation = [0, 2, 1]
  %e3 = tensor.empty() : tensor<12x8x8xf32>
  %e = tensor.empty() : tensor<2x6x8x8xf32>
  %eo = tensor.empty() : tensor<12x8x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e3 : tensor<12x8x8xf32>) -> tensor<12x8x8xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<12x8x16xf32>) -> tensor<12x8x16xf32>
  %dot = linalg.batch_matmul ins(%q3, %kt : tensor<12x8x16xf32>, tensor<12x16x8xf32>) outs(%z : tensor<12x8x8xf32>) -> tensor<12x8x8xf32>
  %dot4 = tensor.expand_shape %dot [[0, 1], [2], [3]] output_shape [2, 6, 8, 8] : tensor<12x8x8xf32> into tensor<2x6x8x8xf32>
  %scores = linalg.generic {indexing_maps = [#id, #padding, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot4, %mask : tensor<2x6x8x8xf32>, tensor<2x1x1x8xf32>) outs(%e : tensor<2x6x8x8xf32>) {
  ^bb0(%a: f32, %t: f32, %u: f32):
    %1 = arith.addf %a, %t : f32
    linalg.yield %1 : f32
  } -> tensor<2x6x8x8xf32>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<2x6x8x8xf32>) outs(%e : tensor<2x6x8x8xf32>) -> tensor<2x6x8x8xf32>
  %w3 = tensor.collapse_shape %w [[0, 1], [2], [3]] : tensor<2x6x8x8xf32> into tensor<12x8x8xf32>
  %out = linalg.batch_matmul ins(%w3, %v3 : tensor<12x8x8xf32>, tensor<12x8x16xf32>) outs(%zo : tensor<12x8x16xf32>) -> tensor<12x8x16xf32>
  return %out : tensor<12x8x16xf32>
}

// Heads repeated the way exports of Llama do it: broadcast, batches and heads joined, transposed, split again.
// CHECK-LABEL: func.func @grouped_heads_behind_reshapes
// CHECK-SAME: (%[[Q:[^:]*]]: {{.*}}, %[[K:[^:]*]]: {{.*}}, %[[V:[^:]*]]: tensor<?x2x?x16xf32>
func.func @grouped_heads_behind_reshapes(%q: tensor<?x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 16)>}, %key: tensor<?x2x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 16)>}, %value: tensor<?x2x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 16)>}) -> tensor<?x4x?x16xf32> attributes {plan.symbols = ["batch", "length"]} {
  // CHECK: attn.attend query(%[[Q]] : tensor<?x4x?x16xf32>) key(%[[K]] : tensor<?x2x?x16xf32>) value(%[[V]] : tensor<?x2x?x16xf32>)
  %b = plan.symbol "batch"
  %n = plan.symbol "length"
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  %bh = arith.muli %b, %c4 : index
  %er = tensor.empty(%b, %n) : tensor<?x2x2x?x16xf32>
  %kr = linalg.broadcast ins(%key : tensor<?x2x?x16xf32>) outs(%er : tensor<?x2x2x?x16xf32>) dimensions = [2]
  %vr = linalg.broadcast ins(%value : tensor<?x2x?x16xf32>) outs(%er : tensor<?x2x2x?x16xf32>) dimensions = [2]
  %k3 = tensor.collapse_shape %kr [[0, 1, 2], [3], [4]] : tensor<?x2x2x?x16xf32> into tensor<?x?x16xf32>
  %v = tensor.collapse_shape %vr [[0], [1, 2], [3], [4]] : tensor<?x2x2x?x16xf32> into tensor<?x4x?x16xf32>
  %e3 = tensor.empty(%bh, %n) : tensor<?x16x?xf32>
  %k3t = linalg.transpose ins(%k3 : tensor<?x?x16xf32>) outs(%e3 : tensor<?x16x?xf32>) permutation = [0, 2, 1]
  %kt = tensor.expand_shape %k3t [[0, 1], [2], [3]] output_shape [%b, 4, 16, %n] : tensor<?x16x?xf32> into tensor<?x4x16x?xf32>
  %e = tensor.empty(%b, %n, %n) : tensor<?x4x?x?xf32>
  %eo = tensor.empty(%b, %n) : tensor<?x4x?x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  %dot = linalg.contract indexing_maps = [#q, #kt, #s] ins(%q, %kt : tensor<?x4x?x16xf32>, tensor<?x4x16x?xf32>) outs(%z : tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %w = linalg.softmax dimension(3) ins(%dot : tensor<?x4x?x?xf32>) outs(%e : tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %v : tensor<?x4x?x?xf32>, tensor<?x4x?x16xf32>) outs(%zo : tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  return %out : tensor<?x4x?x16xf32>
}

// One head, no batch: dimensions of size 1 are added and taken away.
// CHECK-LABEL: func.func @one_head_without_batch
func.func @one_head_without_batch(%q: tensor<5x16xf32>, %k: tensor<7x16xf32>, %v: tensor<7x8xf32>) -> tensor<5x8xf32> {
  // CHECK: attn.attend query({{.*}} : tensor<1x1x5x16xf32>) key({{.*}} : tensor<1x1x7x16xf32>) value({{.*}} : tensor<1x1x7x8xf32>) scale 1.000000e+00 -> tensor<1x1x5x8xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<5x7xf32>
  %eo = tensor.empty() : tensor<5x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<5x7xf32>) -> tensor<5x7xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<5x8xf32>) -> tensor<5x8xf32>
  %dot = linalg.contract indexing_maps = [affine_map<(i, j, d) -> (i, d)>, affine_map<(i, j, d) -> (j, d)>, affine_map<(i, j, d) -> (i, j)>] ins(%q, %k : tensor<5x16xf32>, tensor<7x16xf32>) outs(%z : tensor<5x7xf32>) -> tensor<5x7xf32>
  %w = linalg.softmax dimension(1) ins(%dot : tensor<5x7xf32>) outs(%e : tensor<5x7xf32>) -> tensor<5x7xf32>
  %out = linalg.matmul ins(%w, %v : tensor<5x7xf32>, tensor<7x8xf32>) outs(%zo : tensor<5x8xf32>) -> tensor<5x8xf32>
  return %out : tensor<5x8xf32>
}

// Batch, row, head, depth: einsum's order of dimensions, one key and value for all heads.
// CHECK-LABEL: func.func @shared_keys_in_einsum_order
// CHECK-SAME: %[[K:[^:]*]]: tensor<2x7x16xf32>)
func.func @shared_keys_in_einsum_order(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x16xf32>) -> tensor<2x5x4x16xf32> {
  // CHECK-DAG: %[[ONE:.*]] = tensor.expand_shape %[[K]] {{\[}}[0, 1], [2], [3]] output_shape [2, 1, 7, 16]
  // CHECK: %[[O:.*]] = attn.attend query({{.*}} : tensor<2x4x5x16xf32>) key(%[[ONE]] : tensor<2x1x7x16xf32>) value(%[[ONE]] : tensor<2x1x7x16xf32>)
  // CHECK: linalg.transpose ins(%[[O]] : {{.*}} permutation = [0, 2, 1, 3]
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x4x5x7xf32>
  %eo = tensor.empty() : tensor<2x5x4x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4x5x7xf32>) -> tensor<2x4x5x7xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<2x5x4x16xf32>) -> tensor<2x5x4x16xf32>
  %dot = linalg.contract indexing_maps = [affine_map<(b, h, i, j, d) -> (b, i, h, d)>, affine_map<(b, h, i, j, d) -> (b, j, d)>, #s] ins(%q, %k : tensor<2x5x4x16xf32>, tensor<2x7x16xf32>) outs(%z : tensor<2x4x5x7xf32>) -> tensor<2x4x5x7xf32>
  %w = linalg.softmax dimension(3) ins(%dot : tensor<2x4x5x7xf32>) outs(%e : tensor<2x4x5x7xf32>) -> tensor<2x4x5x7xf32>
  %out = linalg.contract indexing_maps = [#p, affine_map<(b, h, i, d, j) -> (b, j, d)>, affine_map<(b, h, i, d, j) -> (b, i, h, d)>] ins(%w, %k : tensor<2x4x5x7xf32>, tensor<2x7x16xf32>) outs(%zo : tensor<2x5x4x16xf32>) -> tensor<2x5x4x16xf32>
  return %out : tensor<2x5x4x16xf32>
}

// Weights that are returned have to exist: the attention stays, and says why.
// CHECK-LABEL: func.func @weights_are_returned
func.func @weights_are_returned(%q: tensor<2x4x8x16xf32>) -> (tensor<2x4x8x16xf32>, tensor<2x4x8x8xf32>) {
  // CHECK-NOT: attn.attend
  // CHECK: linalg.softmax {heed.note = "attention not fused: the weights are also used by func.return"}
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x4x8x8xf32>
  %eo = tensor.empty() : tensor<2x4x8x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %q : tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) outs(%z : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %w = linalg.softmax dimension(3) ins(%dot : tensor<2x4x8x8xf32>) outs(%e : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %q : tensor<2x4x8x8xf32>, tensor<2x4x8x16xf32>) outs(%zo : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return %out, %w : tensor<2x4x8x16xf32>, tensor<2x4x8x8xf32>
}

// Normalised over rows instead of keys: something else.
// CHECK-LABEL: func.func @softmax_over_rows
func.func @softmax_over_rows(%q: tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32> {
  // CHECK-NOT: attn.attend
  // CHECK: linalg.softmax {heed.note = "attention not fused: the softmax does not run over the keys"}
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x4x8x8xf32>
  %eo = tensor.empty() : tensor<2x4x8x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %q : tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) outs(%z : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %w = linalg.softmax dimension(2) ins(%dot : tensor<2x4x8x8xf32>) outs(%e : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %q : tensor<2x4x8x8xf32>, tensor<2x4x8x16xf32>) outs(%zo : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return %out : tensor<2x4x8x16xf32>
}
