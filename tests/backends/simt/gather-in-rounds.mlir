// Operands of products whose rows are looked up are brought to shared memory in rounds, when a lane has no registers for
// all rows at a time.
// RUN: heed-opt %s --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2 registers=24})' | FileCheck %s
// RUN: heed-opt %s --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2 registers=112})' \
// RUN:   | FileCheck %s --check-prefix=ROOM

// A lane has a column of 16 rows: two rounds of 8. A round counts as further bits of the warp, above the existing one.
// CHECK-LABEL: simt.kernel @rows(
// CHECK: %[[WARP:.*]] = simt.warp
// CHECK: %[[EXISTING:.*]] = arith.andi %[[WARP]], %c1_i32
// CHECK: scf.for %[[ROUND:.*]] = %c0_i32 to %c2_i32 step %c1_i32
// CHECK: %[[ABOVE:.*]] = arith.shli %[[ROUND]], %c1_i32
// CHECK: %[[IN_ROUND:.*]] = arith.ori %[[EXISTING]], %[[ABOVE]]
// CHECK: arith.shrui %[[IN_ROUND]], %c1_i32
// CHECK-COUNT-8: simt.load global {{.*}} : i32 align 4
// CHECK-COUNT-8: simt.load global {{.*}} : f32 align 4
// CHECK-NOT: simt.load
// CHECK-COUNT-8: simt.store shared
// CHECK-NOT: simt.store
// CHECK: } {heed.unrolled, heed.whole}
// CHECK: simt.barrier
// CHECK: simt.return

// Where there is room for all rows they come at once.
// ROOM-LABEL: simt.kernel @rows(
// ROOM-NOT: scf.for
// ROOM-COUNT-16: simt.load global {{.*}} : i32 align 4
// ROOM-NOT: scf.for
// ROOM-COUNT-16: simt.load global {{.*}} : f32 align 4
// ROOM: scf.for
// ROOM: simt.return
tile.kernel @rows(%a: memref<?xf32>, %k: memref<?xf32>, %table: memref<?xi32>, %o: memref<?xf32>, %stride: index,
    %n: index, %entries: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %none = arith.constant 0 : i32
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [8, 16], strides: [17, 1]
      : memref<?xf32> to memref<8x16xf32, strided<[17, 1]>>
  %vk = memref.reinterpret_cast %k to offset: [0], sizes: [%n, 8], strides: [%stride, 1]
      : memref<?xf32> to memref<?x8xf32, strided<[?, 1]>>
  %vt = memref.reinterpret_cast %table to offset: [0], sizes: [%entries], strides: [1]
      : memref<?xi32> to memref<?xi32, strided<[1]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [8, 8], strides: [9, 1]
      : memref<?xf32> to memref<8x8xf32, strided<[9, 1]>>
  %left = tile.load %va[%c0, %c0] dims [0, 1] : memref<8x16xf32, strided<[17, 1]>> -> tensor<8x16xf32>
  %places = tile.index 0 from %c0 : tensor<16xi32>
  %row = tile.gather %vt[%places : tensor<16xi32>] fill %none : i32 : memref<?xi32, strided<[1]>> -> tensor<16xi32>
  %rows = tile.broadcast %row dims [0] : tensor<16xi32> -> tensor<16x8xi32>
  %column = tile.index 0 from %c0 : tensor<8xi32>
  %columns = tile.broadcast %column dims [1] : tensor<8xi32> -> tensor<16x8xi32>
  %right = tile.gather %vk[%rows, %columns : tensor<16x8xi32>, tensor<16x8xi32>] fill %zero : f32
      : memref<?x8xf32, strided<[?, 1]>> -> tensor<16x8xf32>
  %sums = arith.constant dense<0.0> : tensor<8x8xf32>
  %product = tile.dot %left, %right, %sums : tensor<8x16xf32>, tensor<16x8xf32> -> tensor<8x8xf32>
  tile.store %product, %vo[%c0, %c0] dims [0, 1] : tensor<8x8xf32>, memref<8x8xf32, strided<[9, 1]>>
  tile.return
}

