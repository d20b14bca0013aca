// RUN: heed-opt %s --inline-parts | FileCheck %s

// CHECK-LABEL: tile.kernel @nested
// CHECK-NOT: tile.part
// CHECK: %[[SUM:.*]] = arith.addf
// CHECK: %[[DOUBLE:.*]] = arith.mulf %[[SUM]], %[[SUM]]
// CHECK: tile.store %[[DOUBLE]]
tile.kernel @nested(%a: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %t = tile.load %a[%c0] dims [0] : memref<?xf32> -> tensor<16xf32>
  %r = tile.part "outer" -> tensor<16xf32> {
    %s = tile.part "inner" -> tensor<16xf32> {
      %0 = arith.addf %t, %t : tensor<16xf32>
      tile.yield %0 : tensor<16xf32>
    }
    %1 = arith.mulf %s, %s : tensor<16xf32>
    tile.yield %1 : tensor<16xf32>
  }
  tile.store %r, %a[%c0] dims [0] : tensor<16xf32>, memref<?xf32>
  tile.return
}
