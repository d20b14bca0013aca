// RUN: heed-opt %s | heed-opt | FileCheck %s

// CHECK-LABEL: tile.kernel @scaled_product
tile.kernel @scaled_product(%a: memref<?xf16>, %b: memref<?xf16>, %c: memref<?xf32>, %m: index, %n: index, %k: index) attributes {grid_rank = 2 : i64, schedule = {block_m = 64 : i64}} {
  %x = tile.program_id 0
  %y = tile.program_id 1
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f16
  %m0 = arith.muli %y, %c64 : index
  %n0 = arith.muli %x, %c64 : index
  %rows = arith.subi %m, %m0 : index
  %columns = arith.subi %n, %n0 : index
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [%m, %k], strides: [%k, 1] : memref<?xf16> to memref<?x?xf16, strided<[?, 1]>>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [%k, %n], strides: [%n, 1] : memref<?xf16> to memref<?x?xf16, strided<[?, 1]>>
  %vc = memref.reinterpret_cast %c to offset: [0], sizes: [%m, %n], strides: [%n, 1] : memref<?xf32> to memref<?x?xf32, strided<[?, 1]>>
  %init = arith.constant dense<0.0> : tensor<64x64xf32>
  %acc = scf.for %i = %c0 to %k step %c32 iter_args(%sum = %init) -> tensor<64x64xf32> {
    %depth = arith.subi %k, %i : index
    // CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}] dims [0, 1] extents(%{{.*}}, %{{.*}}) fill %{{.*}} : f16
    %ta = tile.load %va[%m0, %i] dims [0, 1] extents(%rows, %depth) fill %zero : f16 : memref<?x?xf16, strided<[?, 1]>> -> tensor<64x32xf16>
    %tb = tile.load %vb[%i, %n0] dims [0, 1] extents(%depth, %columns) fill %zero : f16 : memref<?x?xf16, strided<[?, 1]>> -> tensor<32x64xf16>
    // CHECK: tile.dot
    %next = tile.dot %ta, %tb, %sum : tensor<64x32xf16>, tensor<32x64xf16> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  // CHECK: tile.reduce max %{{.*}} along 1 extent(%{{.*}}) : tensor<64x64xf32> -> tensor<64xf32>
  %highest = tile.reduce max %acc along 1 extent(%columns) : tensor<64x64xf32> -> tensor<64xf32>
  // CHECK: tile.fold max %{{.*}} along 1 : tensor<64x64xf32> -> tensor<64x4xf32>
  %parts = tile.fold max %acc along 1 : tensor<64x64xf32> -> tensor<64x4xf32>
  // CHECK: tile.exceeds %{{.*}}, %{{.*}} along 1 : tensor<64x64xf32>, tensor<64xf32>
  %some = tile.exceeds %acc, %highest along 1 : tensor<64x64xf32>, tensor<64xf32>
  // CHECK: tile.broadcast %{{.*}} dims [0] : tensor<64xf32> -> tensor<64x64xf32>
  %wide = tile.broadcast %highest dims [0] : tensor<64xf32> -> tensor<64x64xf32>
  // CHECK: tile.toeplitz %{{.*}} : tensor<127xf32> -> tensor<64x64xf32>
  %distances = arith.constant dense<0.0> : tensor<127xf32>
  %diagonals = tile.toeplitz %distances : tensor<127xf32> -> tensor<64x64xf32>
  %out = arith.divf %acc, %wide : tensor<64x64xf32>
  // CHECK: tile.store
  tile.store %out, %vc[%m0, %n0] dims [0, 1] extents(%rows, %columns) : tensor<64x64xf32>, memref<?x?xf32, strided<[?, 1]>>
  tile.return
}

// CHECK-LABEL: tile.kernel @staged
tile.kernel @staged(%a: memref<?xf32>, %counters: memref<?xi32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  // CHECK: tile.stage : <2 x tensor<64xf32>>
  %ring = tile.stage : !tile.ring<2 x tensor<64xf32>>
  // CHECK: tile.copy
  %token = tile.copy %a[%c0] dims [0] extents(%n) fill %zero : f32 into %ring[%c0] : memref<?xf32>, !tile.ring<2 x tensor<64xf32>>
  // CHECK: tile.wait
  tile.wait %token
  %t = tile.read %ring[%c0] : !tile.ring<2 x tensor<64xf32>> -> tensor<64xf32>
  // CHECK: tile.part "double" -> tensor<64xf32>
  %d = tile.part "double" -> tensor<64xf32> {
    %s = arith.addf %t, %t : tensor<64xf32>
    tile.yield %s : tensor<64xf32>
  }
  %i = tile.index 0 from %c0 : tensor<64xi32>
  // CHECK: tile.gather
  %g = tile.gather %a[%i : tensor<64xi32>] fill %zero : f32 : memref<?xf32> -> tensor<64xf32>
  %sum = arith.addf %d, %g : tensor<64xf32>
  tile.store %sum, %a[%c0] dims [0] extents(%n) : tensor<64xf32>, memref<?xf32>
  // CHECK: tile.count key_blocks
  tile.count key_blocks %c0
  // CHECK: %[[FIRST:.*]], %[[ROWS:.*]] = tile.share of 192
  %first, %rows = tile.share of 192
  // CHECK: tile.skip %[[FIRST]]
  tile.skip %first
  // CHECK: tile.arrive %{{.*}}[%{{.*}}] of %{{.*}} : memref<?xi32>
  %last = tile.arrive %counters[%c0] of %n : memref<?xi32>
  tile.barrier
  tile.return
}
