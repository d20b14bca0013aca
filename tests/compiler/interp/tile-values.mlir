// Every op on tile values, on numbers small enough to check by eye.
// RUN: heed-interpret %s | FileCheck %s

// CHECK: result 0: 2x3xi32 = {{\[\[}}7, 8, 9], [7, 8, 9]]
// CHECK: result 1: 3x2xf32 = {{\[\[}}0, 3], [1, 4], [2, 5]]
// CHECK: result 2: 2x3xf32 = {{\[\[}}0, 1, 3], [3, 7, 12]]
// CHECK: result 3: 3xf32 = [3, 5, 7]
// CHECK: result 4: 2xf32 = [1, 4]
// CHECK: result 5: 2xf32 = [-3.40282e+38, -3.40282e+38]
// CHECK: result 6: 2x2xf32 = {{\[\[}}15, 24], [24, 60]]
// CHECK: result 7: 3x3xf32 = {{\[\[}}1, 0, 0], [-3, 1, 0], [18, -7, 1]]
// CHECK: result 8: 2x2x3xf32 = {{\[\[\[}}0, 1, 2], [0, 1, 2]], {{\[\[}}3, 4, 5], [3, 4, 5]]]
// CHECK: result 9: 4xf32 = [2, -1, -1, 5]
// CHECK: result 10: 2xi32 = [-1, 1]
// CHECK: result 11: 3x4xf32 = {{\[\[}}3, 2, 1, 0], [4, 3, 2, 1], [5, 4, 3, 2]]
// CHECK: result 12: 2xi32 = [0, 1]
// CHECK: result 13: 2xf32 = [3, 12]
func.func @main() -> (tensor<2x3xi32>, tensor<3x2xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2x2xf32>, tensor<3x3xf32>, tensor<2x2x3xf32>, tensor<4xf32>, tensor<2xi32>, tensor<3x4xf32>, tensor<2xi32>, tensor<2xf32>) {
  %x = arith.constant dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]> : tensor<6xf32>
  %r:14 = plan.launch map "values" @values(%x) grid affine_map<() -> (1)> params affine_map<() -> ()>
      shapes [affine_map<() -> (2, 3)>, affine_map<() -> (3, 2)>, affine_map<() -> (2, 3)>, affine_map<() -> (3)>, affine_map<() -> (2)>,
              affine_map<() -> (2)>, affine_map<() -> (2, 2)>, affine_map<() -> (3, 3)>, affine_map<() -> (2, 2, 3)>, affine_map<() -> (4)>, affine_map<() -> (2)>, affine_map<() -> (3, 4)>, affine_map<() -> (2)>, affine_map<() -> (2)>]
      flops affine_map<() -> (0)> bytes affine_map<() -> (0)>
      : (tensor<6xf32>) -> (tensor<2x3xi32>, tensor<3x2xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2x2xf32>, tensor<3x3xf32>, tensor<2x2x3xf32>, tensor<4xf32>, tensor<2xi32>, tensor<3x4xf32>, tensor<2xi32>, tensor<2xf32>)
  return %r#0, %r#1, %r#2, %r#3, %r#4, %r#5, %r#6, %r#7, %r#8, %r#9, %r#10, %r#11, %r#12, %r#13 : tensor<2x3xi32>, tensor<3x2xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2x2xf32>, tensor<3x3xf32>, tensor<2x2x3xf32>, tensor<4xf32>, tensor<2xi32>, tensor<3x4xf32>, tensor<2xi32>, tensor<2xf32>
}

!f1 = memref<?xf32>
!f2 = memref<2x3xf32>

