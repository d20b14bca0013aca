// Coordinates that a lane compares with one bound: constants are compared with the distance to the bound.
//
// RUN: heed-opt %s --split-input-file --pass-pipeline='builtin.module(lower-tiles{lanes=4 warps=1})' | FileCheck %s

// 32 columns of a row in 4 lanes, below a limit and at most the row: 8 comparisons for two bounds.
// CHECK-LABEL: simt.kernel @bothBounds
// CHECK: %[[LIMIT:.*]] = arith.extsi %{{.*}} : i32 to i64
// CHECK-NEXT: %[[AT:.*]] = arith.extsi %{{.*}} : i32 to i64
// CHECK-NEXT: %[[WITHIN:.*]] = arith.subi %[[LIMIT]], %[[AT]] : i64
// CHECK-NEXT: arith.maxsi %{{.*}}, %c-2147483648_i64
// CHECK-NEXT: arith.minsi %{{.*}}, %c2147483647_i64
// CHECK-NEXT: %[[BELOW:.*]] = arith.trunci
// CHECK: arith.subi %{{.*}}, %[[AT]] : i64
// CHECK-NEXT: arith.maxsi
// CHECK-NEXT: arith.minsi
// CHECK-NEXT: %[[UPTO:.*]] = arith.trunci
// CHECK-NEXT: %[[WIDE:.*]] = arith.extsi %[[UPTO]]
// CHECK-NEXT: arith.subi %[[WIDE]], %c-1_i64
// CHECK-NEXT: arith.maxsi
// CHECK-NEXT: arith.minsi
// CHECK-NEXT: %[[BELOWNEXT:.*]] = arith.trunci
// CHECK-NEXT: %[[BOTH:.*]] = arith.minsi %[[BELOW]], %[[BELOWNEXT]] : i32
// CHECK-NEXT: arith.cmpi sge, %[[BOTH]], %c1_i32 : i32
// CHECK-NEXT: arith.cmpi sge, %[[BOTH]], %c2_i32 : i32
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

// Three bounds of columns that do not start at 0: what registers add is compared with the strictest of those from above, and
// with that from below, less what is subtracted from the row.
// CHECK-LABEL: simt.kernel @windows
// CHECK-COUNT-8: arith.cmpi sge, %[[FIRST:.*]], %c{{.*}}_i32 : i32
// CHECK: arith.minsi %{{.*}}, %{{.*}} : i32
// CHECK-COUNT-8: arith.cmpi sge, %{{.*}}, %c{{[0-9]+}}_i32 : i32
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

// -----

// Sums of columns and the size of a window, which the row lies below. Rows that registers add something to share comparisons with
// other columns of the first: 32 elements of a lane have 11 differences, or 20 one by one.
// CHECK-LABEL: simt.kernel @rowsAndColumns_aligned
// CHECK-COUNT-11: arith.cmpi sge, %{{.*}}, %c{{.*}}_i32 : i32
// CHECK-NOT: arith.cmpi
// CHECK: simt.store
// CHECK-LABEL: simt.kernel @rowsAndColumns(
// CHECK-COUNT-20: arith.cmpi sge, %{{.*}}, %c{{.*}}_i32 : i32
// CHECK-NOT: arith.cmpi
// CHECK: simt.store
tile.kernel @rowsAndColumns(%a: memref<?xf32>, %n: index, %first: index) attributes {grid_rank = 1 : i64} {
  %zero = arith.constant dense<0.0> : tensor<8x16xf32>
  %one = arith.constant dense<1.0> : tensor<8x16xf32>
  %c0 = arith.constant 0 : index
  %size = arith.index_cast %n : index to i32
  %sizes = tile.splat %size : tensor<8x16xi32>
  %ofColumn = tile.index 0 from %c0 : tensor<16xi32>
  %columns = tile.broadcast %ofColumn dims [1] : tensor<16xi32> -> tensor<8x16xi32>
  %ofRow = tile.index 0 from %first : tensor<8xi32>
  %rows = tile.broadcast %ofRow dims [0] : tensor<8xi32> -> tensor<8x16xi32>
  %reach = arith.addi %columns, %sizes : tensor<8x16xi32>
  %near = arith.cmpi slt, %rows, %reach : tensor<8x16xi32>
  %values = arith.select %near, %one, %zero : tensor<8x16xi1>, tensor<8x16xf32>
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [8, 16], strides: [16, 1] : memref<?xf32> to memref<8x16xf32, strided<[16, 1]>>
  tile.store %values, %view[%c0, %c0] dims [0, 1] : tensor<8x16xf32>, memref<8x16xf32, strided<[16, 1]>>
  tile.return
}
