// RUN: heed-opt %s --annotate-shapes --split-input-file | FileCheck %s

// CHECK-DAG: #[[SPLIT:.*]] = affine_map<()[s0, s1] -> (s0, s1, 12, 64)>
// CHECK-DAG: #[[TOKENS:.*]] = affine_map<()[s0, s1] -> (s0 * s1, 768)>
// CHECK-LABEL: func.func @split_heads_and_back
func.func @split_heads_and_back(%x: tensor<?x?x768xf32> {plan.name = "x", plan.shape = affine_map<()[s0, s1] -> (s0, s1, 768)>}) -> tensor<?x768xf32> attributes {plan.symbols = ["batch", "sequence"]} {
  %b = plan.symbol "batch"
  %s = plan.symbol "sequence"
  // CHECK: tensor.expand_shape {{.*}} {heed.shape = [#[[SPLIT]]]}
  %0 = tensor.expand_shape %x [[0], [1], [2, 3]] output_shape [%b, %s, 12, 64] : tensor<?x?x768xf32> into tensor<?x?x12x64xf32>
  // CHECK: tensor.collapse_shape {{.*}} {heed.shape = [#[[TOKENS]]]}
  %1 = tensor.collapse_shape %0 [[0, 1], [2, 3]] : tensor<?x?x12x64xf32> into tensor<?x768xf32>
  return %1 : tensor<?x768xf32>
}

// -----

// A size computed by the shape arithmetic of an export: (batch * sequence * 12 * 64) / (12 * 64) / sequence is batch.
// CHECK: #[[MAP:.*]] = affine_map<()[s0, s1] -> (s0, s1 * 2 + 1)>
// CHECK-LABEL: func.func @arithmetic_on_sizes
func.func @arithmetic_on_sizes(%x: tensor<?x?xf32> {plan.shape = affine_map<()[s0, s1] -> (s0 * s1, 768)>}) -> tensor<?x?xf32> attributes {plan.symbols = ["batch", "sequence"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : i64
  %c2 = arith.constant 2 : i64
  %c768 = arith.constant 768 : index
  %s = plan.symbol "sequence"
  %rows = tensor.dim %x, %c0 : tensor<?x?xf32>
  %all = arith.muli %rows, %c768 : index
  %part = arith.floordivsi %all, %c768 : index
  %batch = arith.divsi %part, %s : index
  %si = arith.index_cast %s : index to i64
  %double = arith.muli %si, %c2 : i64
  %odd = arith.addi %double, %c1 : i64
  %length = arith.index_cast %odd : i64 to index
  // CHECK: tensor.empty{{.*}} {heed.shape = [#[[MAP]]]}
  %0 = tensor.empty(%batch, %length) : tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// CHECK: #[[SUM:.*]] = affine_map<()[s0, s1] -> (s0, s0 + s1)>
// CHECK-LABEL: func.func @joined_slices
func.func @joined_slices(%x: tensor<?x?xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, s1)>}) -> tensor<?x?xf32> attributes {plan.symbols = ["rows", "columns"]} {
  %r = plan.symbol "rows"
  %0 = tensor.extract_slice %x[0, 0] [%r, %r] [1, 1] : tensor<?x?xf32> to tensor<?x?xf32>
  // CHECK: tensor.concat {{.*}} {heed.shape = [#[[SUM]]]}
  %1 = tensor.concat dim(1) %0, %x : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// -----

// CHECK: #[[OUT:.*]] = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 32)>
// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<?x8x?x64xf32> {plan.shape = affine_map<()[s0, s1, s2] -> (s0, 8, s1, 64)>}, %k: tensor<?x2x?x64xf32> {plan.shape = affine_map<()[s0, s1, s2] -> (s0, 2, s2, 64)>}, %v: tensor<?x2x?x32xf32> {plan.shape = affine_map<()[s0, s1, s2] -> (s0, 2, s2, 32)>}) -> tensor<?x8x?x32xf32> attributes {plan.symbols = ["batch", "rows", "keys"]} {
  // CHECK: attn.attend {{.*}} attributes {heed.shape = [#[[OUT]]]}
  %0 = attn.attend query(%q : tensor<?x8x?x64xf32>) key(%k : tensor<?x2x?x64xf32>) value(%v : tensor<?x2x?x32xf32>) scale 0.125 -> tensor<?x8x?x32xf32>
  return %0 : tensor<?x8x?x32xf32>
}

// -----

// The init does not say how long it is; the operands do.
// CHECK: #[[LOOPS:.*]] = affine_map<()[s0, s1] -> (s1, s0)>
// CHECK-LABEL: func.func @sizes_of_loops
func.func @sizes_of_loops(%x: tensor<?x?xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, s1)>}, %unknown: tensor<?x?xf32>) -> tensor<?x?xf32> attributes {plan.symbols = ["rows", "columns"]} {
  // CHECK: linalg.generic {{.*}} {heed.shape = [#[[LOOPS]]]}
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x?xf32>) outs(%unknown : tensor<?x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func.func @unknown_stays_unknown
func.func @unknown_stays_unknown(%x: tensor<?xf32>, %n: index) -> tensor<?xf32> {
  // CHECK-NOT: heed.shape
  %0 = tensor.empty(%n) : tensor<?xf32>
  return %0 : tensor<?xf32>
}
