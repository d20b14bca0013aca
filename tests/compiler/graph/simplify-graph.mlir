// RUN: heed-opt %s --simplify-graph -o %t
// RUN: FileCheck %s < %t
// RUN: heed-interpret %s %t --entry=gelu
// RUN: heed-interpret %s %t --entry=mask_for_two_users
// RUN: heed-interpret %s %t --entry=costly_before_broadcast
// RUN: heed-interpret %s %t --entry=through_transpose

#id = affine_map<(i, j) -> (i, j)>
#column = affine_map<(i, j) -> (j)>
#none = affine_map<(i, j) -> ()>
#left = affine_map<(i, j, k) -> (i, k)>
#right = affine_map<(i, j, k) -> (k, j)>
#out = affine_map<(i, j, k) -> (i, j)>

// The bias and the whole GELU are one op behind the product, which reads the product once.
// CHECK-LABEL: func.func @gelu
func.func @gelu(%x: tensor<4x8xf32>, %w: tensor<8x16xf32>, %bias: tensor<16xf32>) -> tensor<4x16xf32> {
  // CHECK: %[[P:.*]] = linalg.contract
  // CHECK: linalg.generic {{.*}} ins(%[[P]], %{{.*}} : tensor<4x16xf32>, tensor<16xf32>)
  // CHECK: math.erf
  // CHECK: linalg.yield
  // CHECK-NOT: linalg.generic
  // CHECK: return
  %zero = arith.constant 0.0 : f32
  %half = arith.constant dense<0.5> : tensor<f32>
  %one = arith.constant dense<1.0> : tensor<4x16xf32>
  %root = arith.constant 1.41421354 : f32
  %e = tensor.empty() : tensor<4x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
  %p = linalg.contract indexing_maps = [#left, #right, #out] ins(%x, %w : tensor<4x8xf32>, tensor<8x16xf32>) outs(%z : tensor<4x16xf32>) -> tensor<4x16xf32>
  %h = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]} ins(%p, %bias : tensor<4x16xf32>, tensor<16xf32>) outs(%e : tensor<4x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.addf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<4x16xf32>
  %d = linalg.generic {indexing_maps = [#id, #none, #id], iterator_types = ["parallel", "parallel"]} ins(%h, %root : tensor<4x16xf32>, f32) outs(%e : tensor<4x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.divf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<4x16xf32>
  %r = linalg.erf ins(%d : tensor<4x16xf32>) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
  %s = arith.addf %r, %one : tensor<4x16xf32>
  %m = arith.mulf %h, %s : tensor<4x16xf32>
  %g = linalg.generic {indexing_maps = [#id, #none, #id], iterator_types = ["parallel", "parallel"]} ins(%m, %half : tensor<4x16xf32>, tensor<f32>) outs(%e : tensor<4x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.mulf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<4x16xf32>
  return %g : tensor<4x16xf32>
}

// What is made from indices alone is made where it is read.
// CHECK-LABEL: func.func @mask_for_two_users
func.func @mask_for_two_users(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  // CHECK-COUNT-2: linalg.generic {{.*}} ins(%{{[^,]*}} : tensor<4x4xf32>)
  // CHECK-NOT: linalg.generic
  // CHECK: return
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x4xf32>
  %mask = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<4x4xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %c = arith.cmpi sle, %j, %i : index
    %1 = arith.uitofp %c : i1 to f32
    linalg.yield %1 : f32
  } -> tensor<4x4xf32>
  %a = arith.mulf %x, %mask : tensor<4x4xf32>
  %b = arith.mulf %y, %mask : tensor<4x4xf32>
  return %a, %b : tensor<4x4xf32>, tensor<4x4xf32>
}

// A vector of exponentials is not computed again for every row.
// CHECK-LABEL: func.func @costly_before_broadcast
func.func @costly_before_broadcast(%x: tensor<4x16xf32>, %v: tensor<16xf32>) -> tensor<4x16xf32> {
  // CHECK: linalg.generic
  // CHECK: math.exp
  // CHECK: linalg.generic
  // CHECK: arith.mulf
  // CHECK: return
  %ev = tensor.empty() : tensor<16xf32>
  %e = tensor.empty() : tensor<4x16xf32>
  %w = linalg.exp ins(%v : tensor<16xf32>) outs(%ev : tensor<16xf32>) -> tensor<16xf32>
  %g = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %w : tensor<4x16xf32>, tensor<16xf32>) outs(%e : tensor<4x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.mulf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<4x16xf32>
  return %g : tensor<4x16xf32>
}

// CHECK-LABEL: func.func @through_transpose
func.func @through_transpose(%x: tensor<4x16xf32>, %y: tensor<16x4xf32>) -> tensor<16x4xf32> {
  // CHECK-NOT: linalg.transpose
  // CHECK: linalg.generic
  // CHECK-NOT: linalg.generic
  // CHECK: return
  %e = tensor.empty() : tensor<4x16xf32>
  %et = tensor.empty() : tensor<16x4xf32>
  %n = arith.negf %x : tensor<4x16xf32>
  %t = linalg.transpose ins(%n : tensor<4x16xf32>) outs(%et : tensor<16x4xf32>) permutation = [1, 0]
  %s = arith.addf %t, %y : tensor<16x4xf32>
  return %s : tensor<16x4xf32>
}
