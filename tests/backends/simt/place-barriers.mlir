// RUN: split-file %s %t
// RUN: heed-opt %t/loop.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/loop.mlir
// RUN: heed-opt %t/branch.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/branch.mlir
// RUN: heed-opt %t/twice.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/twice.mlir
// RUN: heed-opt %t/copies.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2 matrices=true})' | FileCheck %t/copies.mlir

//--- loop.mlir
// The next turn's store must wait for this turn's loads: two barriers a turn, none before or after.
// CHECK-LABEL: simt.kernel @loop(
// CHECK-NOT: simt.barrier
// CHECK: scf.for
// CHECK: simt.barrier
// CHECK-NEXT: simt.store shared
// CHECK: simt.barrier
// CHECK-NEXT: simt.load shared
// CHECK-NOT: simt.barrier
// CHECK: simt.return
tile.kernel @loop(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %none = arith.constant dense<0.0> : tensor<4xf32>
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [%n, 8, 4], strides: [%stride, %stride, %stride] : memref<?xf32> to memref<?x8x4xf32, strided<[?, ?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4], strides: [%stride] : memref<?xf32> to memref<4xf32, strided<[?]>>
  %all = scf.for %i = %c0 to %n step %c1 iter_args(%sum = %none) -> tensor<4xf32> {
    %t = tile.load %v[%i, %c0, %c0] dims [1, 2] : memref<?x8x4xf32, strided<[?, ?, ?]>> -> tensor<8x4xf32>
    %part = tile.reduce add %t along 0 : tensor<8x4xf32> -> tensor<4xf32>
    %next = arith.addf %sum, %part : tensor<4xf32>
    scf.yield %next : tensor<4xf32>
  }
  tile.store %all, %vo[%c0] dims [0] : tensor<4xf32>, memref<4xf32, strided<[?]>>
  tile.return
}

//--- branch.mlir
// What a branch may have read is waited for after it.
// CHECK-LABEL: simt.kernel @branch(
// CHECK: scf.if
// CHECK: scf.if
// CHECK: simt.store shared
// CHECK: simt.barrier
// CHECK-NEXT: simt.load shared
// CHECK: simt.barrier
// CHECK-NEXT: simt.store shared
// CHECK: simt.barrier
// CHECK-NEXT: simt.load shared
// CHECK-NOT: simt.barrier
// CHECK: simt.return
tile.kernel @branch(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8, 4], strides: [%stride, %stride] : memref<?xf32> to memref<8x4xf32, strided<[?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4], strides: [%stride] : memref<?xf32> to memref<4xf32, strided<[?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<8x4xf32, strided<[?, ?]>> -> tensor<8x4xf32>
  %some = arith.cmpi sgt, %n, %c0 : index
  scf.if %some {
    %sum = tile.reduce add %t along 0 : tensor<8x4xf32> -> tensor<4xf32>
    tile.store %sum, %vo[%c0] dims [0] : tensor<4xf32>, memref<4xf32, strided<[?]>>
  }
  %most = tile.reduce max %t along 0 : tensor<8x4xf32> -> tensor<4xf32>
  tile.store %most, %vo[%c0] dims [0] : tensor<4xf32>, memref<4xf32, strided<[?]>>
  tile.return
}

//--- twice.mlir
// Three reductions one after the other reuse one place: a barrier between each store and load of it, and no more.
// CHECK-LABEL: simt.kernel @twice(
// CHECK-SAME: shared_bytes = 32
// CHECK-COUNT-5: simt.barrier
// CHECK-NOT: simt.barrier
// CHECK: simt.return
tile.kernel @twice(%a: memref<?xf32>, %o: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8, 4], strides: [%stride, %stride] : memref<?xf32> to memref<8x4xf32, strided<[?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [4], strides: [%stride] : memref<?xf32> to memref<4xf32, strided<[?]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<8x4xf32, strided<[?, ?]>> -> tensor<8x4xf32>
  %sum = tile.reduce add %t along 0 : tensor<8x4xf32> -> tensor<4xf32>
  %most = tile.reduce max %t along 0 : tensor<8x4xf32> -> tensor<4xf32>
  %least = tile.reduce min %t along 0 : tensor<8x4xf32> -> tensor<4xf32>
  %both = arith.addf %sum, %most : tensor<4xf32>
  %three = arith.addf %both, %least : tensor<4xf32>
  tile.store %three, %vo[%c0] dims [0] : tensor<4xf32>, memref<4xf32, strided<[?]>>
  tile.return
}

//--- copies.mlir
// Copies ahead of a loop go where the reduction before it was read from: not before everybody has read. In the loop and
// after it one barrier each does.
// CHECK-LABEL: simt.kernel @copies_aligned(
// CHECK: simt.store shared
// CHECK: simt.barrier
// CHECK-NOT: simt.barrier
// CHECK: simt.load shared
// CHECK: simt.barrier
// CHECK-NOT: simt.barrier
// CHECK: simt.copy
// CHECK-NOT: simt.barrier
// CHECK: scf.for
// CHECK-NEXT: simt.wait
// CHECK-NEXT: simt.barrier
// CHECK-NOT: simt.barrier
// CHECK: scf.yield
// CHECK: simt.wait 0
// CHECK-NEXT: simt.barrier
// CHECK-NOT: simt.barrier
// CHECK: simt.return
tile.kernel @copies(%a: memref<?xf32>, %b: memref<?xf32>, %o: memref<?xf32>, %stride: index, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %none = arith.constant dense<0.0> : tensor<8x8xf32>
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [%n, 8, 8], strides: [%stride, %stride, 1] : memref<?xf32> to memref<?x8x8xf32, strided<[?, ?, 1]>>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [8, 8], strides: [%stride, 1] : memref<?xf32> to memref<8x8xf32, strided<[?, 1]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [8, 8], strides: [%stride, 1] : memref<?xf32> to memref<8x8xf32, strided<[?, 1]>>
  %t = tile.load %vb[%c0, %c0] dims [0, 1] : memref<8x8xf32, strided<[?, 1]>> -> tensor<8x8xf32>
  %row = tile.reduce add %t along 0 : tensor<8x8xf32> -> tensor<8xf32>
  %first = tile.broadcast %row dims [1] : tensor<8xf32> -> tensor<8x8xf32>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%before = %first) -> tensor<8x8xf32> {
    %left = tile.load %va[%i, %c0, %c0] dims [1, 2] : memref<?x8x8xf32, strided<[?, ?, 1]>> -> tensor<8x8xf32>
    %right = tile.load %vb[%c0, %c0] dims [1, 0] : memref<8x8xf32, strided<[?, 1]>> -> tensor<8x8xf32>
    %next = tile.dot %left, %right, %before : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    scf.yield %next : tensor<8x8xf32>
  }
  tile.store %sum, %vo[%c0, %c0] dims [0, 1] : tensor<8x8xf32>, memref<8x8xf32, strided<[?, 1]>>
  tile.return
}
