// RUN: heed-opt %s --share-distances --canonicalize --cse | FileCheck %s

#table = strided<[1024, 1]>

// A table by clamped distance is looked up once a distance: 191 of them for 64 rows and 128 columns. The band's element t
// is that of the distance t - 127, so of row t - 127 and column 0.
// CHECK-LABEL: tile.kernel @table(
// CHECK-SAME: %[[ROW:[^:]*]]: index, %[[KEY:[^:]*]]: index, %[[HEAD:[^:]*]]: index
// CHECK-DAG: %[[LAST:.*]] = arith.constant 127 : index
// CHECK-DAG: %[[ZERO:.*]] = arith.constant dense<0> : tensor<191xi32>
// CHECK-DAG: %[[MOST:.*]] = arith.constant dense<1023> : tensor<191xi32>
// CHECK: %[[FROM:.*]] = arith.subi %[[ROW]], %[[LAST]] : index
// CHECK: %[[ROWS:.*]] = tile.index 0 from %[[FROM]] : tensor<191xi32>
// CHECK: %[[COLUMN:.*]] = arith.index_cast %[[KEY]] : index to i32
// CHECK: %[[COLUMNS:.*]] = tile.splat %[[COLUMN]] : tensor<191xi32>
// CHECK: %[[BACK:.*]] = arith.subi %[[ROWS]], %[[COLUMNS]] : tensor<191xi32>
// CHECK: %[[LOW:.*]] = arith.maxsi %[[BACK]], %[[ZERO]]
// CHECK: %[[PLACE:.*]] = arith.minsi %[[LOW]], %[[MOST]]
// CHECK: %[[BAND:.*]] = tile.gather %{{.*}}[%[[HEAD]], %[[PLACE]] : index, tensor<191xi32>]
// CHECK: %[[TERM:.*]] = tile.toeplitz %[[BAND]] : tensor<191xf32> -> tensor<64x128xf32>
// CHECK-NOT: tile.gather
// CHECK: arith.addf %{{.*}}, %[[TERM]] : tensor<64x128xf32>
tile.kernel @table(%s: memref<?xf32>, %t: memref<?xf32>, %row: index, %key: index, %head: index)
    attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %none = arith.constant 0.0 : f32
  %zero = arith.constant dense<0> : tensor<64x128xi32>
  %most = arith.constant dense<1023> : tensor<64x128xi32>
  %vs = memref.reinterpret_cast %s to offset: [0], sizes: [64, 128], strides: [128, 1] : memref<?xf32> to memref<64x128xf32>
  %vt = memref.reinterpret_cast %t to offset: [0], sizes: [8, 1024], strides: [1024, 1]
      : memref<?xf32> to memref<8x1024xf32, #table>
  %score = tile.load %vs[%c0, %c0] dims [0, 1] : memref<64x128xf32> -> tensor<64x128xf32>
  %i = tile.index 0 from %row : tensor<64xi32>
  %is = tile.broadcast %i dims [0] : tensor<64xi32> -> tensor<64x128xi32>
  %j = tile.index 0 from %key : tensor<128xi32>
  %js = tile.broadcast %j dims [1] : tensor<128xi32> -> tensor<64x128xi32>
  %back = arith.subi %is, %js : tensor<64x128xi32>
  %low = arith.maxsi %back, %zero : tensor<64x128xi32>
  %place = arith.minsi %low, %most : tensor<64x128xi32>
  %term = tile.gather %vt[%head, %place : index, tensor<64x128xi32>] fill %none : f32
      : memref<8x1024xf32, #table> -> tensor<64x128xf32>
  %sum = arith.addf %score, %term : tensor<64x128xf32>
  tile.store %sum, %vs[%c0, %c0] dims [0, 1] : tensor<64x128xf32>, memref<64x128xf32>
  tile.return
}

