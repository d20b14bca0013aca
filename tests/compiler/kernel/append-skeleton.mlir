// Rows written into a cache through the append skeleton, which touches nothing else: rows are dropped that have no place, or
// of several with one place all but the last.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(decompose-attn,normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t
// RUN: FileCheck %s < %t
// RUN: heed-interpret %s %t --entry=linear --input=i=0,3 --dim s=9
// RUN: heed-interpret %s %t --entry=linear --input=i=19,5 --dim s=9
// RUN: heed-interpret %s %t --entry=linear --input=i=2,5 --dim s=0
// RUN: heed-interpret %s %t --entry=around --input=i=0,9 --dim c=11 --dim s=6
// RUN: heed-interpret %s %t --entry=around --input=i=2,2147483647 --dim c=3 --dim s=13
// RUN: heed-interpret %s %t --entry=around --input=i=1,2 --dim c=0 --dim s=5
// RUN: heed-interpret %s %t --entry=computed --input=i=1
// RUN: heed-interpret %s %t --entry=of_itself --input=i=2
// RUN: heed-interpret %s %t --entry=into_a_part --input=i=1
// RUN: heed-interpret %s %t --entry=turned --input=i=1
// RUN: heed-interpret %s %t --entry=into_zeros --input=i=1

// The cache is no operand of a load, and the result starts as it.
// CHECK-LABEL: tile.kernel @k0_append
// CHECK-COUNT-1: tile.load
// CHECK-NOT: tile.load
// CHECK: tile.store
// CHECK-LABEL: func.func @linear
// CHECK: plan.launch append {{.*}} {plan.tied = array<i64: 0>}
func.func @linear(%cache: tensor<2x2x7x17xf16> {plan.name = "cache"}, %rows: tensor<2x2x?x17xf16> {plan.name = "rows", plan.shape = affine_map<()[s] -> (2, 2, s, 17)>},
                  %i: tensor<2xi64> {plan.name = "i"}) -> (tensor<2x2x7x17xf16> {plan.name = "y"}) attributes {plan.symbols = ["s"]} {
  %0 = attn.append %rows : tensor<2x2x?x17xf16> into %cache : tensor<2x2x7x17xf16> at %i : tensor<2xi64>
  return %0 : tensor<2x2x7x17xf16>
}

// Up to the end of the cache, then from its start on.
// CHECK-LABEL: tile.kernel @k1_append
// CHECK: tile.load
// CHECK: tile.store
// CHECK: tile.load
// CHECK: tile.store
// CHECK-NOT: tile.store
// CHECK-LABEL: func.func @around
func.func @around(%cache: tensor<2x2x?x3xf32> {plan.name = "cache", plan.shape = affine_map<()[c, s] -> (2, 2, c, 3)>}, %rows: tensor<2x2x?x3xf32> {plan.name = "rows", plan.shape = affine_map<()[c, s] -> (2, 2, s, 3)>},
                  %i: tensor<2xi32> {plan.name = "i"}) -> (tensor<2x2x?x3xf32> {plan.name = "y"}) attributes {plan.symbols = ["c", "s"]} {
  %0 = attn.append circular %rows : tensor<2x2x?x3xf32> into %cache : tensor<2x2x?x3xf32> at %i : tensor<2xi32>
  return %0 : tensor<2x2x?x3xf32>
}

#id = affine_map<(b, h, s, d) -> (b, h, s, d)>

// Rows that nobody else reads are computed on the way.
// CHECK-LABEL: func.func @computed
// CHECK-COUNT-1: plan.launch append
// CHECK-NOT: plan.launch
func.func @computed(%cache: tensor<1x1x4x8xf16> {plan.name = "cache"}, %x: tensor<1x1x2x8xf32> {plan.name = "x"}, %i: tensor<1xi32> {plan.name = "i"}) -> (tensor<1x1x4x8xf16> {plan.name = "y"}) {
  %empty = tensor.empty() : tensor<1x1x2x8xf16>
  %rows = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x1x2x8xf32>) outs(%empty : tensor<1x1x2x8xf16>) {
  ^bb0(%wide: f32, %old: f16):
    %y = arith.truncf %wide : f32 to f16
    linalg.yield %y : f16
  } -> tensor<1x1x2x8xf16>
  %0 = attn.append %rows : tensor<1x1x2x8xf16> into %cache : tensor<1x1x4x8xf16> at %i : tensor<1xi32>
  return %0 : tensor<1x1x4x8xf16>
}

// What programs change must not be read by others: the rows come from the cache, so it is copied first.
// CHECK-LABEL: func.func @of_itself
// CHECK: plan.launch map
// CHECK: plan.launch append
func.func @of_itself(%cache: tensor<1x1x4x8xf32> {plan.name = "cache"}, %i: tensor<1xi32> {plan.name = "i"}) -> (tensor<1x1x4x8xf32> {plan.name = "y"}) {
  %0 = attn.append %cache : tensor<1x1x4x8xf32> into %cache : tensor<1x1x4x8xf32> at %i : tensor<1xi32>
  return %0 : tensor<1x1x4x8xf32>
}

// A part of a tensor is copied, since results are whole.
// CHECK-LABEL: func.func @into_a_part
// CHECK: plan.launch map
// CHECK: plan.launch append
func.func @into_a_part(%caches: tensor<2x1x4x8xf32> {plan.name = "cache"}, %rows: tensor<1x1x1x8xf32> {plan.name = "rows"}, %i: tensor<1xi32> {plan.name = "i"}) -> (tensor<1x1x4x8xf32> {plan.name = "y"}) {
  %cache = tensor.extract_slice %caches[1, 0, 0, 0] [1, 1, 4, 8] [1, 1, 1, 1] : tensor<2x1x4x8xf32> to tensor<1x1x4x8xf32>
  %0 = attn.append %rows : tensor<1x1x1x8xf32> into %cache : tensor<1x1x4x8xf32> at %i : tensor<1xi32>
  return %0 : tensor<1x1x4x8xf32>
}

// The result lies as the cache does, whatever reads it.
func.func @turned(%cache: tensor<1x2x4x8xf32> {plan.name = "cache"}, %rows: tensor<1x2x1x8xf32> {plan.name = "rows"}, %i: tensor<1xi32> {plan.name = "i"}) -> (tensor<1x4x2x8xf32> {plan.name = "y"}) {
  %0 = attn.append %rows : tensor<1x2x1x8xf32> into %cache : tensor<1x2x4x8xf32> at %i : tensor<1xi32>
  %empty = tensor.empty() : tensor<1x4x2x8xf32>
  %1 = linalg.transpose ins(%0 : tensor<1x2x4x8xf32>) outs(%empty : tensor<1x4x2x8xf32>) permutation = [0, 2, 1, 3]
  return %1 : tensor<1x4x2x8xf32>
}

func.func @into_zeros(%rows: tensor<1x2x1x8xf32> {plan.name = "rows"}, %i: tensor<1xi32> {plan.name = "i"}) -> (tensor<1x2x4x8xf32> {plan.name = "y"}) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x2x4x8xf32>
  %cache = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x2x4x8xf32>) -> tensor<1x2x4x8xf32>
  %0 = attn.append %rows : tensor<1x2x1x8xf32> into %cache : tensor<1x2x4x8xf32> at %i : tensor<1xi32>
  return %0 : tensor<1x2x4x8xf32>
}
