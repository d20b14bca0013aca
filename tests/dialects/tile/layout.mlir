// RUN: heed-opt %s | heed-opt | FileCheck %s
// RUN: heed-opt %s --canonicalize | FileCheck %s --check-prefix=FOLD

// CHECK-DAG: #[[ACC:layout[0-9]*]] = #tile.layout<[32, 80], register = {{\[\[}}0, 1], [8, 0], [0, 8]], lane = {{\[\[}}0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = {{\[\[}}16, 0]], repeat = {{\[\[}}1, 5]]>
// A power of two in the repeats belongs to the base, however it was written.
#accumulator = #tile.layout<[32, 80], register = [[0, 1], [8, 0]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[16, 0]], repeat = [[1, 10]]>
#rows = #tile.layout<[32, 80], register = [[0, 1], [0, 2], [0, 4], [0, 8]], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = [[0, 0]], repeat = [[1, 5]]>
#rowSums = #tile.layout<[32], register = [[8]], lane = [[0], [0], [1], [2], [4]], warp = [[16]]>
#swizzled = #tile.shared<order = [1, 0], chunk = 8, phases = 2>
#padded = #tile.shared<order = [0, 1], pad = 16>
#scalar = #tile.layout<[], lane = [[], []]>

// CHECK-LABEL: tile.kernel @layouts
// FOLD-LABEL: tile.kernel @layouts
tile.kernel @layouts(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [%n, %n], strides: [%n, 1] : memref<?xf32> to memref<?x?xf32, strided<[?, 1]>>
  %x = tile.load %view[%c0, %c0] dims [0, 1] : memref<?x?xf32, strided<[?, 1]>> -> tensor<32x80xf32, #rows>
  // Conversions of conversions are one, and none where they lead back.
  // FOLD: tile.convert %{{.*}} : tensor<32x80xf32, #{{layout[0-9]*}}> -> tensor<32x80xf32, #{{layout[0-9]*}}>
  // FOLD-NOT: tile.convert
  // CHECK: tile.convert %{{.*}} : tensor<32x80xf32, #layout{{[0-9]*}}> -> tensor<32x80xf32, #shared{{[0-9]*}}>
  %staged = tile.convert %x : tensor<32x80xf32, #rows> -> tensor<32x80xf32, #swizzled>
  %y = tile.convert %staged : tensor<32x80xf32, #swizzled> -> tensor<32x80xf32, #accumulator>
  %square = arith.mulf %y, %y : tensor<32x80xf32, #accumulator>
  %sums = tile.reduce add %square along 1 : tensor<32x80xf32, #accumulator> -> tensor<32xf32, #rowSums>
  %wide = tile.broadcast %sums dims [0] : tensor<32xf32, #rowSums> -> tensor<32x80xf32, #accumulator>
  tile.store %wide, %view[%c0, %c0] dims [0, 1] : tensor<32x80xf32, #accumulator>, memref<?x?xf32, strided<[?, 1]>>
  tile.store %x, %view[%c0, %c0] dims [0, 1] : tensor<32x80xf32, #rows>, memref<?x?xf32, strided<[?, 1]>>
  tile.return
}

// CHECK-LABEL: tile.kernel @ring
// CHECK: tile.read %{{.*}} : <2 x tensor<32x80xf32, #shared{{[0-9]*}}>> -> tensor<32x80xf32, #[[ACC]]>
tile.kernel @ring(%n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %ring = tile.stage : !tile.ring<2 x tensor<32x80xf32, #padded>>
  %tile = tile.read %ring[%c0] : !tile.ring<2 x tensor<32x80xf32, #padded>> -> tensor<32x80xf32, #accumulator>
  %scalar = arith.constant dense<1.0> : tensor<f32, #scalar>
  tile.return
}
