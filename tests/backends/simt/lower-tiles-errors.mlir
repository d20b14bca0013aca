// RUN: heed-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2 shared=1024})'

// expected-error@+1 {{kernel @large needs }}
tile.kernel @large(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %none = arith.constant dense<0.0> : tensor<32x32xf32>
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [32, 32], strides: [%stride, %stride] : memref<?xf32> to memref<32x32xf32, strided<[?, ?]>>
  %left = tile.load %va[%c0, %c0] dims [0, 1] : memref<32x32xf32, strided<[?, ?]>> -> tensor<32x32xf32>
  %sum = tile.dot %left, %left, %none : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
  tile.store %sum, %va[%c0, %c0] dims [0, 1] : tensor<32x32xf32>, memref<32x32xf32, strided<[?, ?]>>
  tile.return
}

// -----

tile.kernel @unknown(%a: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [4, 4], strides: [%stride, %stride] : memref<?xf32> to memref<4x4xf32, strided<[?, ?]>>
  %t = tile.load %va[%c0, %c0] dims [0, 1] : memref<4x4xf32, strided<[?, ?]>> -> tensor<4x4xf32>
  // expected-error@+1 {{'tile.trinv' op has no lowering to lanes}}
  %inverse = tile.trinv %t : tensor<4x4xf32>
  tile.store %inverse, %va[%c0, %c0] dims [0, 1] : tensor<4x4xf32>, memref<4x4xf32, strided<[?, ?]>>
  tile.return
}

// -----

tile.kernel @arrives(%a: memref<?xi32>) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{'tile.arrive' op has no lowering to lanes: programs cannot count themselves}}
  %last = tile.arrive %a[%c0] of %c0 : memref<?xi32>
  tile.return
}

// -----

tile.kernel @stored_band(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [7], strides: [1] : memref<?xf32> to memref<7xf32>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [4, 4], strides: [4, 1] : memref<?xf32> to memref<4x4xf32>
  %band = tile.load %va[%c0] dims [0] : memref<7xf32> -> tensor<7xf32>
  // expected-error@+1 {{'tile.toeplitz' op has no lowering to lanes: the band is not made where it is needed}}
  %term = tile.toeplitz %band : tensor<7xf32> -> tensor<4x4xf32>
  tile.store %term, %vb[%c0, %c0] dims [0, 1] : tensor<4x4xf32>, memref<4x4xf32>
  tile.store %band, %va[%c0] dims [0] : tensor<7xf32>, memref<7xf32>
  tile.return
}
