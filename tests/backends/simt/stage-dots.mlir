// RUN: split-file %s %t
// RUN: heed-opt %t/invariant.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %t/invariant.mlir
// RUN: heed-opt %t/room.mlir --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2 shared=4096})' | FileCheck %t/room.mlir

//--- invariant.mlir
// The left operand does not change in the loop: it is staged once before it, from where every turn reads. The right one
// is staged every turn.
// CHECK-LABEL: simt.kernel @invariant(
// CHECK: simt.load global
// CHECK: simt.store shared
// CHECK: scf.for
// CHECK: simt.load global
// CHECK: simt.barrier
// CHECK: simt.store shared
// CHECK: simt.barrier
// CHECK-NOT: simt.load global
// CHECK-NOT: simt.barrier
// CHECK: math.fma
// CHECK-NOT: simt.barrier
// CHECK: scf.yield
// CHECK-NOT: simt.barrier
// CHECK: simt.store global
tile.kernel @invariant(%a: memref<?xf32>, %b: memref<?xf32>, %o: memref<?xf32>, %stride: index, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %none = arith.constant dense<0.0> : tensor<16x8xf32>
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [16, 8], strides: [%stride, %stride] : memref<?xf32> to memref<16x8xf32, strided<[?, ?]>>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [%n, 8, 8], strides: [%stride, %stride, %stride] : memref<?xf32> to memref<?x8x8xf32, strided<[?, ?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [16, 8], strides: [%stride, %stride] : memref<?xf32> to memref<16x8xf32, strided<[?, ?]>>
  %left = tile.load %va[%c0, %c0] dims [0, 1] : memref<16x8xf32, strided<[?, ?]>> -> tensor<16x8xf32>
  %all = scf.for %i = %c0 to %n step %c1 iter_args(%sum = %none) -> tensor<16x8xf32> {
    %right = tile.load %vb[%i, %c0, %c0] dims [1, 2] : memref<?x8x8xf32, strided<[?, ?, ?]>> -> tensor<8x8xf32>
    %next = tile.dot %left, %right, %sum : tensor<16x8xf32>, tensor<8x8xf32> -> tensor<16x8xf32>
    scf.yield %next : tensor<16x8xf32>
  }
  tile.store %all, %vo[%c0, %c0] dims [0, 1] : tensor<16x8xf32>, memref<16x8xf32, strided<[?, ?]>>
  tile.return
}

//--- room.mlir
// One that would take more than a third of shared memory is staged with the others, every turn.
// CHECK-LABEL: simt.kernel @room(
// CHECK-NOT: simt.store shared
// The loop over the depth is written out until a round reads 32 elements, and stays a loop for whoever comes after.
// CHECK: %[[STEP:.*]] = arith.constant 4 : i32
// CHECK: scf.for
// CHECK: simt.store shared
// CHECK: scf.for {{.*}} step %[[STEP]]
// CHECK: math.fma
// CHECK: heed.unrolled
tile.kernel @room(%a: memref<?xf32>, %b: memref<?xf32>, %o: memref<?xf32>, %stride: index, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %none = arith.constant dense<0.0> : tensor<16x8xf32>
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [16, 32], strides: [%stride, %stride] : memref<?xf32> to memref<16x32xf32, strided<[?, ?]>>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [%n, 32, 8], strides: [%stride, %stride, %stride] : memref<?xf32> to memref<?x32x8xf32, strided<[?, ?, ?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [16, 8], strides: [%stride, %stride] : memref<?xf32> to memref<16x8xf32, strided<[?, ?]>>
  %left = tile.load %va[%c0, %c0] dims [0, 1] : memref<16x32xf32, strided<[?, ?]>> -> tensor<16x32xf32>
  %all = scf.for %i = %c0 to %n step %c1 iter_args(%sum = %none) -> tensor<16x8xf32> {
    %right = tile.load %vb[%i, %c0, %c0] dims [1, 2] : memref<?x32x8xf32, strided<[?, ?, ?]>> -> tensor<32x8xf32>
    %next = tile.dot %left, %right, %sum : tensor<16x32xf32>, tensor<32x8xf32> -> tensor<16x8xf32>
    scf.yield %next : tensor<16x8xf32>
  }
  tile.store %all, %vo[%c0, %c0] dims [0, 1] : tensor<16x8xf32>, memref<16x8xf32, strided<[?, ?]>>
  tile.return
}
