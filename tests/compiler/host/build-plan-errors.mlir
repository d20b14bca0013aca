// RUN: split-file %s %t
// RUN: not heedc %t/left-over.mlir -o %t/out.heed 2>&1 | FileCheck %t/left-over.mlir
// RUN: not heedc %t/unbound.mlir -o %t/out.heed 2>&1 | FileCheck %t/unbound.mlir
// RUN: not heedc %t/no-shape.mlir -o %t/out.heed 2>&1 | FileCheck %t/no-shape.mlir
// RUN: not heedc %t/strided-reshape.mlir -o %t/out.heed 2>&1 | FileCheck %t/strided-reshape.mlir
// RUN: not heedc %t/base-type.mlir -o %t/out.heed 2>&1 | FileCheck %t/base-type.mlir
// RUN: not heedc %t/symbols.mlir -o %t/out.heed 2>&1 | FileCheck %t/symbols.mlir
// RUN: not heedc %t/element-type.mlir -o %t/out.heed 2>&1 | FileCheck %t/element-type.mlir
// RUN: not heedc %t/constraint.mlir -o %t/out.heed 2>&1 | FileCheck %t/constraint.mlir
// RUN: not heedc %t/no-graph.mlir -o %t/out.heed 2>&1 | FileCheck %t/no-graph.mlir
// RUN: not test -e %t/out.heed

//--- left-over.mlir
// CHECK: left-over.mlir:[[#@LINE+2]]:8: error: 'tensor.bitcast'
func.func @main(%x: tensor<4xf32>) -> tensor<4xi32> {
  %0 = tensor.bitcast %x : tensor<4xf32> to tensor<4xi32>
  return %0 : tensor<4xi32>
}

//--- unbound.mlir
// CHECK: unbound.mlir:[[#@LINE+1]]:1: error: symbol 'n' gets a value from no input
func.func @main(%x: tensor<?xf32> {plan.shape = affine_map<()[s0] -> (s0 * 2)>}) -> tensor<?xf32> attributes {plan.symbols = ["n"]} {
  return %x : tensor<?xf32>
}

//--- no-shape.mlir
// CHECK: error: argument 0 has sizes known only at run time: plan.shape must name their symbols
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}

//--- strided-reshape.mlir
// CHECK: error: reads input 'x', which may have any strides, through a reshape
tile.kernel @k(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}
func.func @main(%x: tensor<2x3xf32> {plan.name = "x", plan.strides = affine_map<()[s0] -> (s0, 1)>}) -> tensor<6xf32> attributes {plan.symbols = ["stride(x,0)"]} {
  %0 = tensor.collapse_shape %x [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
  %1 = plan.launch map "k" @k(%0) grid affine_map<()[s0] -> (1)> params affine_map<()[s0] -> ()> shapes [affine_map<()[s0] -> (6)>] flops affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (0)> : (tensor<6xf32>) -> tensor<6xf32>
  return %1 : tensor<6xf32>
}

//--- base-type.mlir
// CHECK: error: 'plan.launch' op L1: argument 0 of kernel k is no base for 'tensor<6xi1>'
tile.kernel @k(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}
func.func @main(%x: tensor<6xi1>) -> tensor<6xf32> {
  %1 = plan.launch map "k" @k(%x) grid affine_map<() -> (1)> params affine_map<() -> ()> shapes [affine_map<() -> (6)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> : (tensor<6xi1>) -> tensor<6xf32>
  return %1 : tensor<6xf32>
}

//--- symbols.mlir
// CHECK: error: 'plan.launch' op L2: maps are over the symbols of the graph, got affine_map<()[s0, s1] -> (s1)>
tile.kernel @k(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}
func.func @main(%x: tensor<6xf32>) -> tensor<6xf32> attributes {plan.symbols = ["n"]} {
  %1 = plan.launch map "k" @k(%x) grid affine_map<()[s0, s1] -> (s1)> params affine_map<() -> ()> shapes [affine_map<() -> (6)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> : (tensor<6xf32>) -> tensor<6xf32>
  return %1 : tensor<6xf32>
}

//--- element-type.mlir
// CHECK: error: argument 0 of type 'tensor<4xi7>' cannot be an input
func.func @main(%x: tensor<4xi7>) -> tensor<4xi7> {
  return %x : tensor<4xi7>
}

//--- constraint.mlir
// CHECK: error: plan.constraints: needs affine sets over the symbols of the graph
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> attributes {plan.constraints = ["x > 1"]} {
  return %x : tensor<4xf32>
}

//--- no-graph.mlir
// CHECK: error: the module needs a function @main that holds the graph, or exactly one function; it has 0 functions
module {}