// Positions are rows beyond an offset, and numbers of more bits; what is made of an entry is in the band, too.
// CHECK-LABEL: tile.kernel @offset(
// CHECK: %[[BACK:.*]] = arith.subi %{{.*}}, %{{.*}} : tensor<191xi64>
// CHECK: %[[ENTRY:.*]] = tile.gather %{{.*}}[%[[BACK]] : tensor<191xi64>]
// CHECK: %[[WIDE:.*]] = arith.extf %[[ENTRY]] : tensor<191xbf16> to tensor<191xf32>
// CHECK: tile.toeplitz %[[WIDE]]
// CHECK-NOT: tile.gather
tile.kernel @offset(%s: memref<?xf32>, %t: memref<?xbf16>, %row: index, %key: index, %offset: index)
    attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %none = arith.constant 0.0 : bf16
  %vs = memref.reinterpret_cast %s to offset: [0], sizes: [64, 128], strides: [128, 1] : memref<?xf32> to memref<64x128xf32>
  %vt = memref.reinterpret_cast %t to offset: [0], sizes: [1024], strides: [1] : memref<?xbf16> to memref<1024xbf16>
  %score = tile.load %vs[%c0, %c0] dims [0, 1] : memref<64x128xf32> -> tensor<64x128xf32>
  %i = tile.index 0 from %row : tensor<64xi32>
  %wide_i = arith.extsi %i : tensor<64xi32> to tensor<64xi64>
  %offset_i64 = arith.index_cast %offset : index to i64
  %beyond = tile.splat %offset_i64 : tensor<64xi64>
  %position = arith.addi %wide_i, %beyond : tensor<64xi64>
  %is = tile.broadcast %position dims [0] : tensor<64xi64> -> tensor<64x128xi64>
  %j = tile.index 1 from %key : tensor<64x128xi32>
  %js = arith.extsi %j : tensor<64x128xi32> to tensor<64x128xi64>
  %back = arith.subi %is, %js : tensor<64x128xi64>
  %entry = tile.gather %vt[%back : tensor<64x128xi64>] fill %none : bf16 : memref<1024xbf16> -> tensor<64x128xbf16>
  %term = arith.extf %entry : tensor<64x128xbf16> to tensor<64x128xf32>
  %sum = arith.addf %score, %term : tensor<64x128xf32>
  tile.store %sum, %vs[%c0, %c0] dims [0, 1] : tensor<64x128xf32>, memref<64x128xf32>
  tile.return
}

// One multiplication is less than reading a band is.
// CHECK-LABEL: tile.kernel @ramp(
// CHECK-NOT: tile.toeplitz
tile.kernel @ramp(%s: memref<?xf32>, %row: index, %key: index, %slope: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %slopes = arith.constant dense<0.5> : tensor<64x128xf32>
  %vs = memref.reinterpret_cast %s to offset: [0], sizes: [64, 128], strides: [128, 1] : memref<?xf32> to memref<64x128xf32>
  %is = tile.index 0 from %row : tensor<64x128xi32>
  %js = tile.index 1 from %key : tensor<64x128xi32>
  %back = arith.subi %js, %is : tensor<64x128xi32>
  %number = arith.sitofp %back : tensor<64x128xi32> to tensor<64x128xf32>
  %term = arith.mulf %number, %slopes : tensor<64x128xf32>
  tile.store %term, %vs[%c0, %c0] dims [0, 1] : tensor<64x128xf32>, memref<64x128xf32>
  tile.return
}

// Nor where a product starts from it.
// CHECK-LABEL: tile.kernel @start(
// CHECK-NOT: tile.toeplitz
// CHECK: %[[TERM:.*]] = arith.mulf %{{.*}} : tensor<64x128xf32>
// CHECK: tile.dot %{{.*}}, %{{.*}}, %[[TERM]]
tile.kernel @start(%s: memref<?xf32>, %a: memref<?xbf16>, %row: index, %key: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %slopes = arith.constant dense<0.5> : tensor<64x128xf32>
  %vs = memref.reinterpret_cast %s to offset: [0], sizes: [64, 128], strides: [128, 1] : memref<?xf32> to memref<64x128xf32>
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [64, 128], strides: [128, 1] : memref<?xbf16> to memref<64x128xbf16>
  %left = tile.load %va[%c0, %c0] dims [0, 1] : memref<64x128xbf16> -> tensor<64x16xbf16>
  %right = tile.load %va[%c0, %c0] dims [0, 1] : memref<64x128xbf16> -> tensor<16x128xbf16>
  %is = tile.index 0 from %row : tensor<64x128xi32>
  %js = tile.index 1 from %key : tensor<64x128xi32>
  %back = arith.subi %js, %is : tensor<64x128xi32>
  %number = arith.sitofp %back : tensor<64x128xi32> to tensor<64x128xf32>
  %term = arith.mulf %number, %slopes : tensor<64x128xf32>
  %sum = tile.dot %left, %right, %term : tensor<64x16xbf16>, tensor<16x128xbf16> -> tensor<64x128xf32>
  tile.store %sum, %vs[%c0, %c0] dims [0, 1] : tensor<64x128xf32>, memref<64x128xf32>
  tile.return
}

