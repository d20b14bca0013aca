// RUN: heed-opt %s --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %s

// Beyond the extents nothing is read or written: loads give the fill there. The second register of a lane lies eight
// elements on.
// CHECK-LABEL: simt.kernel @masked(
// CHECK-SAME: i64, %{{[^:]*}}: i64, %[[EXTENT:[^:]*]]: i64
// CHECK-DAG: %[[FILL:.*]] = arith.constant 7.000000e+00 : f32
// CHECK-DAG: %[[EIGHT:.*]] = arith.constant 8 : i64
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %[[POSITION:.*]], %[[EXTENT]] : i64
// CHECK: simt.load global %{{.*}} if %[[INSIDE]] else %[[FILL]]
// CHECK: %[[LEFT:.*]] = arith.subi %[[EXTENT]], %[[EIGHT]]
// CHECK: %[[NEXT:.*]] = arith.cmpi slt, %[[POSITION]], %[[LEFT]] : i64
// CHECK: simt.load global %{{.*}} if %[[NEXT]] else %[[FILL]]
// CHECK: simt.store global %{{.*}} if %[[INSIDE]]
// CHECK: simt.store global %{{.*}} if %[[NEXT]]
tile.kernel @masked(%a: memref<?xf32>, %stride: index, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %seven = arith.constant 7.0 : f32
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [%n], strides: [%stride] : memref<?xf32> to memref<?xf32, strided<[?]>>
  %t = tile.load %v[%c0] dims [0] extents(%n) fill %seven : f32 : memref<?xf32, strided<[?]>> -> tensor<16xf32>
  %sum = arith.addf %t, %t : tensor<16xf32>
  tile.store %sum, %v[%c0] dims [0] extents(%n) : tensor<16xf32>, memref<?xf32, strided<[?]>>
  tile.return
}

// Where a lane has many places, it compares them in 32 bits with what is left of the extent, which is at most the tile.
// CHECK-LABEL: simt.kernel @many_places(
// CHECK-SAME: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %[[EXTENT:[^:]*]]: i64
// CHECK-DAG: %[[NONE:.*]] = arith.constant 0 : i64
// CHECK-DAG: %[[ALL:.*]] = arith.constant 32 : i64
// CHECK-DAG: %[[FIRST:.*]] = arith.constant 0 : i32
// CHECK-DAG: %[[LAST:.*]] = arith.constant 24 : i32
// CHECK: %[[SOME:.*]] = arith.maxsi %[[EXTENT]], %[[NONE]] : i64
// CHECK: %[[WITHIN:.*]] = arith.minsi %[[SOME]], %[[ALL]] : i64
// CHECK: %[[NARROW:.*]] = arith.trunci %[[WITHIN]] : i64 to i32
// CHECK: %[[REST:.*]] = arith.subi %[[NARROW]], %{{.*}} : i32
// CHECK: %[[INSIDE:.*]] = arith.cmpi sgt, %[[REST]], %[[FIRST]] : i32
// CHECK: simt.load global %{{.*}} if %[[INSIDE]]
// CHECK: %[[NEXT:.*]] = arith.cmpi sgt, %[[REST]], %[[LAST]] : i32
// CHECK: simt.load global %{{.*}} if %[[NEXT]]
tile.kernel @many_places(%a: memref<?xf32>, %to: memref<?xf32>, %stride: index, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [%n], strides: [%stride] : memref<?xf32> to memref<?xf32, strided<[?]>>
  %w = memref.reinterpret_cast %to to offset: [0], sizes: [32], strides: [%stride] : memref<?xf32> to memref<32xf32, strided<[?]>>
  %t = tile.load %v[%c0] dims [0] extents(%n) fill %zero : f32 : memref<?xf32, strided<[?]>> -> tensor<32xf32>
  tile.store %t, %w[%c0] dims [0] : tensor<32xf32>, memref<32xf32, strided<[?]>>
  tile.return
}

// Eight lanes, four elements: the copies of an element are stored by one lane only.
// CHECK-LABEL: simt.kernel @copies(
// CHECK: %[[OWNER:.*]] = arith.cmpi eq
// CHECK: simt.store global %{{.*}} if %[[OWNER]]
tile.kernel @copies(%a: memref<?xf32>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [4], strides: [%stride] : memref<?xf32> to memref<4xf32, strided<[?]>>
  %t = tile.load %v[%c0] dims [0] : memref<4xf32, strided<[?]>> -> tensor<4xf32>
  %sum = arith.addf %t, %t : tensor<4xf32>
  tile.store %sum, %v[%c0] dims [0] : tensor<4xf32>, memref<4xf32, strided<[?]>>
  tile.return
}

// A gather reads where every index is inside of the view, negative ones included.
// CHECK-LABEL: simt.kernel @gather(
// CHECK-SAME: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %[[SIZE:[^:]*]]: i64
// CHECK: %[[AT:.*]] = arith.extsi %{{.*}} : i32 to i64
// CHECK: %[[THERE:.*]] = arith.cmpi ult, %[[AT]], %[[SIZE]] : i64
// CHECK: simt.load global %{{.*}} if %[[THERE]] else
tile.kernel @gather(%a: memref<?xf32>, %i: memref<?xi32>, %o: memref<?xf32>, %stride: index, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [%n], strides: [%stride] : memref<?xf32> to memref<?xf32, strided<[?]>>
  %vi = memref.reinterpret_cast %i to offset: [0], sizes: [8], strides: [%stride] : memref<?xi32> to memref<8xi32, strided<[?]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [8], strides: [%stride] : memref<?xf32> to memref<8xf32, strided<[?]>>
  %at = tile.load %vi[%c0] dims [0] : memref<8xi32, strided<[?]>> -> tensor<8xi32>
  %t = tile.gather %v[%at : tensor<8xi32>] fill %zero : f32 : memref<?xf32, strided<[?]>> -> tensor<8xf32>
  tile.store %t, %vo[%c0] dims [0] : tensor<8xf32>, memref<8xf32, strided<[?]>>
  tile.return
}
