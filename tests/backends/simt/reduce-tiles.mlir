// RUN: split-file %s %t
// RUN: heed-opt %t/rows.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/rows.mlir
// RUN: heed-opt %t/columns.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/columns.mlir
// RUN: heed-opt %t/extent.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/extent.mlir
// RUN: heed-opt %t/wide.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/wide.mlir
// RUN: heed-opt %t/scan.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/scan.mlir
// RUN: heed-opt %t/fold.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=2 warps=1})' | FileCheck %t/fold.mlir

//--- fold.mlir
// Two lanes hold a row of eight, four elements each: two parts of the row are what each lane has added. Four parts are not what
// lanes have, so the first is the sum of all.
// CHECK-LABEL: simt.kernel @parts(
// CHECK-NOT: simt.shuffle
// CHECK-COUNT-6: arith.addf
// CHECK-NOT: simt.shuffle
// CHECK: simt.return
// CHECK-LABEL: simt.kernel @others(
// CHECK: %[[NONE:.*]] = arith.constant 0.000000e+00 : f32
// CHECK-COUNT-2: simt.shuffle xor
// CHECK: %[[ALL:.*]] = arith.addf
// CHECK: arith.select %{{.*}}, %[[ALL]], %[[NONE]]
tile.kernel @parts(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [2, 8], strides: [8, 1] : memref<?xf32> to memref<2x8xf32, strided<[8, 1]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [2, 2], strides: [2, 1] : memref<?xf32> to memref<2x2xf32, strided<[2, 1]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<2x8xf32, strided<[8, 1]>> -> tensor<2x8xf32>
  %sum = tile.fold add %t along 1 : tensor<2x8xf32> -> tensor<2x2xf32>
  tile.store %sum, %vo[%c0, %c0] dims [0, 1] : tensor<2x2xf32>, memref<2x2xf32, strided<[2, 1]>>
  tile.return
}
tile.kernel @others(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [2, 8], strides: [8, 1] : memref<?xf32> to memref<2x8xf32, strided<[8, 1]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [2, 4], strides: [4, 1] : memref<?xf32> to memref<2x4xf32, strided<[4, 1]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<2x8xf32, strided<[8, 1]>> -> tensor<2x8xf32>
  %sum = tile.fold add %t along 1 : tensor<2x8xf32> -> tensor<2x4xf32>
  tile.store %sum, %vo[%c0, %c0] dims [0, 1] : tensor<2x4xf32>, memref<2x4xf32, strided<[4, 1]>>
  tile.return
}

