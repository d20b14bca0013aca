// A tile kernel run by plan.launch over a grid with tails equals linalg.matmul, reading an input with strides.
// RUN: heed-interpret %s --entry=product --compare=@launched --counters --dim m=70 --dim n=33 --dim k=40 --dim stride=45 | FileCheck %s
// CHECK: @product: launches 0
// CHECK: @launched: launches 1, programs 4, key blocks 8, bytes loaded 16480, bytes stored 9240
// CHECK: result 0: {{.*}} 2310 elements
// CHECK: equal

#flops = affine_map<()[s0, s1, s2, s3] -> (s0 * s1 * s2 * 2)>

func.func @product(%a: tensor<?x?xf16> {plan.name = "a", plan.shape = affine_map<()[m, n, k, s] -> (m, k)>, plan.strides = affine_map<()[m, n, k, s] -> (s, 1)>}, %b: tensor<?x?xf16> {plan.shape = affine_map<()[m, n, k, s] -> (k, n)>}) -> tensor<?x?xf32> attributes {plan.symbols = ["m", "n", "k", "stride"]} {
  %zero = arith.constant 0.0 : f32
  %m = plan.symbol "m"
  %n = plan.symbol "n"
  %e = tensor.empty(%m, %n) : tensor<?x?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %c = linalg.matmul ins(%a, %b : tensor<?x?xf16>, tensor<?x?xf16>) outs(%f : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %c : tensor<?x?xf32>
}

func.func @launched(%a: tensor<?x?xf16> {plan.name = "a", plan.shape = affine_map<()[m, n, k, s] -> (m, k)>, plan.strides = affine_map<()[m, n, k, s] -> (s, 1)>}, %b: tensor<?x?xf16> {plan.shape = affine_map<()[m, n, k, s] -> (k, n)>}) -> tensor<?x?xf32> attributes {plan.symbols = ["m", "n", "k", "stride"]} {
  %c = plan.launch matmul "product" @product_kernel(%a, %b) grid affine_map<()[m, n, k, s] -> (n ceildiv 32, m ceildiv 64)>
      params affine_map<()[m, n, k, s] -> (m, n, k, s)> shapes [affine_map<()[m, n, k, s] -> (m, n)>] flops #flops bytes #flops
      : (tensor<?x?xf16>, tensor<?x?xf16>) -> tensor<?x?xf32>
  return %c : tensor<?x?xf32>
}

tile.kernel @product_kernel(%a: memref<?xf16>, %b: memref<?xf16>, %c: memref<?xf32>, %m: index, %n: index, %k: index, %stride: index) attributes {grid_rank = 2 : i64} {
  %x = tile.program_id 0
  %y = tile.program_id 1
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0.0 : f16
  %m0 = arith.muli %y, %c64 : index
  %n0 = arith.muli %x, %c32 : index
  %rows = arith.subi %m, %m0 : index
  %columns = arith.subi %n, %n0 : index
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [%m, %k], strides: [%stride, 1] : memref<?xf16> to memref<?x?xf16, strided<[?, 1]>>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [%k, %n], strides: [%n, 1] : memref<?xf16> to memref<?x?xf16, strided<[?, 1]>>
  %vc = memref.reinterpret_cast %c to offset: [0], sizes: [%m, %n], strides: [%n, 1] : memref<?xf32> to memref<?x?xf32, strided<[?, 1]>>
  %init = arith.constant dense<0.0> : tensor<64x32xf32>
  %ring = tile.stage : !tile.ring<2 x tensor<32x32xf16>>
  %acc = scf.for %i = %c0 to %k step %c32 iter_args(%sum = %init) -> tensor<64x32xf32> {
    %depth = arith.subi %k, %i : index
    %slot = arith.divui %i, %c32 : index
    %token = tile.copy %vb[%i, %n0] dims [0, 1] extents(%depth, %columns) fill %zero : f16 into %ring[%slot] : memref<?x?xf16, strided<[?, 1]>>, !tile.ring<2 x tensor<32x32xf16>>
    %ta = tile.load %va[%m0, %i] dims [0, 1] extents(%rows, %depth) fill %zero : f16 : memref<?x?xf16, strided<[?, 1]>> -> tensor<64x32xf16>
    tile.wait %token
    %tb = tile.read %ring[%slot] : !tile.ring<2 x tensor<32x32xf16>> -> tensor<32x32xf16>
    %next = tile.part "product" -> tensor<64x32xf32> {
      %dot = tile.dot %ta, %tb, %sum : tensor<64x32xf16>, tensor<32x32xf16> -> tensor<64x32xf32>
      tile.yield %dot : tensor<64x32xf32>
    }
    tile.count key_blocks %c1
    scf.yield %next : tensor<64x32xf32>
  }
  tile.store %acc, %vc[%m0, %n0] dims [0, 1] extents(%rows, %columns) : tensor<64x32xf32>, memref<?x?xf32, strided<[?, 1]>>
  tile.return
}

// Truth values are bytes in memory.
// RUN: heed-interpret %s --entry=truths --input 0=1,0,1,0 | FileCheck %s --check-prefix=TRUTHS
// TRUTHS: result 0: 4xi1 = [0, 1, 0, 1]
// TRUTHS: result 1: 4xi32 = [0, -1, 0, -1]
#one = affine_map<() -> (1)>
func.func @truths(%x: tensor<4xi1>) -> (tensor<4xi1>, tensor<4xi32>) {
  %y = plan.launch map "not" @not(%x) grid #one params affine_map<() -> ()> shapes [affine_map<() -> (4)>] flops #one bytes #one : (tensor<4xi1>) -> tensor<4xi1>
  %z = arith.extsi %y : tensor<4xi1> to tensor<4xi32>
  return %y, %z : tensor<4xi1>, tensor<4xi32>
}
tile.kernel @not(%x: memref<?xi8>, %y: memref<?xi8>) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %ones = arith.constant dense<1> : tensor<4xi8>
  %t = tile.load %x[%c0] dims [0] : memref<?xi8> -> tensor<4xi8>
  %n = arith.subi %ones, %t : tensor<4xi8>
  tile.store %n, %y[%c0] dims [0] : tensor<4xi8>, memref<?xi8>
  tile.return
}
