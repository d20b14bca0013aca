// A matrix that is the same along each diagonal: the lanes of a warp compute the part of the band that it has rows and
// columns for, in a place of its own, and read from there.
// RUN: heed-opt %s --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %s

// Lanes hold four columns of rows 4 apart, warps two rows: 14 places of the band, four a lane, beginning at the warp's first
// row. It lies there from its end on, as the columns of a row come, and twice, the second time an element further, so that
// every lane reads pairs that are aligned. Rows 4 apart and pairs of columns 2 apart have places in common, but not here.
// CHECK-LABEL: simt.kernel @term_aligned(
// CHECK-SAME: shared_bytes = 544
// CHECK-DAG: %[[SIZE:.*]] = arith.constant 272 : i32
// CHECK-DAG: %[[COPY:.*]] = arith.constant 196 : i32
// CHECK-DAG: %[[FIRST:.*]] = arith.constant 48 : i32
// CHECK-DAG: %[[FIRST_OF_COPY:.*]] = arith.constant 244 : i32
// CHECK: %[[LANE:.*]] = simt.lane
// CHECK: %[[WARP_ROW:.*]] = arith.shli %{{.*}}, %c1_i32 : i32
// CHECK: %[[FROM_LAST:.*]] = arith.xori %[[LANE]], %c3_i32 : i32
// CHECK: %[[PLACE:.*]] = arith.muli %{{.*}}, %[[SIZE]] : i32
// CHECK: %[[OFFSET:.*]] = arith.muli %[[FROM_LAST]], %c4_i32 : i32
// CHECK: %[[OWN:.*]] = arith.addi %[[PLACE]], %[[OFFSET]] : i32
// CHECK: %[[IS_ODD:.*]] = arith.andi %{{.*}}, %c1_i32 : i32
// CHECK: %[[WHICH:.*]] = arith.muli %[[IS_ODD]], %[[COPY]] : i32
// CHECK: %[[FROM:.*]] = arith.addi %{{.*}}, %[[WHICH]] : i32
// CHECK: arith.addi %{{.*}}, %[[WARP_ROW]] : i32
// CHECK-COUNT-4: simt.load global {{.*}} if {{.*}} : i64 -> f32
// CHECK-NOT: simt.load
// CHECK: simt.warp_barrier
// CHECK: %[[AT:.*]] = arith.addi %[[OWN]], %[[FIRST]] : i32
// CHECK: simt.store shared %[[VALUE:.*]], %[[AT]] align 4
// CHECK-COUNT-3: simt.store shared
// CHECK: %[[BEHIND:.*]] = arith.addi %[[OWN]], %[[FIRST_OF_COPY]] : i32
// CHECK: simt.store shared %[[VALUE]], %[[BEHIND]] align 4
// CHECK-COUNT-3: simt.store shared
// CHECK-NOT: simt.store
// CHECK: simt.warp_barrier
// CHECK-COUNT-4: simt.load shared {{.*}} align 8 : i32 -> vector<2xf32>
// CHECK-NOT: simt.load
// CHECK-NOT: barrier

// Lanes hold columns of their own and all rows: eight places a lane, one by one.
// CHECK-LABEL: simt.kernel @term(
// CHECK-SAME: shared_bytes = 96
// CHECK: simt.warp_barrier
// CHECK-COUNT-3: simt.store shared
// CHECK: simt.warp_barrier
// CHECK-COUNT-8: simt.load shared {{.*}} align 4 : i32 -> f32
// CHECK-NOT: simt.load
tile.kernel @term(%s: memref<?xf32>, %t: memref<?xf32>, %o: memref<?xf32>, %row: index, %key: index)
    attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %none = arith.constant 0.0 : f32
  %vs = memref.reinterpret_cast %s to offset: [0], sizes: [8, 8], strides: [8, 1] : memref<?xf32> to memref<8x8xf32>
  %vt = memref.reinterpret_cast %t to offset: [0], sizes: [100], strides: [1] : memref<?xf32> to memref<100xf32>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [8, 8], strides: [8, 1] : memref<?xf32> to memref<8x8xf32>
  %score = tile.load %vs[%c0, %c0] dims [0, 1] : memref<8x8xf32> -> tensor<8x8xf32>
  %i = tile.index 0 from %row : tensor<15xi32>
  %entry = tile.gather %vt[%i : tensor<15xi32>] fill %none : f32 : memref<100xf32> -> tensor<15xf32>
  %term = tile.toeplitz %entry : tensor<15xf32> -> tensor<8x8xf32>
  %sum = arith.addf %score, %term : tensor<8x8xf32>
  tile.store %sum, %vo[%c0, %c0] dims [0, 1] : tensor<8x8xf32>, memref<8x8xf32>
  tile.return
}
