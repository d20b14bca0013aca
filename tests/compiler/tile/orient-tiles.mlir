// RUN: split-file %s %t
// RUN: heed-opt %t/attention.mlir --orient-tiles --canonicalize | FileCheck %t/attention.mlir
// RUN: heed-opt %t/product.mlir --orient-tiles --canonicalize | FileCheck %t/product.mlir
// RUN: heed-opt %t/graph.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/plain.out
// RUN: heed-opt %t/plain.out --inline-parts --orient-tiles -o %t/oriented.out
// RUN: FileCheck %t/graph.mlir --input-file=%t/oriented.out
// RUN: heed-interpret %t/plain.out %t/oriented.out --dim b=2 --dim m=7 --dim n=21

//--- attention.mlir
// Keys are read as they lie; queries are transposed once, outside the loop; scores and weights have keys for rows. The
// accumulator keeps its rows, because its store would otherwise be transposed.
// CHECK-LABEL: tile.kernel @attention
// CHECK: %[[QUERY:.*]] = tile.load {{.*}} -> tensor<{{.*}}xf32>
// CHECK: %[[TURNED:.*]] = tile.transpose %[[QUERY]]
// CHECK: scf.for
// CHECK: %[[KEY:.*]] = tile.load {{.*}} dims [0, 1] {{.*}} -> tensor<32x48xf32>
// CHECK: %[[SCORES:.*]] = tile.dot %[[KEY]], %[[TURNED]], {{.*}} -> tensor<32x64xf32>
// CHECK: tile.reduce max %[[SCORES]] along 0
// CHECK: %[[WEIGHTS:.*]] = math.exp2
// CHECK: %[[VIEW:.*]] = tile.transpose %[[WEIGHTS]]
// CHECK: tile.dot %[[VIEW]], {{.*}} -> tensor<64x48xf32>
tile.kernel @attention(%q: memref<?xf32>, %k: memref<?xf32>, %v: memref<?xf32>, %o: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant dense<0.0> : tensor<64x48xf32>
  %none = arith.constant dense<0.0> : tensor<64x32xf32>
  %vq = memref.reinterpret_cast %q to offset: [0], sizes: [64, 48], strides: [48, 1] : memref<?xf32> to memref<64x48xf32, strided<[48, 1]>>
  %vk = memref.reinterpret_cast %k to offset: [0], sizes: [%n, 48], strides: [48, 1] : memref<?xf32> to memref<?x48xf32, strided<[48, 1]>>
  %vv = memref.reinterpret_cast %v to offset: [0], sizes: [%n, 48], strides: [48, 1] : memref<?xf32> to memref<?x48xf32, strided<[48, 1]>>
  %vo = memref.reinterpret_cast %o to offset: [0], sizes: [64, 48], strides: [48, 1] : memref<?xf32> to memref<64x48xf32, strided<[48, 1]>>
  %tq = tile.load %vq[%c0, %c0] dims [0, 1] : memref<64x48xf32, strided<[48, 1]>> -> tensor<64x48xf32>
  %acc = scf.for %i = %c0 to %n step %c32 iter_args(%sum = %zero) -> tensor<64x48xf32> {
    %tk = tile.load %vk[%i, %c0] dims [1, 0] : memref<?x48xf32, strided<[48, 1]>> -> tensor<48x32xf32>
    %s = tile.dot %tq, %tk, %none : tensor<64x48xf32>, tensor<48x32xf32> -> tensor<64x32xf32>
    %m = tile.reduce max %s along 1 : tensor<64x32xf32> -> tensor<64xf32>
    %wide = tile.broadcast %m dims [0] : tensor<64xf32> -> tensor<64x32xf32>
    %d = arith.subf %s, %wide : tensor<64x32xf32>
    %p = math.exp2 %d : tensor<64x32xf32>
    %tv = tile.load %vv[%i, %c0] dims [0, 1] : memref<?x48xf32, strided<[48, 1]>> -> tensor<32x48xf32>
    %next = tile.dot %p, %tv, %sum : tensor<64x32xf32>, tensor<32x48xf32> -> tensor<64x48xf32>
    scf.yield %next : tensor<64x48xf32>
  }
  tile.store %acc, %vo[%c0, %c0] dims [0, 1] : tensor<64x48xf32>, memref<64x48xf32, strided<[48, 1]>>
  tile.return
}