// Sums of positions, products of them, and what depends on a row beside the distance are no functions of the distance.
// CHECK-LABEL: tile.kernel @others(
// CHECK-NOT: tile.toeplitz
tile.kernel @others(%s: memref<?xf32>, %t: memref<?xf32>, %row: index, %key: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %none = arith.constant 0.0 : f32
  %vs = memref.reinterpret_cast %s to offset: [0], sizes: [64, 128], strides: [128, 1] : memref<?xf32> to memref<64x128xf32>
  %vt = memref.reinterpret_cast %t to offset: [0], sizes: [1024], strides: [1] : memref<?xf32> to memref<1024xf32>
  %is = tile.index 0 from %row : tensor<64x128xi32>
  %js = tile.index 1 from %key : tensor<64x128xi32>
  %sum = arith.addi %is, %js : tensor<64x128xi32>
  %product = arith.muli %is, %js : tensor<64x128xi32>
  %back = arith.subi %is, %js : tensor<64x128xi32>
  %of_row = arith.minsi %back, %is : tensor<64x128xi32>
  %a = tile.gather %vt[%sum : tensor<64x128xi32>] fill %none : f32 : memref<1024xf32> -> tensor<64x128xf32>
  %b = tile.gather %vt[%product : tensor<64x128xi32>] fill %none : f32 : memref<1024xf32> -> tensor<64x128xf32>
  %c = tile.gather %vt[%of_row : tensor<64x128xi32>] fill %none : f32 : memref<1024xf32> -> tensor<64x128xf32>
  %ab = arith.addf %a, %b : tensor<64x128xf32>
  %abc = arith.addf %ab, %c : tensor<64x128xf32>
  tile.store %abc, %vs[%c0, %c0] dims [0, 1] : tensor<64x128xf32>, memref<64x128xf32>
  tile.return
}

// Bits that are lost of a row and of a column make differences of them depend on more than the distance; nothing is lost
// of the distance itself that the same distance does not lose elsewhere.
// CHECK-LABEL: tile.kernel @narrow(
// CHECK: arith.trunci %{{.*}} : tensor<191xi32> to tensor<191xi8>
// CHECK: tile.toeplitz
// CHECK: tile.gather {{.*}} -> tensor<64x128xf32>
// CHECK-NOT: tile.toeplitz
tile.kernel @narrow(%s: memref<?xf32>, %t: memref<?xf32>, %row: index, %key: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %none = arith.constant 0.0 : f32
  %vs = memref.reinterpret_cast %s to offset: [0], sizes: [64, 128], strides: [128, 1] : memref<?xf32> to memref<64x128xf32>
  %vt = memref.reinterpret_cast %t to offset: [0], sizes: [1024], strides: [1] : memref<?xf32> to memref<1024xf32>
  %is = tile.index 0 from %row : tensor<64x128xi32>
  %js = tile.index 1 from %key : tensor<64x128xi32>
  %back = arith.subi %is, %js : tensor<64x128xi32>
  %low_back = arith.trunci %back : tensor<64x128xi32> to tensor<64x128xi8>
  %low_is = arith.trunci %is : tensor<64x128xi32> to tensor<64x128xi8>
  %low_js = arith.trunci %js : tensor<64x128xi32> to tensor<64x128xi8>
  %wide_is = arith.extsi %low_is : tensor<64x128xi8> to tensor<64x128xi32>
  %wide_js = arith.extsi %low_js : tensor<64x128xi8> to tensor<64x128xi32>
  %lost = arith.subi %wide_is, %wide_js : tensor<64x128xi32>
  %a = tile.gather %vt[%low_back : tensor<64x128xi8>] fill %none : f32 : memref<1024xf32> -> tensor<64x128xf32>
  %b = tile.gather %vt[%lost : tensor<64x128xi32>] fill %none : f32 : memref<1024xf32> -> tensor<64x128xf32>
  %ab = arith.addf %a, %b : tensor<64x128xf32>
  tile.store %ab, %vs[%c0, %c0] dims [0, 1] : tensor<64x128xf32>, memref<64x128xf32>
  tile.return
}

// Few rows have about as many distances as elements.
// CHECK-LABEL: tile.kernel @few(
// CHECK-NOT: tile.toeplitz
tile.kernel @few(%s: memref<?xf32>, %t: memref<?xf32>, %row: index, %key: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %none = arith.constant 0.0 : f32
  %vs = memref.reinterpret_cast %s to offset: [0], sizes: [16, 128], strides: [128, 1] : memref<?xf32> to memref<16x128xf32>
  %vt = memref.reinterpret_cast %t to offset: [0], sizes: [1024], strides: [1] : memref<?xf32> to memref<1024xf32>
  %is = tile.index 0 from %row : tensor<16x128xi32>
  %js = tile.index 1 from %key : tensor<16x128xi32>
  %back = arith.subi %is, %js : tensor<16x128xi32>
  %term = tile.gather %vt[%back : tensor<16x128xi32>] fill %none : f32 : memref<1024xf32> -> tensor<16x128xf32>
  tile.store %term, %vs[%c0, %c0] dims [0, 1] : tensor<16x128xf32>, memref<16x128xf32>
  tile.return
}
