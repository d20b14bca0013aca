// A branch around what only rows need that have an element beyond their limit.
// RUN: split-file %s %t
// RUN: heed-opt %t/rows.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2 votes})' | FileCheck %t/rows.mlir
// RUN: heed-opt %t/rows.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/rows.mlir --check-prefix=ALWAYS
// RUN: heed-opt %t/columns.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2 votes})' | FileCheck %t/columns.mlir
// RUN: heed-opt %t/meeting.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2 votes})' | FileCheck %t/meeting.mlir

//--- rows.mlir
// A warp holds its rows: lanes compare what they have of them, without having exchanged it, and ask the others of the warp.
// CHECK-LABEL: simt.kernel @rows(
// CHECK-NOT: simt.shuffle
// CHECK: %[[BEYOND:.*]] = arith.cmpf ogt, %{{.*}}, %{{.*}} : f32
// CHECK-NEXT: %[[SOME:.*]] = simt.any %[[BEYOND]]
// CHECK: scf.if %[[SOME]]
// CHECK: simt.shuffle
// CHECK: simt.shuffle
// CHECK: else
// CHECK-NOT: simt.shuffle
// CHECK: simt.store global
// Where lanes cannot ask, all do the work.
// ALWAYS-LABEL: simt.kernel @rows(
// ALWAYS-NOT: simt.any
// ALWAYS: scf.if %
// ALWAYS-NOT: scf.if %
// ALWAYS: simt.shuffle
// ALWAYS: simt.store global
tile.kernel @rows(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [2, 4], strides: [%stride, %stride] : memref<?xf32> to memref<2x4xf32, strided<[?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [2], strides: [%stride] : memref<?xf32> to memref<2xf32, strided<[?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<2x4xf32, strided<[?, ?]>> -> tensor<2x4xf32>
  %limits = arith.constant dense<8.0> : tensor<2xf32>
  %some = tile.exceeds %t, %limits along 1 : tensor<2x4xf32>, tensor<2xf32>
  %result = scf.if %some -> (tensor<2xf32>) {
    %most = tile.reduce max %t along 1 : tensor<2x4xf32> -> tensor<2xf32>
    %larger = arith.maximumf %most, %limits : tensor<2xf32>
    scf.yield %larger : tensor<2xf32>
  } else {
    scf.yield %limits : tensor<2xf32>
  }
  tile.store %result, %vo[%c0] dims [0] : tensor<2xf32>, memref<2xf32, strided<[?]>>
  tile.return
}

//--- columns.mlir
// Each warp has a part of every column: none could answer for a column.
// CHECK-LABEL: simt.kernel @columns(
// CHECK-NOT: simt.any
// CHECK: scf.if %
// CHECK-NOT: scf.if %
// CHECK: simt.barrier
// CHECK: simt.store global
tile.kernel @columns(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8, 4], strides: [%stride, %stride] : memref<?xf32> to memref<8x4xf32, strided<[?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4], strides: [%stride] : memref<?xf32> to memref<4xf32, strided<[?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<8x4xf32, strided<[?, ?]>> -> tensor<8x4xf32>
  %limits = arith.constant dense<8.0> : tensor<4xf32>
  %some = tile.exceeds %t, %limits along 0 : tensor<8x4xf32>, tensor<4xf32>
  %result = scf.if %some -> (tensor<4xf32>) {
    %most = tile.reduce max %t along 0 : tensor<8x4xf32> -> tensor<4xf32>
    scf.yield %most : tensor<4xf32>
  } else {
    scf.yield %limits : tensor<4xf32>
  }
  tile.store %result, %vo[%c0] dims [0] : tensor<4xf32>, memref<4xf32, strided<[?]>>
  tile.return
}

//--- meeting.mlir
// Warps meet in the branch, so they all take it.
// CHECK-LABEL: simt.kernel @meeting(
// CHECK: scf.if %
// CHECK-NOT: scf.if %
// CHECK: simt.barrier
// CHECK: simt.store global
tile.kernel @meeting(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [2, 4], strides: [%stride, %stride] : memref<?xf32> to memref<2x4xf32, strided<[?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4], strides: [%stride] : memref<?xf32> to memref<4xf32, strided<[?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<2x4xf32, strided<[?, ?]>> -> tensor<2x4xf32>
  %limits = arith.constant dense<8.0> : tensor<2xf32>
  %least = arith.constant dense<0.0> : tensor<4xf32>
  %some = tile.exceeds %t, %limits along 1 : tensor<2x4xf32>, tensor<2xf32>
  %result = scf.if %some -> (tensor<4xf32>) {
    %most = tile.reduce max %t along 0 : tensor<2x4xf32> -> tensor<4xf32>
    scf.yield %most : tensor<4xf32>
  } else {
    scf.yield %least : tensor<4xf32>
  }
  tile.store %result, %vo[%c0] dims [0] : tensor<4xf32>, memref<4xf32, strided<[?]>>
  tile.return
}
