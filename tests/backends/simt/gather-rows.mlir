// A gather whose indices along the dimension of stride one are neighbours, and whose others do not change along it, reads
// rows: in vectors where the rows' places, ends and strides allow it.
// RUN: heed-opt %s --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %s

// Rows of 8 elements, 4 at a time, at places that a table gives: each lane reads of the table what it needs.
// CHECK-LABEL: simt.kernel @rows_aligned(
// CHECK: %[[ROW:.*]] = simt.load global %{{.*}} if %{{.*}} else %{{.*}} : i32 align 4
// CHECK: %[[WIDE:.*]] = arith.extsi %[[ROW]] : i32 to i64
// CHECK: %[[EXISTS:.*]] = arith.cmpi ult, %[[WIDE]], %{{.*}} : i64
// CHECK: %[[INSIDE:.*]] = arith.andi %[[EXISTS]], %{{.*}} : i1
// CHECK: simt.load global %{{.*}} if %[[INSIDE]] else %{{.*}} : vector<4xf32> align 16
// CHECK: simt.store global
// CHECK-LABEL: simt.kernel @rows(
// CHECK-NOT: simt.load {{.*}}vector<4xf32>
tile.kernel @rows(%a: memref<?xf32>, %table: memref<?xi32>, %o: memref<?xf32>, %stride: index, %n: index, %entries: index)
    attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %none = arith.constant 0 : i32
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [%n, 8], strides: [%stride, 1]
      : memref<?xf32> to memref<?x8xf32, strided<[?, 1]>>
  %vt = memref.reinterpret_cast %table to offset: [0], sizes: [%entries], strides: [1]
      : memref<?xi32> to memref<?xi32, strided<[1]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4, 8], strides: [8, 1]
      : memref<?xf32> to memref<4x8xf32, strided<[8, 1]>>
  %places = tile.index 0 from %c0 : tensor<4xi32>
  %row = tile.gather %vt[%places : tensor<4xi32>] fill %none : i32 : memref<?xi32, strided<[1]>> -> tensor<4xi32>
  %rows = tile.broadcast %row dims [0] : tensor<4xi32> -> tensor<4x8xi32>
  %column = tile.index 0 from %c0 : tensor<8xi32>
  %columns = tile.broadcast %column dims [1] : tensor<8xi32> -> tensor<4x8xi32>
  %t = tile.gather %v[%rows, %columns : tensor<4x8xi32>, tensor<4x8xi32>] fill %zero : f32
      : memref<?x8xf32, strided<[?, 1]>> -> tensor<4x8xf32>
  tile.store %t, %vo[%c0, %c0] dims [0, 1] : tensor<4x8xf32>, memref<4x8xf32, strided<[8, 1]>>
  tile.return
}

// The column changes along both dimensions: nothing is known.
// CHECK-LABEL: simt.kernel @skewed
// CHECK-NOT: simt.load {{.*}}vector<4xf32>
tile.kernel @skewed(%a: memref<?xf32>, %o: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [%n, 8], strides: [8, 1]
      : memref<?xf32> to memref<?x8xf32, strided<[8, 1]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4, 8], strides: [1, 4]
      : memref<?xf32> to memref<4x8xf32, strided<[1, 4]>>
  %row = tile.index 0 from %c0 : tensor<4xi32>
  %rows = tile.broadcast %row dims [0] : tensor<4xi32> -> tensor<4x8xi32>
  %column = tile.index 0 from %c0 : tensor<8xi32>
  %columns = tile.broadcast %column dims [1] : tensor<8xi32> -> tensor<4x8xi32>
  %skewed = arith.addi %rows, %columns : tensor<4x8xi32>
  %t = tile.gather %v[%rows, %skewed : tensor<4x8xi32>, tensor<4x8xi32>] fill %zero : f32
      : memref<?x8xf32, strided<[8, 1]>> -> tensor<4x8xf32>
  tile.store %t, %vo[%c0, %c0] dims [0, 1] : tensor<4x8xf32>, memref<4x8xf32, strided<[1, 4]>>
  tile.return
}
