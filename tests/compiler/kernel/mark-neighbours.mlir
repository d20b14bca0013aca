// Kernels know what launches before theirs do not write, and which may be the first of a plan, behind another call's last.
// RUN: heed-opt %s --mark-neighbours --split-input-file | FileCheck %s

// CHECK: tile.kernel @first({{.*}} attributes {grid_rank = 1 : i64, heed.follows = array<i64: 0>, heed.opens}
// CHECK: tile.kernel @twice({{.*}} attributes {grid_rank = 1 : i64, heed.follows = array<i64>}
// CHECK: tile.kernel @wide({{.*}} attributes {grid_rank = 1 : i64, heed.follows = array<i64>}
// CHECK: tile.kernel @last({{.*}} attributes {grid_rank = 1 : i64, heed.follows = array<i64>}
#none = affine_map<() -> ()>
#one = affine_map<() -> (1)>
#shape = affine_map<() -> (8)>
tile.kernel @first(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} { tile.return }
tile.kernel @twice(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} { tile.return }
tile.kernel @wide(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} { tile.return }
tile.kernel @last(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} { tile.return }
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = plan.launch map "a" @first(%x) grid #one params #none shapes [#shape] flops #one bytes #one : (tensor<8xf32>) -> tensor<8xf32>
  %1 = plan.launch map "b" @twice(%0) grid #one params #none shapes [#shape] flops #one bytes #one : (tensor<8xf32>) -> tensor<8xf32>
  %2 = plan.launch map "c" @twice(%1) grid #one params #none shapes [#shape] flops #one bytes #one : (tensor<8xf32>) -> tensor<8xf32>
  %3 = plan.launch map "d" @last(%2) grid #one params #none shapes [#shape] flops #one bytes #one
      {alternatives = [@wide], alternative_grids = [#one], alternative_conditions = [#one]} : (tensor<8xf32>) -> tensor<8xf32>
  return %3 : tensor<8xf32>
}

// -----

// A kernel for many rows does not run with those for few, which store in its place: both may be the first.
// CHECK: tile.kernel @many({{.*}} attributes {grid_rank = 1 : i64, heed.follows = array<i64: 0>, heed.opens} {
// CHECK: tile.kernel @parts({{.*}} attributes {grid_rank = 1 : i64, heed.follows = array<i64: 0>, heed.opens}
// CHECK: tile.kernel @merge({{.*}} attributes {grid_rank = 1 : i64, heed.follows = array<i64>}
#none = affine_map<() -> ()>
#one = affine_map<() -> (1)>
#shape = affine_map<() -> (8)>
tile.kernel @many(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} { tile.return }
tile.kernel @parts(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} { tile.return }
tile.kernel @merge(%x: memref<?xf32>, %y: memref<?xf32>, %z: memref<?xf32>) attributes {grid_rank = 1 : i64} { tile.return }
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = plan.launch attend "a" @many(%x) grid #one params #none shapes [#shape] flops #one bytes #one : (tensor<8xf32>) -> tensor<8xf32>
  %1 = plan.launch attend "b" @parts(%x) grid #one params #none shapes [#shape] flops #one bytes #one : (tensor<8xf32>) -> tensor<8xf32>
  %2 = plan.launch attend "c" @merge(%1, %0) grid #one params #none shapes [#shape] flops #one bytes #one
      {plan.tied = array<i64: 1>} : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// What no launch writes: constants, and inputs that no output takes the place of, seen through reshapes too. Bases are
// such only where they are so for every launch.
// CHECK: tile.kernel @start({{.*}} attributes {grid_rank = 1 : i64, heed.follows = array<i64>, heed.opens}
// CHECK: tile.kernel @three({{.*}} attributes {grid_rank = 1 : i64, heed.follows = array<i64: 1, 2>}
// CHECK: tile.kernel @both({{.*}} attributes {grid_rank = 1 : i64, heed.follows = array<i64: 1>}
#none = affine_map<() -> ()>
#one = affine_map<() -> (1)>
#shape = affine_map<() -> (8)>
tile.kernel @start(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} { tile.return }
tile.kernel @three(%x: memref<?xf32>, %y: memref<?xf32>, %z: memref<?xf32>, %o: memref<?xf32>) attributes {grid_rank = 1 : i64} { tile.return }
tile.kernel @both(%x: memref<?xf32>, %y: memref<?xf32>, %o: memref<?xf32>) attributes {grid_rank = 1 : i64} { tile.return }
func.func @main(%state: tensor<8xf32>, %w: tensor<2x4xf32>) -> (tensor<8xf32>, tensor<8xf32> {plan.alias = 0 : i64}) {
  %c = arith.constant dense<1.0> : tensor<8xf32>
  %v = tensor.collapse_shape %w [[0, 1]] : tensor<2x4xf32> into tensor<8xf32>
  %0 = plan.launch map "a" @start(%state) grid #one params #none shapes [#shape] flops #one bytes #one : (tensor<8xf32>) -> tensor<8xf32>
  %1 = plan.launch map "b" @three(%state, %v, %c) grid #one params #none shapes [#shape] flops #one bytes #one : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = plan.launch map "c" @both(%c, %c) grid #one params #none shapes [#shape] flops #one bytes #one : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %3 = plan.launch map "d" @both(%2, %c) grid #one params #none shapes [#shape] flops #one bytes #one : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %3, %1 : tensor<8xf32>, tensor<8xf32>
}
