// RUN: split-file %s %t
// RUN: heed-opt %t/transpose.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/transpose.mlir
// RUN: heed-opt %t/narrow.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/narrow.mlir --check-prefixes=CHECK,BYTES
// RUN: heed-opt %t/narrow.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2 granularity=4})' | FileCheck %t/narrow.mlir --check-prefixes=CHECK,WORDS
// RUN: heed-opt %t/exchange.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=1})' | FileCheck %t/exchange.mlir

// A tile that is needed in another layout goes through shared memory: all stores, one barrier, all loads.

//--- transpose.mlir
// CHECK-LABEL: simt.kernel @transpose(
// CHECK-NOT: simt.barrier
// CHECK: simt.store shared
// CHECK-NOT: simt.load shared
// CHECK: simt.barrier
// CHECK-NOT: simt.store shared
// CHECK: simt.load shared
// CHECK-NOT: simt.barrier
// CHECK: simt.store global
tile.kernel @transpose(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8, 8], strides: [%stride, %stride] : memref<?xf32> to memref<8x8xf32, strided<[?, ?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<8x8xf32, strided<[?, ?]>> -> tensor<8x8xf32>
  %turned = tile.transpose %t : tensor<8x8xf32> -> tensor<8x8xf32>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [8, 8], strides: [%stride, %stride] : memref<?xf32> to memref<8x8xf32, strided<[?, ?]>>
  %sum = arith.addf %turned, %t : tensor<8x8xf32>
  tile.store %sum, %vo[%c0, %c0] dims [0, 1] : tensor<8x8xf32>, memref<8x8xf32, strided<[?, ?]>>
  tile.return
}

//--- narrow.mlir
// Where shared memory is made of words, narrower elements are stored as words.
// CHECK-LABEL: simt.kernel @narrow(
// BYTES: simt.store shared {{.*}}f16, i32
// BYTES: simt.barrier
// BYTES: simt.load shared {{.*}}f16
// WORDS-NOT: simt.{{load|store}} shared {{.*}}f16
// WORDS: arith.extf
// WORDS: simt.store shared {{.*}}f32{{.*}}, i32
// WORDS: simt.barrier
// WORDS: simt.load shared {{.*}}f32
// WORDS: arith.truncf
// CHECK: simt.store global
tile.kernel @narrow(%a: memref<?xf16>, %o: memref<?xf16>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8, 4], strides: [%stride, %stride] : memref<?xf16> to memref<8x4xf16, strided<[?, ?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<8x4xf16, strided<[?, ?]>> -> tensor<8x4xf16>
  %most = tile.reduce max %t along 0 : tensor<8x4xf16> -> tensor<4xf16>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4], strides: [%stride] : memref<?xf16> to memref<4xf16, strided<[?]>>
  tile.store %most, %vo[%c0] dims [0] : tensor<4xf16>, memref<4xf16, strided<[?]>>
  tile.return
}

//--- exchange.mlir
// Lanes of one warp exchange a small tile without shared memory: in each round a lane offers one of its values.
// CHECK-LABEL: simt.kernel @words(
// CHECK: arith.select
// CHECK-COUNT-3: simt.shuffle
// CHECK-NOT: simt.shuffle
// CHECK: arith.select
// CHECK-NOT: simt.store shared
// CHECK: simt.store global
tile.kernel @words(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [4, 4], strides: [%stride, 1] : memref<?xf32> to memref<4x4xf32, strided<[?, 1]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<4x4xf32, strided<[?, 1]>> -> tensor<4x4xf32>
  %turned = tile.transpose %t : tensor<4x4xf32> -> tensor<4x4xf32>
  %sum = arith.addf %turned, %t : tensor<4x4xf32>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4, 4], strides: [%stride, 1] : memref<?xf32> to memref<4x4xf32, strided<[?, 1]>>
  tile.store %sum, %vo[%c0, %c0] dims [0, 1] : tensor<4x4xf32>, memref<4x4xf32, strided<[?, 1]>>
  tile.return
}

// Two values to a word where rounds take from the same lane.
// CHECK-LABEL: simt.kernel @halves(
// CHECK: arith.bitcast {{.*}} : f16 to i16
// CHECK: simt.shuffle
// CHECK: arith.bitcast {{.*}} : i16 to f16
// CHECK-NOT: simt.store shared
// CHECK: simt.store global
tile.kernel @halves(%a: memref<?xf16>, %o: memref<?xf16>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [4, 4], strides: [%stride, 1] : memref<?xf16> to memref<4x4xf16, strided<[?, 1]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<4x4xf16, strided<[?, 1]>> -> tensor<4x4xf16>
  %turned = tile.transpose %t : tensor<4x4xf16> -> tensor<4x4xf16>
  %sum = arith.addf %turned, %t : tensor<4x4xf16>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4, 4], strides: [%stride, 1] : memref<?xf16> to memref<4x4xf16, strided<[?, 1]>>
  tile.store %sum, %vo[%c0, %c0] dims [0, 1] : tensor<4x4xf16>, memref<4x4xf16, strided<[?, 1]>>
  tile.return
}

// Two words to a value.
// CHECK-LABEL: simt.kernel @doubles(
// CHECK-COUNT-6: simt.shuffle
// CHECK-NOT: simt.shuffle
// CHECK-NOT: simt.store shared
// CHECK: simt.store global
tile.kernel @doubles(%a: memref<?xf64>, %o: memref<?xf64>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [4, 4], strides: [%stride, 1] : memref<?xf64> to memref<4x4xf64, strided<[?, 1]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<4x4xf64, strided<[?, 1]>> -> tensor<4x4xf64>
  %turned = tile.transpose %t : tensor<4x4xf64> -> tensor<4x4xf64>
  %sum = arith.addf %turned, %t : tensor<4x4xf64>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4, 4], strides: [%stride, 1] : memref<?xf64> to memref<4x4xf64, strided<[?, 1]>>
  tile.store %sum, %vo[%c0, %c0] dims [0, 1] : tensor<4x4xf64>, memref<4x4xf64, strided<[?, 1]>>
  tile.return
}

// More values than shuffles would be cheap for.
// CHECK-LABEL: simt.kernel @large(
// CHECK-NOT: simt.shuffle
// CHECK: simt.store shared
tile.kernel @large(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [16, 16], strides: [%stride, 1] : memref<?xf32> to memref<16x16xf32, strided<[?, 1]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<16x16xf32, strided<[?, 1]>> -> tensor<16x16xf32>
  %turned = tile.transpose %t : tensor<16x16xf32> -> tensor<16x16xf32>
  %sum = arith.addf %turned, %t : tensor<16x16xf32>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [16, 16], strides: [%stride, 1] : memref<?xf32> to memref<16x16xf32, strided<[?, 1]>>
  tile.store %sum, %vo[%c0, %c0] dims [0, 1] : tensor<16x16xf32>, memref<16x16xf32, strided<[?, 1]>>
  tile.return
}
