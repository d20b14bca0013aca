// Outputs that no kernel writes directly are copied: a value returned twice, a constant.
// RUN: heedc %s -o %t.heed
// RUN: heed-dump %t.heed | FileCheck %s

tile.kernel @fill(%a: memref<?xi8>, %b: memref<?xi8>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// Equal constants are one buffer's content; booleans take a byte.
// CHECK: output once: f32[n, 4]
// CHECK-NEXT: output again: f32[n*4]
// CHECK-NEXT: output fixed: bool[9]
// CHECK: {{^}}steps
// CHECK: fill(b[[C:[0-9]+]], b[[C]], b[[ONCE:[0-9]+]]) []
// CHECK-NEXT: copy b[[AGAIN:[0-9]+]] strides [1] = b[[ONCE]] strides [1], sizes [n*4] of 4 bytes
// CHECK-NEXT: copy b{{[0-9]+}} strides [1] = b[[C]] strides [1], sizes [9] of 1 bytes
func.func @main(%x: tensor<?xf32> {plan.name = "x", plan.shape = affine_map<()[s0] -> (s0)>})
    -> (tensor<?x4xf32> {plan.name = "once"}, tensor<?xf32> {plan.name = "again"}, tensor<9xi1> {plan.name = "fixed"})
    attributes {plan.symbols = ["n"]} {
  %a = arith.constant dense<[true, false, true, true, false, false, true, true, true]> : tensor<9xi1>
  %b = arith.constant dense<[true, false, true, true, false, false, true, true, true]> : tensor<9xi1>
  %0 = plan.launch map "fill" @fill(%a, %b) grid affine_map<()[s0] -> (s0)> params affine_map<()[s0] -> ()>
      shapes [affine_map<()[s0] -> (s0, 4)>] flops affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (0)> : (tensor<9xi1>, tensor<9xi1>) -> tensor<?x4xf32>
  %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<?x4xf32> into tensor<?xf32>
  return %0, %1, %a : tensor<?x4xf32>, tensor<?xf32>, tensor<9xi1>
}
