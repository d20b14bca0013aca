// Named ops, strided and reversed access, linalg.index, softmax, and data movement, on known numbers.
// RUN: heed-interpret %s --entry=matmul --input 0=iota:0 --input 1=splat:2 | FileCheck %s --check-prefix=MATMUL
// MATMUL: result 0: 3x2xf32 = {{\[\[}}12, 12], [44, 44], [76, 76]]
// MATMUL: result 1: 2x3xf32 = {{\[\[}}12, 44, 76], [12, 44, 76]]
func.func @matmul(%a: tensor<3x4xf32>, %b: tensor<4x2xf32>) -> (tensor<3x2xf32>, tensor<2x3xf32>) {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x2xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<3x2xf32>) -> tensor<3x2xf32>
  %m = linalg.matmul ins(%a, %b : tensor<3x4xf32>, tensor<4x2xf32>) outs(%f : tensor<3x2xf32>) -> tensor<3x2xf32>
  %e2 = tensor.empty() : tensor<2x3xf32>
  %t = linalg.transpose ins(%m : tensor<3x2xf32>) outs(%e2 : tensor<2x3xf32>) permutation = [1, 0]
  return %m, %t : tensor<3x2xf32>, tensor<2x3xf32>
}

// RUN: heed-interpret %s --entry=reversed --input 0=iota:0 | FileCheck %s --check-prefix=REVERSED
// REVERSED: result 0: 4xf32 = [6, 5, 4, 3]
func.func @reversed(%a: tensor<7xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (6 - i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%a : tensor<7xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%x: f32, %unused: f32):
    linalg.yield %x : f32
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// RUN: heed-interpret %s --entry=softmax --input 0=0,0,1,1 | FileCheck %s --check-prefix=SOFTMAX
// SOFTMAX: result 0: 2x2xf32 = {{\[\[}}0.268941, 0.268941], [0.731059, 0.731059]]
func.func @softmax(%a: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %e = tensor.empty() : tensor<2x2xf32>
  %r = linalg.softmax dimension(0) ins(%a : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %r : tensor<2x2xf32>
}

// RUN: heed-interpret %s --entry=moved --shape 0=2x3 --input 0=iota:1 | FileCheck %s --check-prefix=MOVED
// MOVED: result 0: 3x2xf32 = {{\[\[}}9, 9], [1, 3], [4, 6]]
// MOVED: result 1: 2x2xf32 = {{\[\[}}1, 3], [2, 5]]
// MOVED: result 2: index = 2
func.func @moved(%a: tensor<?x3xf32>) -> (tensor<3x2xf32>, tensor<2x2xf32>, index) {
  %c0 = arith.constant 0 : index
  %nine = arith.constant 9.0 : f32
  %rows = tensor.dim %a, %c0 : tensor<?x3xf32>
  %even = tensor.extract_slice %a[0, 0] [2, 2] [1, 2] : tensor<?x3xf32> to tensor<2x2xf32>
  %padded = tensor.pad %even low[1, 0] high[0, 0] {
  ^bb0(%i: index, %j: index):
    tensor.yield %nine : f32
  } : tensor<2x2xf32> to tensor<3x2xf32>
  %flat = tensor.collapse_shape %a [[0, 1]] : tensor<?x3xf32> into tensor<?xf32>
  %second = tensor.extract_slice %flat[1] [2] [3] : tensor<?xf32> to tensor<2xf32>
  %first = tensor.extract_slice %even[0, 0] [1, 2] [1, 1] : tensor<2x2xf32> to tensor<1x2xf32>
  %row = tensor.expand_shape %second [[0, 1]] output_shape [1, 2] : tensor<2xf32> into tensor<1x2xf32>
  %both = tensor.concat dim(0) %first, %row : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<2x2xf32>
  return %padded, %both, %rows : tensor<3x2xf32>, tensor<2x2xf32>, index
}
