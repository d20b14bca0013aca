// RUN: heed-opt %s --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=2})' | FileCheck %s

// f16 and bf16 are computed in f32 and rounded after every op; selects and copies leave them as they are.
// CHECK-LABEL: simt.kernel @sum(
// CHECK: %[[LOADED:.*]] = simt.load global {{.*}} -> f16
// CHECK: %[[X:.*]] = arith.extf %[[LOADED]] : f16 to f32
// CHECK: %[[SUM:.*]] = arith.addf %[[X]], %{{.*}} : f32
// CHECK: %[[ROUNDED:.*]] = arith.truncf %[[SUM]] : f32 to f16
// CHECK: %[[LESS:.*]] = arith.cmpf olt, %[[X]], %{{.*}} : f32
// CHECK: %[[CHOSEN:.*]] = arith.select %[[LESS]], %[[ROUNDED]], %[[LOADED]] : f16
// CHECK: simt.store global %[[CHOSEN]], {{.*}} : f16, i64
tile.kernel @sum(%a: memref<?xf16>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %one = arith.constant dense<1.0> : tensor<8xf16>
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8], strides: [%stride] : memref<?xf16> to memref<8xf16, strided<[?]>>
  %t = tile.load %v[%c0] dims [0] : memref<8xf16, strided<[?]>> -> tensor<8xf16>
  %sum = arith.addf %t, %one : tensor<8xf16>
  %less = arith.cmpf olt, %t, %sum : tensor<8xf16>
  %chosen = arith.select %less, %sum, %t : tensor<8xi1>, tensor<8xf16>
  tile.store %chosen, %v[%c0] dims [0] : tensor<8xf16>, memref<8xf16, strided<[?]>>
  tile.return
}

// CHECK-LABEL: simt.kernel @maximum(
// CHECK-NOT: arith.{{add|max|cmp}}{{.*}} : bf16
// CHECK: arith.cmpf ogt, %{{.*}} : f32
// CHECK: simt.store global %{{.*}} : bf16, i64
tile.kernel @maximum(%a: memref<?xbf16>, %stride: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %one = arith.constant dense<1.0> : tensor<8xbf16>
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [8], strides: [%stride] : memref<?xbf16> to memref<8xbf16, strided<[?]>>
  %t = tile.load %v[%c0] dims [0] : memref<8xbf16, strided<[?]>> -> tensor<8xbf16>
  %most = arith.maximumf %t, %one : tensor<8xbf16>
  tile.store %most, %v[%c0] dims [0] : tensor<8xbf16>, memref<8xbf16, strided<[?]>>
  tile.return
}
