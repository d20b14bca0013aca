// Products of few rows: each lane sums along the depth for itself, whichever way the weights lie.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t
// RUN: FileCheck %s < %t
// RUN: heed-interpret %s %t --entry=one_row
// RUN: heed-interpret %s %t --entry=two_rows

// CHECK-LABEL: tile.kernel @k1_matmul
// CHECK: scf.for {{.*}} -> (tensor<4x16xf32>, tensor<4x16xf32>)
// CHECK-COUNT-2: tile.reduce add

#rows = affine_map<(m, n, k) -> (m, k)>
#across = affine_map<(m, n, k) -> (n, k)>
#along = affine_map<(m, n, k) -> (k, n)>
#result = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>

// The depth does not divide blocks; what follows is done on the sums.
func.func @one_row(%x: tensor<1x37xf32> {plan.name = "x"}, %w: tensor<21x37xf32> {plan.name = "w"}, %r: tensor<1x21xf32> {plan.name = "r"})
    -> (tensor<1x21xf32> {plan.name = "y"}) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x21xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x21xf32>) -> tensor<1x21xf32>
  %0 = linalg.generic {indexing_maps = [#rows, #across, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<1x37xf32>, tensor<21x37xf32>) outs(%fill : tensor<1x21xf32>) {
  ^bb0(%l: f32, %m: f32, %acc: f32):
    %p = arith.mulf %l, %m : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<1x21xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%0, %r : tensor<1x21xf32>, tensor<1x21xf32>) outs(%empty : tensor<1x21xf32>) {
  ^bb0(%l: f32, %m: f32, %o: f32):
    %sum = arith.addf %l, %m : f32
    linalg.yield %sum : f32
  } -> tensor<1x21xf32>
  return %1 : tensor<1x21xf32>
}

// A tile of sums for each row, weights read once for both.
func.func @two_rows(%x: tensor<2x32xbf16> {plan.name = "x"}, %w: tensor<32x21xbf16> {plan.name = "w"}) -> (tensor<2x21xf32> {plan.name = "y"}) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x21xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x21xf32>) -> tensor<2x21xf32>
  %0 = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<2x32xbf16>, tensor<32x21xbf16>) outs(%fill : tensor<2x21xf32>) {
  ^bb0(%l: bf16, %m: bf16, %acc: f32):
    %a = arith.extf %l : bf16 to f32
    %b = arith.extf %m : bf16 to f32
    %p = arith.mulf %a, %b : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<2x21xf32>
  return %0 : tensor<2x21xf32>
}