// So are elements that are gathered one by one.
// CHECK-LABEL: simt.kernel @elements(
// CHECK: scf.for {{.*}} to %c2_i32{{.*}} step %c1_i32
// CHECK-COUNT-8: simt.load global {{.*}} : i32 align 4
// CHECK-COUNT-8: simt.load global {{.*}} : f32 align 4
// CHECK-NOT: simt.load
// CHECK-COUNT-8: simt.store shared
// CHECK: } {heed.unrolled, heed.whole}
// CHECK: simt.return
tile.kernel @elements(%a: memref<?xf32>, %k: memref<?xf32>, %table: memref<?xi32>, %o: memref<?xf32>, %stride: index,
    %step: index, %n: index, %entries: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %none = arith.constant 0 : i32
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [8, 16], strides: [17, 1]
      : memref<?xf32> to memref<8x16xf32, strided<[17, 1]>>
  %vk = memref.reinterpret_cast %k to offset: [0], sizes: [%n, 8], strides: [%stride, %step]
      : memref<?xf32> to memref<?x8xf32, strided<[?, ?]>>
  %vt = memref.reinterpret_cast %table to offset: [0], sizes: [%entries], strides: [1]
      : memref<?xi32> to memref<?xi32, strided<[1]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [8, 8], strides: [9, 1]
      : memref<?xf32> to memref<8x8xf32, strided<[9, 1]>>
  %left = tile.load %va[%c0, %c0] dims [0, 1] : memref<8x16xf32, strided<[17, 1]>> -> tensor<8x16xf32>
  %places = tile.index 0 from %c0 : tensor<16xi32>
  %row = tile.gather %vt[%places : tensor<16xi32>] fill %none : i32 : memref<?xi32, strided<[1]>> -> tensor<16xi32>
  %rows = tile.broadcast %row dims [0] : tensor<16xi32> -> tensor<16x8xi32>
  %column = tile.index 0 from %c0 : tensor<8xi32>
  %columns = tile.broadcast %column dims [1] : tensor<8xi32> -> tensor<16x8xi32>
  %right = tile.gather %vk[%rows, %columns : tensor<16x8xi32>, tensor<16x8xi32>] fill %zero : f32
      : memref<?x8xf32, strided<[?, ?]>> -> tensor<16x8xf32>
  %sums = arith.constant dense<0.0> : tensor<8x8xf32>
  %product = tile.dot %left, %right, %sums : tensor<8x16xf32>, tensor<16x8xf32> -> tensor<8x8xf32>
  tile.store %product, %vo[%c0, %c0] dims [0, 1] : tensor<8x8xf32>, memref<8x8xf32, strided<[9, 1]>>
  tile.return
}

// Rows that no table gives take no registers for it, and come at once.
// CHECK-LABEL: simt.kernel @plain(
// CHECK-NOT: scf.for
// CHECK-COUNT-16: simt.load global {{.*}} : f32 align 4
// CHECK: simt.return
tile.kernel @plain(%a: memref<?xf32>, %k: memref<?xf32>, %o: memref<?xf32>, %stride: index, %n: index)
    attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [8, 16], strides: [17, 1]
      : memref<?xf32> to memref<8x16xf32, strided<[17, 1]>>
  %vk = memref.reinterpret_cast %k to offset: [0], sizes: [%n, 8], strides: [%stride, 1]
      : memref<?xf32> to memref<?x8xf32, strided<[?, 1]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [8, 8], strides: [9, 1]
      : memref<?xf32> to memref<8x8xf32, strided<[9, 1]>>
  %left = tile.load %va[%c0, %c0] dims [0, 1] : memref<8x16xf32, strided<[17, 1]>> -> tensor<8x16xf32>
  %row = tile.index 0 from %c0 : tensor<16xi32>
  %rows = tile.broadcast %row dims [0] : tensor<16xi32> -> tensor<16x8xi32>
  %column = tile.index 0 from %c0 : tensor<8xi32>
  %columns = tile.broadcast %column dims [1] : tensor<8xi32> -> tensor<16x8xi32>
  %right = tile.gather %vk[%rows, %columns : tensor<16x8xi32>, tensor<16x8xi32>] fill %zero : f32
      : memref<?x8xf32, strided<[?, 1]>> -> tensor<16x8xf32>
  %sums = arith.constant dense<0.0> : tensor<8x8xf32>
  %product = tile.dot %left, %right, %sums : tensor<8x16xf32>, tensor<16x8xf32> -> tensor<8x8xf32>
  tile.store %product, %vo[%c0, %c0] dims [0, 1] : tensor<8x8xf32>, memref<8x8xf32, strided<[9, 1]>>
  tile.return
}
