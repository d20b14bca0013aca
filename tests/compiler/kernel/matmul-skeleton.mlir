// Products through the matmul skeleton, with what follows them fused.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t
// RUN: heed-interpret %s %t --dim b=2 --dim s=7
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels))' | FileCheck %s

// Of four programs at a time, bands of two blocks of rows: five such blocks are three bands, the last one of half height.
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels,merge-dimensions),lower-kernels-ordered,canonicalize,cse)' -o %t.ordered
// RUN: FileCheck %s --check-prefix=ORDER < %t.ordered
// RUN: heed-interpret %s %t.ordered --dim b=2 --dim s=9
// ORDER-LABEL: tile.kernel @k0_matmul
// ORDER: %[[PROGRAM:.*]] = tile.program_id 0
// ORDER: %[[NARROW:.*]] = arith.index_castui %[[PROGRAM]]
// ORDER: arith.divui %[[NARROW]], %{{.*}} : i32
// ORDER: arith.minsi
// ORDER: arith.divui {{.*}} : i32
// ORDER-NOT: tile.program_id 1
// ORDER: scf.for

#rows = affine_map<(b, s, n, k) -> (b, s, k)>
#weights = affine_map<(b, s, n, k) -> (k, n)>
#result = affine_map<(b, s, n, k) -> (b, s, n)>
#id = affine_map<(b, s, n) -> (b, s, n)>
#column = affine_map<(b, s, n) -> (n)>

// One kernel: the product, its bias and the residual.
// CHECK-LABEL: func.func @main
// CHECK: plan.kernel matmul
// CHECK-SAME: notes ["fused: addf", "fused: addf"]
// The returned transpose is no reshape of the stored product, so it is copied.
// CHECK: plan.kernel map
// CHECK-NOT: plan.kernel
func.func @main(%x: tensor<?x?x19xf32> {plan.name = "x", plan.shape = affine_map<()[b,s]->(b,s,19)>},
                %w: tensor<21x19xf32> {plan.name = "w"}, %bias: tensor<21xf32> {plan.name = "bias"},
                %residual: tensor<?x?x21xf32> {plan.name = "r", plan.shape = affine_map<()[b,s]->(b,s,21)>})
    -> (tensor<?x3x?x7xf32> {plan.name = "y"}) attributes {plan.symbols = ["b", "s"]} {
  %b = plan.symbol "b"
  %s = plan.symbol "s"
  %zero = arith.constant 0.0 : f32
  %wempty = tensor.empty() : tensor<19x21xf32>
  %wt = linalg.transpose ins(%w : tensor<21x19xf32>) outs(%wempty : tensor<19x21xf32>) permutation = [1, 0]
  %empty = tensor.empty(%b, %s) : tensor<?x?x21xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x?x21xf32>) -> tensor<?x?x21xf32>
  %0 = linalg.generic {indexing_maps = [#rows, #weights, #result], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %wt : tensor<?x?x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<?x?x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<?x?x21xf32>
  %1 = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%0, %bias : tensor<?x?x21xf32>, tensor<21xf32>) outs(%empty : tensor<?x?x21xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %sum = arith.addf %l, %r : f32
    linalg.yield %sum : f32
  } -> tensor<?x?x21xf32>
  %2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%residual, %1 : tensor<?x?x21xf32>, tensor<?x?x21xf32>) outs(%empty : tensor<?x?x21xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %sum = arith.addf %l, %r : f32
    linalg.yield %sum : f32
  } -> tensor<?x?x21xf32>
  %heads = tensor.expand_shape %2 [[0], [1], [2, 3]] output_shape [%b, %s, 3, 7] : tensor<?x?x21xf32> into tensor<?x?x3x7xf32>
  %hempty = tensor.empty(%b, %s) : tensor<?x3x?x7xf32>
  %t = linalg.transpose ins(%heads : tensor<?x?x3x7xf32>) outs(%hempty : tensor<?x3x?x7xf32>) permutation = [0, 2, 1, 3]
  return %t : tensor<?x3x?x7xf32>
}
