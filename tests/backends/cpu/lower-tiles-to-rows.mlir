// RUN: heed-opt %s --inline-parts --lower-tiles-to-rows=isa=x86-64-v4 | FileCheck %s

// Scaling, exponentials and the sum over rows share one loop; the sum stays in a register until the loop ends.
// CHECK-LABEL: func.func @heed_weights
// CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args
// CHECK-COUNT-1: math.exp2
// CHECK: arith.addf
// CHECK: scf.yield
// CHECK-NOT: math.exp2
// CHECK: llvm.store %[[SUM]]
tile.kernel @weights(%a: memref<?xf32>, %b: memref<?xf32>, %c: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [32, 16], strides: [16, 1] : memref<?xf32> to memref<32x16xf32, strided<[16, 1]>>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [32, 16], strides: [16, 1] : memref<?xf32> to memref<32x16xf32, strided<[16, 1]>>
  %s = tile.load %va[%c0, %c0] dims [0, 1] : memref<32x16xf32, strided<[16, 1]>> -> tensor<32x16xf32>
  %k = arith.constant dense<0.125> : tensor<32x16xf32>
  %x = arith.mulf %s, %k : tensor<32x16xf32>
  %p = math.exp2 %x : tensor<32x16xf32>
  %sum = tile.reduce add %p along 0 : tensor<32x16xf32> -> tensor<16xf32>
  tile.store %p, %vb[%c0, %c0] dims [0, 1] : tensor<32x16xf32>, memref<32x16xf32, strided<[16, 1]>>
  tile.store %sum, %c[%c0] dims [0] : tensor<16xf32>, memref<?xf32>
  tile.return
}
