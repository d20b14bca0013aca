// Coordinates that a lane compares with one bound: constants are compared with the distance to the bound.
//
// RUN: heed-opt %s --split-input-file --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=1})' | FileCheck %s

// 32 columns of a row in 4 lanes, below a limit and at most the row: 8 comparisons for two bounds.
// CHECK-LABEL: simt.kernel @bothBounds
// CHECK: %[[LIMIT:.*]] = arith.extsi %{{.*}} : i32 to i64
// CHECK-NEXT: %[[AT:.*]] = arith.extsi %{{.*}} : i32 to i64
// CHECK-NEXT: %[[WITHIN:.*]] = arith.subi %[[LIMIT]], %[[AT]] : i64
// CHECK-NEXT: arith.addi %[[WITHIN]], %c-1_i64 : i64
// CHECK-NEXT: arith.maxsi %{{.*}}, %c-2147483648_i64
// CHECK-NEXT: arith.minsi %{{.*}}, %c2147483647_i64
// CHECK-NEXT: %[[BELOW:.*]] = arith.trunci
// CHECK: arith.subi %{{.*}}, %[[AT]] : i64
// CHECK-NEXT: arith.maxsi
// CHECK-NEXT: arith.minsi
// CHECK-NEXT: %[[UPTO:.*]] = arith.trunci
// CHECK-NEXT: %[[BOTH:.*]] = arith.minsi %[[BELOW]], %[[UPTO]] : i32
// CHECK-NEXT: arith.cmpi sge, %[[BOTH]], %c0_i32 : i32
// CHECK-NEXT: arith.cmpi sge, %[[BOTH]], %c1_i32 : i32
// CHECK-COUNT-6: arith.cmpi sge, %[[BOTH]], %c{{[0-9]+}}_i32 : i32
// CHECK-NOT: arith.cmpi
// CHECK: simt.store
tile.kernel @bothBounds(%a: memref<?xf32>, %n: index, %m: index) attributes {grid_rank = 1 : i64} {
  %zero = arith.constant dense<0.0> : tensor<32xf32>
  %one = arith.constant dense<1.0> : tensor<32xf32>
  %c0 = arith.constant 0 : index
  %limit = arith.index_cast %n : index to i32
  %row = arith.index_cast %m : index to i32
  %columns = tile.index 0 from %c0 : tensor<32xi32>
  %limits = tile.splat %limit : tensor<32xi32>
  %rows = tile.splat %row : tensor<32xi32>
  %below = arith.cmpi slt, %columns, %limits : tensor<32xi32>
  %upTo = arith.cmpi sle, %columns, %rows : tensor<32xi32>
  %seen = arith.andi %below, %upTo : tensor<32xi1>
  %values = arith.select %seen, %one, %zero : tensor<32xi1>, tensor<32xf32>
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [32], strides: [1] : memref<?xf32> to memref<32xf32, strided<[1]>>
  tile.store %values, %view[%c0] dims [0] : tensor<32xf32>, memref<32xf32, strided<[1]>>
  tile.return
}

// -----

// Three bounds of columns that do not start at 0: what registers add is compared with the strictest of two, and with the third.
// CHECK-LABEL: simt.kernel @windows
// CHECK-COUNT-8: arith.cmpi sle, %{{.*}}, %c{{[0-9]+}}_i32 : i32
// CHECK-NEXT: %[[STRICTEST:.*]] = arith.minsi %{{.*}}, %{{.*}} : i32
// CHECK-COUNT-8: arith.cmpi sge, %[[STRICTEST]], %c{{[0-9]+}}_i32 : i32
// CHECK-NOT: arith.cmpi
// CHECK: simt.store
tile.kernel @windows(%a: memref<?xf32>, %n: index, %m: index, %first: index) attributes {grid_rank = 1 : i64} {
  %zero = arith.constant dense<0.0> : tensor<32xf32>
  %one = arith.constant dense<1.0> : tensor<32xf32>
  %c0 = arith.constant 0 : index
  %c9 = arith.constant 9 : i32
  %limit = arith.index_cast %n : index to i32
  %row = arith.index_cast %m : index to i32
  %early = arith.subi %row, %c9 : i32
  %columns = tile.index 0 from %first : tensor<32xi32>
  %limits = tile.splat %limit : tensor<32xi32>
  %rows = tile.splat %row : tensor<32xi32>
  %earliest = tile.splat %early : tensor<32xi32>
  %below = arith.cmpi slt, %columns, %limits : tensor<32xi32>
  %upTo = arith.cmpi sle, %columns, %rows : tensor<32xi32>
  %after = arith.cmpi sgt, %columns, %earliest : tensor<32xi32>
  %within = arith.andi %upTo, %after : tensor<32xi1>
  %seen = arith.andi %below, %within : tensor<32xi1>
  %values = arith.select %seen, %one, %zero : tensor<32xi1>, tensor<32xf32>
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [32], strides: [1] : memref<?xf32> to memref<32xf32, strided<[1]>>
  tile.store %values, %view[%c0] dims [0] : tensor<32xf32>, memref<32xf32, strided<[1]>>
  tile.return
}

// -----

// Few comparisons stay as they are.
// CHECK-LABEL: simt.kernel @few
// CHECK-NOT: arith.extsi
// CHECK-COUNT-2: arith.cmpi slt
tile.kernel @few(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %one = arith.constant dense<1.0> : tensor<8xf32>
  %c0 = arith.constant 0 : index
  %limit = arith.index_cast %n : index to i32
  %columns = tile.index 0 from %c0 : tensor<8xi32>
  %limits = tile.splat %limit : tensor<8xi32>
  %below = arith.cmpi slt, %columns, %limits : tensor<8xi32>
  %values = arith.select %below, %one, %zero : tensor<8xi1>, tensor<8xf32>
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [8], strides: [1] : memref<?xf32> to memref<8xf32, strided<[1]>>
  tile.store %values, %view[%c0] dims [0] : tensor<8xf32>, memref<8xf32, strided<[1]>>
  tile.return
}
