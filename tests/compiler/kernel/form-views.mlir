// Reshapes as views of kernel operands.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels))' | FileCheck %s

// A dimension of one element keeps a stride that is a multiple of its rows, so that rows may be told to lie aligned.
// CHECK-DAG: #[[VIEW:.*]] = affine_map<()[s0] -> (0, s0 * 8, 8, 1)>
// CHECK-LABEL: func.func @one_batch
// CHECK: plan.kernel row {{.*}} views [#[[VIEW]]]
func.func @one_batch(%x: tensor<1x?x2x4xf32> {plan.name = "x", plan.shape = affine_map<()[s0] -> (1, s0, 2, 4)>}) -> (tensor<1x?x8xf32> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  %n = plan.symbol "n"
  %joined = tensor.collapse_shape %x [[0], [1], [2, 3]] : tensor<1x?x2x4xf32> into tensor<1x?x8xf32>
  %empty = tensor.empty(%n) : tensor<1x?x8xf32>
  %y = linalg.softmax dimension(2) ins(%joined : tensor<1x?x8xf32>) outs(%empty : tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  return %y : tensor<1x?x8xf32>
}
