// Key blocks that the mask rule empties are not visited. Blocks are 4 rows by 8 keys; the counts are worked out by hand.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t
// RUN: heed-interpret %s %t --entry=causal --dim m=16 --dim n=32 --counters | FileCheck %s --check-prefix=CAUSAL
// RUN: heed-interpret %s %t --entry=window --dim m=16 --dim n=32 --input=w=3 --counters | FileCheck %s --check-prefix=WINDOW
// RUN: heed-interpret %s %t --entry=window --dim m=16 --dim n=32 --input=w=100 --counters | FileCheck %s --check-prefix=WIDE
// RUN: heed-interpret %s %t --entry=prefix --dim m=16 --dim n=32 --input=p=24 --counters | FileCheck %s --check-prefix=PREFIX
// RUN: heed-interpret %s %t --entry=gap --dim m=16 --dim n=32 --counters | FileCheck %s --check-prefix=GAP
// RUN: heed-interpret %s %t --entry=tensor_mask --dim m=16 --dim n=32 --counters | FileCheck %s --check-prefix=ALL

// Rows 0-3 and 4-7 reach key block 0, rows 8-11 and 12-15 blocks 0 and 1.
// CAUSAL: launches 1, {{.*}}key blocks 6,
func.func @causal(%q: tensor<1x1x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,1,m,8)>},
                  %k: tensor<1x1x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,1,n,8)>})
    -> (tensor<1x1x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x1x?x8xf32>) key(%k : tensor<1x1x?x8xf32>) value(%k : tensor<1x1x?x8xf32>)
      scale 0.3 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
      %c = arith.cmpi sge, %pos, %key : index
      attn.yield %c : i1
    } -> tensor<1x1x?x8xf32>
  return %out : tensor<1x1x?x8xf32>
}

// Keys row-2 .. row: rows 0-3 and 4-7 in block 0, rows 8-11 in blocks 0 (keys 6, 7) and 1, rows 12-15 in block 1.
// WINDOW: launches 1, {{.*}}key blocks 5,
// WIDE: launches 1, {{.*}}key blocks 6,
func.func @window(%q: tensor<1x1x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,1,m,8)>},
                  %k: tensor<1x1x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,1,n,8)>},
                  %w: tensor<i64> {plan.name = "w"})
    -> (tensor<1x1x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x1x?x8xf32>) key(%k : tensor<1x1x?x8xf32>) value(%k : tensor<1x1x?x8xf32>)
      captures(%w : tensor<i64>) scale 0.3 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %size: tensor<i64>):
      %c = arith.cmpi sle, %key, %pos : index
      %width = tensor.extract %size[] : tensor<i64>
      %wide = arith.index_cast %width : i64 to index
      %distance = arith.subi %pos, %key : index
      %near = arith.cmpi slt, %distance, %wide : index
      %both = arith.andi %c, %near : i1
      attn.yield %both : i1
    } -> tensor<1x1x?x8xf32>
  return %out : tensor<1x1x?x8xf32>
}

// A prefix of 24 keys for every row, or causal: blocks 0 to 2 for all.
// PREFIX: launches 1, {{.*}}key blocks 12,
func.func @prefix(%q: tensor<1x1x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,1,m,8)>},
                  %k: tensor<1x1x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,1,n,8)>},
                  %p: tensor<i64> {plan.name = "p"})
    -> (tensor<1x1x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x1x?x8xf32>) key(%k : tensor<1x1x?x8xf32>) value(%k : tensor<1x1x?x8xf32>)
      captures(%p : tensor<i64>) scale 0.3 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %size: tensor<i64>):
      %c = arith.cmpi sle, %key, %pos : index
      %width = tensor.extract %size[] : tensor<i64>
      %wide = arith.index_cast %width : i64 to index
      %first = arith.cmpi slt, %key, %wide : index
      %either = arith.ori %c, %first : i1
      attn.yield %either : i1
    } -> tensor<1x1x?x8xf32>
  return %out : tensor<1x1x?x8xf32>
}

// The first 8 keys, or keys beyond position + 16: the blocks between are inside the hull, yet skipped. Rows 0-3 and 4-7
// see block 0 and, from key 17 on, blocks 2 and 3; rows 8-11 blocks 0 and 3; rows 12-15 (beyond 28) blocks 0 and 3.
// GAP: launches 1, {{.*}}key blocks 10,
func.func @gap(%q: tensor<1x1x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,1,m,8)>},
               %k: tensor<1x1x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,1,n,8)>})
    -> (tensor<1x1x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x1x?x8xf32>) key(%k : tensor<1x1x?x8xf32>) value(%k : tensor<1x1x?x8xf32>)
      scale 0.3 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
      %c8 = arith.constant 8 : index
      %c16 = arith.constant 16 : index
      %first = arith.cmpi slt, %key, %c8 : index
      %start = arith.addi %pos, %c16 : index
      %late = arith.cmpi sgt, %key, %start : index
      %either = arith.ori %first, %late : i1
      attn.yield %either : i1
    } -> tensor<1x1x?x8xf32>
  return %out : tensor<1x1x?x8xf32>
}

// ALL: launches 1, {{.*}}key blocks 16,
func.func @tensor_mask(%q: tensor<1x1x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,1,m,8)>},
                       %k: tensor<1x1x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,1,n,8)>},
                       %mask: tensor<?xi1> {plan.name = "mask", plan.shape = affine_map<()[m,n]->(n)>})
    -> (tensor<1x1x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x1x?x8xf32>) key(%k : tensor<1x1x?x8xf32>) value(%k : tensor<1x1x?x8xf32>)
      captures(%mask : tensor<?xi1>) scale 0.3 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %m: tensor<?xi1>):
      %c = tensor.extract %m[%key] : tensor<?xi1>
      attn.yield %c : i1
    } -> tensor<1x1x?x8xf32>
  return %out : tensor<1x1x?x8xf32>
}
