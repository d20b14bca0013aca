// Coordinates that a lane converts to floats: the part that they share is converted once, and constants are added.
//
// RUN: heed-opt %s --split-input-file --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=1})' | FileCheck %s

// 32 columns of a row in 4 lanes, as distances from a row.
// CHECK-LABEL: simt.kernel @distances
// CHECK: %[[BASE:.*]] = arith.sitofp %{{.*}} : i32 to f32
// CHECK-NOT: arith.sitofp
// CHECK-COUNT-7: arith.addf %[[BASE]], %cst{{.*}} : f32
// CHECK-NOT: arith.sitofp
// CHECK: simt.store
tile.kernel @distances(%a: memref<?xf32>, %m: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %row = arith.index_cast %m : index to i32
  %columns = tile.index 0 from %c0 : tensor<32xi32>
  %rows = tile.splat %row : tensor<32xi32>
  %distances = arith.subi %columns, %rows : tensor<32xi32>
  %values = arith.sitofp %distances : tensor<32xi32> to tensor<32xf32>
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [32], strides: [1] : memref<?xf32> to memref<32xf32, strided<[1]>>
  tile.store %values, %view[%c0] dims [0] : tensor<32xf32>, memref<32xf32, strided<[1]>>
  tile.return
}

// -----

// Sums are made again in the order in which they were written, whatever the order of their values in memory.
// CHECK-LABEL: simt.kernel @sums
// CHECK: %[[LAST:.*]] = arith.trunci %arg1 : i64 to i32
// CHECK: %[[MIDDLE:.*]] = arith.trunci %arg2 : i64 to i32
// CHECK: %[[FIRST:.*]] = arith.trunci %arg3 : i64 to i32
// CHECK: %[[TWO:.*]] = arith.addi %[[FIRST]], %[[MIDDLE]] : i32
// CHECK-NEXT: %[[THREE:.*]] = arith.addi %[[TWO]], %[[LAST]] : i32
// CHECK-NEXT: arith.addi %[[THREE]],
// CHECK-NEXT: arith.sitofp
// CHECK-NOT: arith.sitofp
// CHECK: simt.store
tile.kernel @sums(%a: memref<?xf32>, %i: index, %j: index, %k: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %last = arith.index_cast %i : index to i32
  %middle = arith.index_cast %j : index to i32
  %first = arith.index_cast %k : index to i32
  %pair = arith.addi %first, %middle : i32
  %all = arith.addi %pair, %last : i32
  %columns = tile.index 0 from %c0 : tensor<32xi32>
  %spread = tile.splat %all : tensor<32xi32>
  %moved = arith.addi %spread, %columns : tensor<32xi32>
  %values = arith.sitofp %moved : tensor<32xi32> to tensor<32xf32>
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [32], strides: [1] : memref<?xf32> to memref<32xf32, strided<[1]>>
  tile.store %values, %view[%c0] dims [0] : tensor<32xf32>, memref<32xf32, strided<[1]>>
  tile.return
}

// -----

// A few conversions stay as they are.
// CHECK-LABEL: simt.kernel @few
// CHECK-COUNT-2: arith.sitofp
// CHECK: simt.store
tile.kernel @few(%a: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %columns = tile.index 0 from %c0 : tensor<8xi32>
  %values = arith.sitofp %columns : tensor<8xi32> to tensor<8xf32>
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [8], strides: [1] : memref<?xf32> to memref<8xf32, strided<[1]>>
  tile.store %values, %view[%c0] dims [0] : tensor<8xf32>, memref<8xf32, strided<[1]>>
  tile.return
}

// -----

// Products with a slope that may be made from each other are multiply-adds on one of them.
// CHECK-LABEL: simt.kernel @ramps
// CHECK: %[[BASE:.*]] = arith.sitofp %{{.*}} : i32 to f32
// CHECK: %[[RAMP:.*]] = arith.mulf %[[BASE]], %[[SLOPE:.*]] : f32
// CHECK-NOT: arith.mulf
// CHECK-COUNT-7: math.fma %cst{{.*}}, %[[SLOPE]], %[[RAMP]] : f32
// CHECK-NOT: arith.mulf
// CHECK: simt.store
tile.kernel @ramps(%a: memref<?xf32>, %m: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [32], strides: [1] : memref<?xf32> to memref<32xf32, strided<[1]>>
  %slope = memref.load %view[%c0] : memref<32xf32, strided<[1]>>
  %row = arith.index_cast %m : index to i32
  %columns = tile.index 0 from %c0 : tensor<32xi32>
  %rows = tile.splat %row : tensor<32xi32>
  %distances = arith.subi %columns, %rows : tensor<32xi32>
  %values = arith.sitofp %distances : tensor<32xi32> to tensor<32xf32>
  %slopes = tile.splat %slope : tensor<32xf32>
  %ramps = arith.mulf %slopes, %values fastmath<reassoc> : tensor<32xf32>
  tile.store %ramps, %view[%c0] dims [0] : tensor<32xf32>, memref<32xf32, strided<[1]>>
  tile.return
}

// -----

// Products that must be rounded as they are written stay products.
// CHECK-LABEL: simt.kernel @rounded
// CHECK-COUNT-7: arith.mulf
// CHECK-NOT: math.fma
// CHECK: simt.store
tile.kernel @rounded(%a: memref<?xf32>, %m: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [32], strides: [1] : memref<?xf32> to memref<32xf32, strided<[1]>>
  %slope = memref.load %view[%c0] : memref<32xf32, strided<[1]>>
  %row = arith.index_cast %m : index to i32
  %columns = tile.index 0 from %c0 : tensor<32xi32>
  %rows = tile.splat %row : tensor<32xi32>
  %distances = arith.subi %columns, %rows : tensor<32xi32>
  %values = arith.sitofp %distances : tensor<32xi32> to tensor<32xf32>
  %slopes = tile.splat %slope : tensor<32xf32>
  %ramps = arith.mulf %slopes, %values : tensor<32xf32>
  tile.store %ramps, %view[%c0] dims [0] : tensor<32xf32>, memref<32xf32, strided<[1]>>
  tile.return
}