//--- product.mlir
// Row-major operands need nothing.
// CHECK-LABEL: tile.kernel @product
// CHECK-NOT: tile.transpose
// CHECK: tile.dot {{.*}} tensor<16x32xf32>, tensor<32x64xf32> -> tensor<16x64xf32>
// A right operand that is contiguous the other way round turns the product when the left one is cheap to turn.
// CHECK-LABEL: tile.kernel @turned
// CHECK: tile.dot {{.*}} tensor<64x32xf32>, tensor<32x16xf32> -> tensor<64x16xf32>
// CHECK: tile.store {{.*}} dims [1, 0]
tile.kernel @product(%a: memref<?xf32>, %b: memref<?xf32>, %c: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<16x64xf32>
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [16, 32], strides: [32, 1] : memref<?xf32> to memref<16x32xf32, strided<[32, 1]>>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [32, 64], strides: [64, 1] : memref<?xf32> to memref<32x64xf32, strided<[64, 1]>>
  %vc = memref.reinterpret_cast %c to offset: [0], sizes: [16, 64], strides: [64, 1] : memref<?xf32> to memref<16x64xf32, strided<[64, 1]>>
  %ta = tile.load %va[%c0, %c0] dims [0, 1] : memref<16x32xf32, strided<[32, 1]>> -> tensor<16x32xf32>
  %tb = tile.load %vb[%c0, %c0] dims [0, 1] : memref<32x64xf32, strided<[64, 1]>> -> tensor<32x64xf32>
  %r = tile.dot %ta, %tb, %zero : tensor<16x32xf32>, tensor<32x64xf32> -> tensor<16x64xf32>
  tile.store %r, %vc[%c0, %c0] dims [0, 1] : tensor<16x64xf32>, memref<16x64xf32, strided<[64, 1]>>
  tile.return
}
tile.kernel @turned(%a: memref<?xf32>, %b: memref<?xf32>, %c: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant dense<0.0> : tensor<16x64xf32>
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [16, 32], strides: [32, 1] : memref<?xf32> to memref<16x32xf32, strided<[32, 1]>>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [64, 32], strides: [32, 1] : memref<?xf32> to memref<64x32xf32, strided<[32, 1]>>
  %vc = memref.reinterpret_cast %c to offset: [0], sizes: [16, 64], strides: [64, 1] : memref<?xf32> to memref<16x64xf32, strided<[64, 1]>>
  %ta = tile.load %va[%c0, %c0] dims [0, 1] : memref<16x32xf32, strided<[32, 1]>> -> tensor<16x32xf32>
  %tb = tile.load %vb[%c0, %c0] dims [1, 0] : memref<64x32xf32, strided<[32, 1]>> -> tensor<32x64xf32>
  %r = tile.dot %ta, %tb, %zero : tensor<16x32xf32>, tensor<32x64xf32> -> tensor<16x64xf32>
  tile.store %r, %vc[%c0, %c0] dims [0, 1] : tensor<16x64xf32>, memref<16x64xf32, strided<[64, 1]>>
  tile.return
}

//--- graph.mlir
// Masked attention whose operands do not divide blocks gives the same before and after.
// CHECK-LABEL: tile.kernel
// CHECK: tile.reduce max {{.*}} along 0
func.func @main(%q: tensor<?x8x?x64xf32> {plan.name = "q", plan.shape = affine_map<()[b,m,n]->(b,8,m,64)>},
                %k: tensor<?x2x?x64xf32> {plan.name = "k", plan.shape = affine_map<()[b,m,n]->(b,2,n,64)>},
                %v: tensor<?x2x?x64xf32> {plan.name = "v", plan.shape = affine_map<()[b,m,n]->(b,2,n,64)>},
                %slopes: tensor<8xf32> {plan.name = "slopes"}) -> (tensor<?x8x?x64xf32> {plan.name = "out"})
    attributes {plan.symbols = ["b", "m", "n"]} {
  %0 = attn.attend query(%q : tensor<?x8x?x64xf32>) key(%k : tensor<?x2x?x64xf32>) value(%v : tensor<?x2x?x64xf32>)
      captures(%slopes : tensor<8xf32>) scale 0.125 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %sl: tensor<8xf32>):
      %slope = tensor.extract %sl[%h] : tensor<8xf32>
      %d = arith.subi %key, %pos : index
      %di = arith.index_cast %d : index to i32
      %df = arith.sitofp %di : i32 to f32
      %bias = arith.mulf %slope, %df : f32
      %r = arith.addf %s, %bias : f32
      attn.yield %r : f32
    } keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %sl: tensor<8xf32>):
      %c = arith.cmpi sle, %key, %pos : index
      attn.yield %c : i1
    } -> tensor<?x8x?x64xf32>
  return %0 : tensor<?x8x?x64xf32>
}