tile.kernel @values(%x: !f1, %r0: memref<?xi32>, %r1: !f1, %r2: !f1, %r3: !f1, %r4: !f1, %r5: !f1, %r6: !f1, %r7: !f1, %r8: !f1, %r9: !f1, %r10: memref<?xi32>, %r11: !f1, %r12: memref<?xi32>, %r13: !f1) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c7 = arith.constant 7 : index
  %minus = arith.constant -1 : index
  %one = arith.constant -1.0 : f32
  %vx = memref.reinterpret_cast %x to offset: [0], sizes: [2, 3], strides: [3, 1] : !f1 to !f2
  %tile = tile.load %vx[%c0, %c0] dims [0, 1] : !f2 -> tensor<2x3xf32>

  %index = tile.index 1 from %c7 : tensor<2x3xi32>
  %v0 = memref.reinterpret_cast %r0 to offset: [0], sizes: [2, 3], strides: [3, 1] : memref<?xi32> to memref<2x3xi32>
  tile.store %index, %v0[%c0, %c0] dims [0, 1] : tensor<2x3xi32>, memref<2x3xi32>

  // A load that walks the view's dimensions in the other order is a transpose too.
  %transposed = tile.transpose %tile : tensor<2x3xf32> -> tensor<3x2xf32>
  %walked = tile.load %vx[%c0, %c0] dims [1, 0] : !f2 -> tensor<3x2xf32>
  %sum = arith.addf %transposed, %walked : tensor<3x2xf32>
  %half = arith.constant dense<0.5> : tensor<3x2xf32>
  %mean = arith.mulf %sum, %half : tensor<3x2xf32>
  %converted = tile.convert %mean : tensor<3x2xf32> -> tensor<3x2xf32>
  %v1 = memref.reinterpret_cast %r1 to offset: [0], sizes: [3, 2], strides: [2, 1] : !f1 to memref<3x2xf32>
  tile.store %converted, %v1[%c0, %c0] dims [0, 1] : tensor<3x2xf32>, memref<3x2xf32>

  %prefix = tile.scan add %tile along 1 : tensor<2x3xf32>
  %v2 = memref.reinterpret_cast %r2 to offset: [0], sizes: [2, 3], strides: [3, 1] : !f1 to !f2
  tile.store %prefix, %v2[%c0, %c0] dims [0, 1] : tensor<2x3xf32>, !f2

  %columns = tile.reduce add %tile along 0 : tensor<2x3xf32> -> tensor<3xf32>
  tile.store %columns, %r3[%c0] dims [0] : tensor<3xf32>, !f1
  %highest = tile.reduce max %tile along 1 extent(%c2) : tensor<2x3xf32> -> tensor<2xf32>
  tile.store %highest, %r4[%c0] dims [0] : tensor<2xf32>, !f1
  %nothing = tile.reduce max %tile along 1 extent(%minus) : tensor<2x3xf32> -> tensor<2xf32>
  tile.store %nothing, %r5[%c0] dims [0] : tensor<2xf32>, !f1

  %ten = arith.constant 10.0 : f32
  %tens = tile.splat %ten : tensor<2x2xf32>
  %product = tile.dot %tile, %transposed, %tens : tensor<2x3xf32>, tensor<3x2xf32> -> tensor<2x2xf32>
  %v6 = memref.reinterpret_cast %r6 to offset: [0], sizes: [2, 2], strides: [2, 1] : !f1 to memref<2x2xf32>
  tile.store %product, %v6[%c0, %c0] dims [0, 1] : tensor<2x2xf32>, memref<2x2xf32>

  // The diagonal and what is above it are ignored.
  %lower = arith.constant dense<[[5.0, 5.0, 5.0], [3.0, 5.0, 5.0], [3.0, 7.0, 5.0]]> : tensor<3x3xf32>
  %inverse = tile.trinv %lower : tensor<3x3xf32>
  %v7 = memref.reinterpret_cast %r7 to offset: [0], sizes: [3, 3], strides: [3, 1] : !f1 to memref<3x3xf32>
  tile.store %inverse, %v7[%c0, %c0] dims [0, 1] : tensor<3x3xf32>, memref<3x3xf32>

  %repeated = tile.broadcast %tile dims [0, 2] : tensor<2x3xf32> -> tensor<2x2x3xf32>
  %v8 = memref.reinterpret_cast %r8 to offset: [0], sizes: [2, 2, 3], strides: [6, 3, 1] : !f1 to memref<2x2x3xf32>
  tile.store %repeated, %v8[%c0, %c0, %c0] dims [0, 1, 2] : tensor<2x2x3xf32>, memref<2x2x3xf32>

  // Indices outside of the view read nothing.
  %where = arith.constant dense<[2, 6, -1, 5]> : tensor<4xi32>
  %gathered = tile.gather %x[%where : tensor<4xi32>] fill %one : f32 : !f1 -> tensor<4xf32>
  tile.store %gathered, %r9[%c0] dims [0] : tensor<4xf32>, !f1

  // Diagonals from the last column's first element on.
  %band = tile.load %x[%c0] dims [0] : !f1 -> tensor<6xf32>
  %diagonals = tile.toeplitz %band : tensor<6xf32> -> tensor<3x4xf32>
  %v11 = memref.reinterpret_cast %r11 to offset: [0], sizes: [3, 4], strides: [4, 1] : !f1 to memref<3x4xf32>
  tile.store %diagonals, %v11[%c0, %c0] dims [0, 1] : tensor<3x4xf32>, memref<3x4xf32>

  // Greater than the limit of a row, not equal to it.
  %limits = arith.constant dense<[2.0, 5.0]> : tensor<2xf32>
  %none = tile.exceeds %tile, %limits along 1 : tensor<2x3xf32>, tensor<2xf32>
  %below = arith.constant dense<[2.0, 4.5]> : tensor<2xf32>
  %some = tile.exceeds %tile, %below along 1 : tensor<2x3xf32>, tensor<2xf32>
  %none_number = arith.extui %none : i1 to i32
  %some_number = arith.extui %some : i1 to i32
  %none_tile = tile.splat %none_number : tensor<1xi32>
  %some_tile = tile.splat %some_number : tensor<1xi32>
  tile.store %none_tile, %r12[%c0] dims [0] : tensor<1xi32>, memref<?xi32>
  tile.store %some_tile, %r12[%c1] dims [0] : tensor<1xi32>, memref<?xi32>

  // What a fold leaves is a reduction when it is reduced.
  %folded = tile.fold add %tile along 1 : tensor<2x3xf32> -> tensor<2x2xf32>
  %unfolded = tile.reduce add %folded along 1 : tensor<2x2xf32> -> tensor<2xf32>
  tile.store %unfolded, %r13[%c0] dims [0] : tensor<2xf32>, !f1

  // A store past its extents writes nothing there.
  %ones = arith.constant dense<1> : tensor<2xi32>
  %minus_ones = arith.constant dense<-1> : tensor<2xi32>
  tile.store %ones, %r10[%c0] dims [0] : tensor<2xi32>, memref<?xi32>
  tile.store %minus_ones, %r10[%c0] dims [0] extents(%c1) : tensor<2xi32>, memref<?xi32>
  tile.return
}
