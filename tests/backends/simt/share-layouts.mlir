// RUN: heed-opt %s --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %s

// Tiles that elementwise ops connect are held alike: nothing moves between lanes, and constants, splats and indices are
// made in place. Element i of 32 lies with lane i mod 4 of warp (i / 4) mod 2, four elements a lane.
// CHECK-LABEL: simt.kernel @elementwise(
// CHECK-SAME: shared_bytes = 0
// CHECK-SAME: threads = 8
// CHECK-NOT: simt.shuffle
// CHECK-NOT: simt.barrier
// CHECK-COUNT-4: simt.load global {{.*}} align 4 : i64 -> f32
// CHECK-NOT: simt.load
// CHECK-COUNT-4: simt.store global
// CHECK-NOT: simt.store
// CHECK: simt.return
tile.kernel @elementwise(%a: memref<?xf32>, %stride: index, %x: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %two = arith.constant dense<2.0> : tensor<32xf32>
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [32], strides: [%stride] : memref<?xf32> to memref<32xf32, strided<[?]>>
  %t = tile.load %v[%c0] dims [0] : memref<32xf32, strided<[?]>> -> tensor<32xf32>
  %scaled = arith.mulf %t, %two : tensor<32xf32>
  %at = tile.index 0 from %x : tensor<32xi32>
  %number = arith.sitofp %at : tensor<32xi32> to tensor<32xf32>
  %sum = arith.addf %scaled, %number : tensor<32xf32>
  tile.store %sum, %v[%c0] dims [0] : tensor<32xf32>, memref<32xf32, strided<[?]>>
  tile.return
}

// A row's numbers are read by whoever needs them, in the layout that is needed: no conversion of the vector.
// CHECK-LABEL: simt.kernel @broadcast(
// CHECK-SAME: shared_bytes = 0
// CHECK-NOT: simt.shuffle
// CHECK-NOT: simt.barrier
// CHECK: simt.return
tile.kernel @broadcast(%a: memref<?xf32>, %s: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8, 8], strides: [%stride, 1] : memref<?xf32> to memref<8x8xf32, strided<[?, 1]>>
  %vs = memref.reinterpret_cast %s to offset: [0], sizes: [8], strides: [1] : memref<?xf32> to memref<8xf32, strided<[1]>>
  %t = tile.load %v[%c0, %c0] dims [0, 1] : memref<8x8xf32, strided<[?, 1]>> -> tensor<8x8xf32>
  %row = tile.load %vs[%c0] dims [0] : memref<8xf32, strided<[1]>> -> tensor<8xf32>
  %wide = tile.broadcast %row dims [0] : tensor<8xf32> -> tensor<8x8xf32>
  %scaled = arith.mulf %t, %wide : tensor<8x8xf32>
  tile.store %scaled, %v[%c0, %c0] dims [0, 1] : tensor<8x8xf32>, memref<8x8xf32, strided<[?, 1]>>
  tile.return
}

// The absolute value of integers is made of what every machine has.
// CHECK-LABEL: simt.kernel @absolute(
// CHECK: %[[NEGATIVE:.*]] = arith.cmpi slt, %[[X:.*]], %[[ZERO:.*]] : i32
// CHECK: %[[MINUS:.*]] = arith.subi %[[ZERO]], %[[X]] : i32
// CHECK: arith.select %[[NEGATIVE]], %[[MINUS]], %[[X]] : i32
tile.kernel @absolute(%a: memref<?xi32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8], strides: [%stride] : memref<?xi32> to memref<8xi32, strided<[?]>>
  %t = tile.load %v[%c0] dims [0] : memref<8xi32, strided<[?]>> -> tensor<8xi32>
  %size = math.absi %t : tensor<8xi32>
  tile.store %size, %v[%c0] dims [0] : tensor<8xi32>, memref<8xi32, strided<[?]>>
  tile.return
}

// The larger of two truth values is their disjunction.
// CHECK-LABEL: simt.kernel @either(
// CHECK-NOT: arith.maxui
// CHECK: arith.ori %{{.*}} : i1
// CHECK: simt.return
tile.kernel @either(%a: memref<?xf32>, %o: memref<?xi32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %one = arith.constant dense<1.0> : tensor<8xf32>
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8], strides: [%stride] : memref<?xf32> to memref<8xf32, strided<[?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [8], strides: [%stride] : memref<?xi32> to memref<8xi32, strided<[?]>>
  %t = tile.load %v[%c0] dims [0] : memref<8xf32, strided<[?]>> -> tensor<8xf32>
  %more = arith.cmpf ogt, %t, %one : tensor<8xf32>
  %same = arith.cmpf oeq, %t, %one : tensor<8xf32>
  %either = arith.maxui %more, %same : tensor<8xi1>
  %number = arith.extui %either : tensor<8xi1> to tensor<8xi32>
  tile.store %number, %vo[%c0] dims [0] : tensor<8xi32>, memref<8xi32, strided<[?]>>
  tile.return
}
