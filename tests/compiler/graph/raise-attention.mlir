// RUN: heed-opt %s --raise-softmax --raise-attention --canonicalize --cse --split-input-file | FileCheck %s

#q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#plane = affine_map<(b, h, i, j) -> (b, h, i, j)>
#scalar = affine_map<(b, h, i, j) -> ()>

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
  %scores = linalg.generic {indexing_maps = [#plane, #scalar, #plane], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot, %factor : tensor<2x4x?x?xf32>, f32) outs(%e : tensor<2x4x?x?xf32>) {
  ^bb0(%a: f32, %f: f32, %u: f32):
    %1 = arith.mulf %a, %f : f32
    linalg.yield %1 : f32
  } -> tensor<2x4x?x?xf32>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<2x4x?x?xf32>) outs(%e : tensor<2x4x?x?xf32>) -> tensor<2x4x?x?xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %v : tensor<2x4x?x?xf32>, tensor<2x4x?x32xf32>) outs(%zo : tensor<2x4x?x32xf32>) -> tensor<2x4x?x32xf32>
  return %out : tensor<2x4x?x32xf32>
}

// -----

#q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#k = affine_map<(b, h, i, j, d) -> (b, h, d, j)>
#s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>

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
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %k : tensor<2x4x8x16xf32>, tensor<2x4x16x8xf32>) outs(%z : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
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

// -----

#q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#id = affine_map<(b, h, i, j) -> (b, h, i, j)>
#shared = affine_map<(b, h, i, j) -> (b, 0, i, j)>
#matrix = affine_map<(i, j) -> (i, j)>
#ofmatrix = affine_map<(b, h, i, j) -> (i, j)>
#expand = affine_map<(b, h, i, j) -> (b, 0, 0, j)>

// A causal triangle made from indices, padding given as a tensor of integers, both as added terms of 0 or the lowest
// float: two rules, and the padding is read where it is.
// CHECK-LABEL: func.func @causal_and_padding
// CHECK-SAME: %[[MASK:[^:]*]]: tensor<?x?xi64>
func.func @causal_and_padding(%q: tensor<?x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 16)>}, %k: tensor<?x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 16)>}, %v: tensor<?x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 16)>}, %mask: tensor<?x?xi64> {plan.shape = affine_map<()[s0, s1] -> (s0, s1)>}) -> tensor<?x4x?x16xf32> attributes {plan.symbols = ["batch", "length"]} {
  // CHECK: attn.attend {{.*}} captures(%[[MASK]] : tensor<?x?xi64>) scale 1.000000e+00 keep {
  // CHECK-NEXT: ^bb0(%[[B:[^:]*]]: index, %{{[^:]*}}: index, %[[ROW:[^:]*]]: index, %[[KEY:[^:]*]]: index, %{{[^:]*}}: index, %[[M:[^:]*]]: tensor<?x?xi64>):
  // CHECK-DAG: %[[VISIBLE:.*]] = arith.cmpi sle, %[[KEY]], %[[ROW]] : index
  // CHECK-DAG: %[[READ:.*]] = tensor.extract %[[M]][%[[B]], %[[KEY]]]
  // CHECK-DAG: %[[PRESENT:.*]] = arith.cmpi ne, %[[READ]], %{{.*}} : i64
  // CHECK: %[[BOTH:.*]] = arith.andi %[[PRESENT]], %[[VISIBLE]]
  // CHECK-NEXT: attn.yield %[[BOTH]] : i1
  // CHECK-NOT: linalg.generic
  %b = plan.symbol "batch"
  %n = plan.symbol "length"
  %zero = arith.constant 0.0 : f32
  %izero = arith.constant 0 : i64
  %lowest = arith.constant -3.40282347E+38 : f32
  %et = tensor.empty(%n, %n) : tensor<?x?xf32>
  %em = tensor.empty(%b, %n, %n) : tensor<?x1x?x?xf32>
  %e = tensor.empty(%b, %n, %n) : tensor<?x4x?x?xf32>
  %eo = tensor.empty(%b, %n) : tensor<?x4x?x16xf32>
  %triangle = linalg.generic {indexing_maps = [#matrix], iterator_types = ["parallel", "parallel"]} outs(%et : tensor<?x?xf32>) {
  ^bb0(%u: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %ii = arith.index_cast %i : index to i64
    %jj = arith.index_cast %j : index to i64
    %later = arith.cmpi sgt, %jj, %ii : i64
    %1 = arith.select %later, %lowest, %zero : f32
    linalg.yield %1 : f32
  } -> tensor<?x?xf32>
  %m4 = tensor.expand_shape %mask [[0], [1, 2, 3]] output_shape [%b, 1, 1, %n] : tensor<?x?xi64> into tensor<?x1x1x?xi64>
  %term = linalg.generic {indexing_maps = [#expand, #ofmatrix, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%m4, %triangle : tensor<?x1x1x?xi64>, tensor<?x?xf32>) outs(%em : tensor<?x1x?x?xf32>) {
  ^bb0(%a: i64, %t: f32, %u: f32):
    %padding = arith.cmpi eq, %a, %izero : i64
    %1 = arith.select %padding, %lowest, %t : f32
    linalg.yield %1 : f32
  } -> tensor<?x1x?x?xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %k : tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) outs(%z : tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %scores = linalg.generic {indexing_maps = [#id, #shared, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot, %term : tensor<?x4x?x?xf32>, tensor<?x1x?x?xf32>) outs(%e : tensor<?x4x?x?xf32>) {
  ^bb0(%a: f32, %t: f32, %u: f32):
    %1 = arith.addf %a, %t : f32
    linalg.yield %1 : f32
  } -> tensor<?x4x?x?xf32>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<?x4x?x?xf32>) outs(%e : tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %v : tensor<?x4x?x?xf32>, tensor<?x4x?x16xf32>) outs(%zo : tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  return %out : tensor<?x4x?x16xf32>
}

// -----

#q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#id = affine_map<(b, h, i, j) -> (b, h, i, j)>
#bias = affine_map<(b, h, i, j) -> (h, i, j)>
#bool = affine_map<(b, h, i, j) -> (i, j)>

// Softcap, then a bias tensor, then a mask of truth values, in half precision: computed in f32 inside the region.
// CHECK-LABEL: func.func @softcap_bias_and_mask
// CHECK-SAME: %[[BIAS:[^:]*]]: tensor<4x8x8xf16>, %[[MASK:[^:]*]]: tensor<8x8xi1>
func.func @softcap_bias_and_mask(%q: tensor<2x4x8x16xf16>, %k: tensor<2x4x8x16xf16>, %v: tensor<2x4x8x16xf16>, %bias: tensor<4x8x8xf16>, %mask: tensor<8x8xi1>) -> tensor<2x4x8x16xf16> {
  // CHECK: attn.attend {{.*}} captures(%[[MASK]], %[[BIAS]] : tensor<8x8xi1>, tensor<4x8x8xf16>) scale 5.000000e-01 score {
  // CHECK-NEXT: ^bb0(%[[S:[^:]*]]: f32, %{{[^:]*}}: index, %[[H:[^:]*]]: index, %[[ROW:[^:]*]]: index, %[[KEY:[^:]*]]: index, %{{[^:]*}}: index, %{{[^:]*}}: tensor<8x8xi1>, %[[T:[^:]*]]: tensor<4x8x8xf16>):
  // CHECK: %[[TANH:.*]] = math.tanh %[[S]] : f32
  // CHECK: %[[CAP:.*]] = arith.mulf %[[TANH]], %{{.*}} : f32
  // CHECK: %[[READ:.*]] = tensor.extract %[[T]][%[[H]], %[[ROW]], %[[KEY]]]
  // CHECK: %[[WIDE:.*]] = arith.extf %[[READ]] : f16 to f32
  // CHECK: %[[SUM:.*]] = arith.addf %[[CAP]], %[[WIDE]] : f32
  // CHECK: attn.yield %[[SUM]]
  // CHECK: } keep {
  // CHECK-NEXT: ^bb0(%{{[^:]*}}: index, %{{[^:]*}}: index, %[[ROW:[^:]*]]: index, %[[KEY:[^:]*]]: index, %{{[^:]*}}: index, %[[M:[^:]*]]: tensor<8x8xi1>, %{{[^:]*}}: tensor<4x8x8xf16>):
  // CHECK-NEXT: %[[READ:.*]] = tensor.extract %[[M]][%[[ROW]], %[[KEY]]]
  // CHECK-NEXT: attn.yield %[[READ]] : i1
  // CHECK: } -> tensor<2x4x8x16xf16>
  %zero = arith.constant 0.0 : f32
  %hzero = arith.constant 0.0 : f16
  %low = arith.constant 0xFC00 : f16
  %cap = arith.constant 2.0 : f16
  %e32 = tensor.empty() : tensor<2x4x8x8xf32>
  %e = tensor.empty() : tensor<2x4x8x8xf16>
  %eo = tensor.empty() : tensor<2x4x8x16xf16>
  %z = linalg.fill ins(%zero : f32) outs(%e32 : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %zo = linalg.fill ins(%hzero : f16) outs(%eo : tensor<2x4x8x16xf16>) -> tensor<2x4x8x16xf16>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %k : tensor<2x4x8x16xf16>, tensor<2x4x8x16xf16>) outs(%z : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %scores = linalg.generic {indexing_maps = [#id, #bias, #bool, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot, %bias, %mask : tensor<2x4x8x8xf32>, tensor<4x8x8xf16>, tensor<8x8xi1>) outs(%e : tensor<2x4x8x8xf16>) {
  ^bb0(%a: f32, %t: f16, %m: i1, %u: f16):
    %h = arith.truncf %a : f32 to f16
    %1 = arith.divf %h, %cap : f16
    %2 = math.tanh %1 : f16
    %3 = arith.mulf %2, %cap : f16
    %4 = arith.addf %3, %t : f16
    %5 = arith.select %m, %4, %low : f16
    linalg.yield %5 : f16
  } -> tensor<2x4x8x8xf16>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<2x4x8x8xf16>) outs(%e : tensor<2x4x8x8xf16>) -> tensor<2x4x8x8xf16>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %v : tensor<2x4x8x8xf16>, tensor<2x4x8x16xf16>) outs(%zo : tensor<2x4x8x16xf16>) -> tensor<2x4x8x16xf16>
  return %out : tensor<2x4x8x16xf16>
}

// -----

#q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>

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

// -----

#id = affine_map<(b, h, i, j) -> (b, h, i, j)>
#mask = affine_map<(b, h, i, j) -> (b, 0, 0, j)>

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
  %scores = linalg.generic {indexing_maps = [#id, #mask, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot4, %mask : tensor<2x6x8x8xf32>, tensor<2x1x1x8xf32>) outs(%e : tensor<2x6x8x8xf32>) {
  ^bb0(%a: f32, %t: f32, %u: f32):
    %1 = arith.addf %a, %t : f32
    linalg.yield %1 : f32
  } -> tensor<2x6x8x8xf32>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<2x6x8x8xf32>) outs(%e : tensor<2x6x8x8xf32>) -> tensor<2x6x8x8xf32>
  %w3 = tensor.collapse_shape %w [[0, 1], [2], [3]] : tensor<2x6x8x8xf32> into tensor<12x8x8xf32>
  %out = linalg.batch_matmul ins(%w3, %v3 : tensor<12x8x8xf32>, tensor<12x8x16xf32>) outs(%zo : tensor<12x8x16xf32>) -> tensor<12x8x16xf32>
  return %out : tensor<12x8x16xf32>
}