//--- rows.mlir
// The four lanes of a warp hold a row of four: two exchanges of lanes, no shared memory. Every row is summed by one warp.
// CHECK-LABEL: simt.kernel @rows(
// CHECK-SAME: shared_bytes = 0
// CHECK: %[[ONE:.*]] = arith.constant 1 : i32
// CHECK: %[[VALUE:.*]] = simt.load global
// CHECK: %[[OTHER:.*]] = simt.shuffle xor %[[VALUE]], %[[ONE]]
// CHECK: %[[TWO:.*]] = arith.addf %[[VALUE]], %[[OTHER]]
// CHECK: simt.shuffle xor %[[TWO]]
// CHECK-NOT: simt.shuffle
// CHECK-NOT: simt.barrier
// CHECK: simt.store global
tile.kernel @rows(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [2, 4], strides: [%stride, %stride] : memref<?xf32> to memref<2x4xf32, strided<[?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [2], strides: [%stride] : memref<?xf32> to memref<2xf32, strided<[?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<2x4xf32, strided<[?, ?]>> -> tensor<2x4xf32>
  %sum = tile.reduce add %t along 1 : tensor<2x4xf32> -> tensor<2xf32>
  tile.store %sum, %vo[%c0] dims [0] : tensor<2xf32>, memref<2xf32, strided<[?]>>
  tile.return
}

//--- columns.mlir
// Eight rows over two warps: each warp adds its part within its lanes, then both go through shared memory with exactly
// one barrier, and every lane adds the parts in the same order.
// CHECK-LABEL: simt.kernel @columns(
// CHECK-NOT: simt.barrier
// CHECK: simt.store shared
// CHECK: simt.barrier
// CHECK: %[[FIRST:.*]] = simt.load shared
// CHECK: %[[SECOND:.*]] = simt.load shared
// CHECK: %[[WINS:.*]] = arith.cmpf ogt, %[[FIRST]], %[[SECOND]]
// CHECK: arith.select %[[WINS]], %[[FIRST]], %[[SECOND]]
// CHECK-NOT: simt.barrier
// CHECK: simt.store global
tile.kernel @columns(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8, 4], strides: [%stride, %stride] : memref<?xf32> to memref<8x4xf32, strided<[?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4], strides: [%stride] : memref<?xf32> to memref<4xf32, strided<[?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<8x4xf32, strided<[?, ?]>> -> tensor<8x4xf32>
  %most = tile.reduce max %t along 0 : tensor<8x4xf32> -> tensor<4xf32>
  tile.store %most, %vo[%c0] dims [0] : tensor<4xf32>, memref<4xf32, strided<[?]>>
  tile.return
}

//--- extent.mlir
// Elements at and beyond the extent count as the neutral element, before anything is combined.
// CHECK-LABEL: simt.kernel @extent(
// CHECK-SAME: %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %[[EXTENT:[^:]*]]: i64
// CHECK-DAG: %[[LEAST:.*]] = arith.constant -3.40282347E+38 : f32
// CHECK: %[[VALUE:.*]] = simt.load global
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %{{.*}}, %[[EXTENT]] : i64
// CHECK: %[[COUNTED:.*]] = arith.select %[[INSIDE]], %[[VALUE]], %[[LEAST]]
// CHECK: simt.shuffle xor %[[COUNTED]]
tile.kernel @extent(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [2, 4], strides: [%stride, %stride] : memref<?xf32> to memref<2x4xf32, strided<[?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [2], strides: [%stride] : memref<?xf32> to memref<2xf32, strided<[?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<2x4xf32, strided<[?, ?]>> -> tensor<2x4xf32>
  %most = tile.reduce max %t along 1 extent(%n) : tensor<2x4xf32> -> tensor<2xf32>
  tile.store %most, %vo[%c0] dims [0] : tensor<2xf32>, memref<2xf32, strided<[?]>>
  tile.return
}

//--- wide.mlir
// Exchanges move words: an i64 goes as two.
// CHECK-LABEL: simt.kernel @wide(
// CHECK: %[[LOW:.*]] = arith.trunci %[[VALUE:.*]] : i64 to i32
// CHECK: simt.shuffle xor %{{.*}} : i32
// CHECK: simt.shuffle xor %{{.*}} : i32
// CHECK: arith.ori
// CHECK: arith.addi
tile.kernel @wide(%a: memref<?xi64>, %o: memref<?xi64>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [2, 4], strides: [%stride, %stride] : memref<?xi64> to memref<2x4xi64, strided<[?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [2], strides: [%stride] : memref<?xi64> to memref<2xi64, strided<[?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<2x4xi64, strided<[?, ?]>> -> tensor<2x4xi64>
  %sum = tile.reduce add %t along 1 : tensor<2x4xi64> -> tensor<2xi64>
  tile.store %sum, %vo[%c0] dims [0] : tensor<2xi64>, memref<2xi64, strided<[?]>>
  tile.return
}

//--- scan.mlir
// A scan has its dimension inside a lane: three additions, each on the one before.
// CHECK-LABEL: simt.kernel @scan(
// CHECK-NOT: simt.shuffle
// CHECK: %[[A:.*]] = arith.addf
// CHECK: %[[B:.*]] = arith.addf %[[A]],
// CHECK: arith.addf %[[B]],
// CHECK: simt.return
tile.kernel @scan(%a: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8, 4], strides: [%stride, %stride] : memref<?xf32> to memref<8x4xf32, strided<[?, ?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<8x4xf32, strided<[?, ?]>> -> tensor<8x4xf32>
  %sums = tile.scan add %t along 1 : tensor<8x4xf32>
  tile.store %sums, %v[%c0, %c0] dims [0, 1] : tensor<8x4xf32>, memref<8x4xf32, strided<[?, ?]>>
  tile.return
}
