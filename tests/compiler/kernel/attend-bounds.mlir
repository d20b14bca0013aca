// Masks that ask for equal labels of rows and keys: a kernel before attention finds, for each 64 rows, the first and the last
// key that can have their labels. Blocks have 4 rows and 8 keys.
//
// RUN: split-file %s %t
// RUN: heed-opt %t/documents.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-bounded,canonicalize,cse)' -o %t/documents.out
// RUN: FileCheck %t/documents.mlir < %t/documents.out

// Documents of 40, 30 and 60: rows 0 to 63 are of the first two and see keys 0 to 69, the nine blocks to 71; rows 64 to 127 of
// the last two see keys 40 to 129, blocks 5 to 16; rows 128 and 129 see keys 70 to 129, blocks 8 to 16. In each of two heads
// 16 blocks of rows see 9 blocks of keys, 16 see 12, one sees 9. Labels in any order; two batches; no keys.
// RUN: heed-interpret %t/documents.mlir %t/documents.out --dim b=1 --dim n=130 --input=labels=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2 --counters | FileCheck %s --check-prefix=PACKED
// RUN: heed-interpret %t/documents.mlir %t/documents.out --dim b=1 --dim n=130 --input=labels=0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/documents.mlir %t/documents.out --dim b=2 --dim n=5 --input=labels=3,3,3,3,3,1,2,3,4,5 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/documents.mlir %t/documents.out --dim b=1 --dim n=0 | FileCheck %s --check-prefix=EQUAL
// PACKED: launches 2, {{.*}}key blocks 690,
// PACKED: equal
// EQUAL: equal

// With another condition beside, both count: rows see no later key either. Labels that are needed only here and there bound
// nothing, and neither do labels of other things.
// RUN: heed-opt %t/causal.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-bounded,canonicalize,cse)' -o %t/causal.out
// RUN: heed-interpret %t/causal.mlir %t/causal.out --dim b=1 --dim n=130 --input=labels=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/causal.mlir %t/causal.out --dim b=1 --dim n=130 --input=labels=0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-opt %t/others.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-bounded,canonicalize,cse)' | FileCheck %t/others.mlir

// Where lanes hold the scores, masks are passes over them: rows of one label, which all keys between have, see a range of keys and
// compare no labels. Documents of 67, 35 and 28: rows 0 to 63 and 128 to 129 are such, the others not. Labels in any order,
// labels that come back, rows and keys of no batch.
// RUN: heed-opt %t/documents.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped,canonicalize,cse)' -o %t/documents.grouped
// RUN: FileCheck %t/documents.mlir --check-prefix=PASSES < %t/documents.grouped
// RUN: heed-interpret %t/documents.mlir %t/documents.grouped --dim b=1 --dim n=130 --input=labels=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/documents.mlir %t/documents.grouped --dim b=1 --dim n=130 --input=labels=0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/documents.mlir %t/documents.grouped --dim b=1 --dim n=130 --input=labels=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1,1 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/documents.mlir %t/documents.grouped --dim b=2 --dim n=5 --input=labels=3,3,3,3,3,1,2,3,4,5 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/documents.mlir %t/documents.grouped --dim b=1 --dim n=0 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-opt %t/causal.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped,canonicalize,cse)' -o %t/causal.grouped
// RUN: heed-interpret %t/causal.mlir %t/causal.grouped --dim b=1 --dim n=130 --input=labels=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/causal.mlir %t/causal.grouped --dim b=1 --dim n=130 --input=labels=0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3,0,2,4,1,3 | FileCheck %s --check-prefix=EQUAL

// Blocks of 32 keys start at a multiple of 8 near the first key that rows see. Documents of 60, 76 and 14: rows 0 to 63 see keys 0 to
// 135 in 5 blocks, rows 64 to 127 keys 60 to 135 in 3, from 56 on, and rows 128 to 149 keys 60 to 149 in 3; in each of two heads.
// From multiples of 32 on they would be 5, 4 and 4.
// RUN: heed-opt %t/documents.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped-wide,canonicalize,cse)' -o %t/documents.wide
// RUN: heed-interpret %t/documents.mlir %t/documents.wide --dim b=1 --dim n=150 --input=labels=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2,2,2,2,2,2,2,2,2,2,2,2,2,2 --counters | FileCheck %s --check-prefix=WIDE
// WIDE: launches 2, {{.*}}key blocks 22,
// WIDE: equal

//--- documents.mlir
// CHECK: tile.kernel @k0_attend_bounds(
// CHECK: tile.reduce min
// CHECK: tile.reduce max
// CHECK: tile.kernel @k0_attend(
// CHECK: %[[FOUND:.*]]:3 = plan.launch attend "attend.bounds" @k0_attend_bounds(
// CHECK-SAME: tensor<?x?xi32>, tensor<?x?xi32>, tensor<?x?xi32>
// CHECK: plan.launch attend "attend" @k0_attend({{.*}}%[[FOUND]]#0, %[[FOUND]]#1, %[[FOUND]]#2)
// PASSES: tile.kernel @k0_attend(
// PASSES: tile.part "mask"
// PASSES-DAG: %[[ENDS:.*]] = arith.cmpi slt, %{{.*}}, %c8
// PASSES-DAG: %[[STARTS:.*]] = arith.cmpi slt, %arg12, %
// PASSES-DAG: %[[MIXED:.*]] = arith.cmpi ne, %{{.*}}, %c1
// PASSES: scf.if %[[ENDS]]
// PASSES: arith.cmpi slt, %{{.*}} : tensor<8xi32>
// PASSES: scf.if %[[STARTS]]
// PASSES: arith.cmpi sge, %{{.*}} : tensor<8xi32>
// PASSES-NOT: tile.load
// PASSES: scf.if %[[MIXED]]
// PASSES: tile.load %{{.*}} -> tensor<64xi32>
// PASSES: tile.load %{{.*}} -> tensor<8xi32>
// PASSES: arith.cmpi eq, %{{.*}} : tensor<64x8xi32>
func.func @main(%q: tensor<?x2x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[b,n]->(b,2,n,8)>},
                %k: tensor<?x2x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[b,n]->(b,2,n,8)>},
                %labels: tensor<?x?xi32> {plan.name = "labels", plan.shape = affine_map<()[b,n]->(b,n)>})
    -> (tensor<?x2x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["b", "n"]} {
  %out = attn.attend query(%q : tensor<?x2x?x8xf32>) key(%k : tensor<?x2x?x8xf32>) value(%k : tensor<?x2x?x8xf32>)
      captures(%labels : tensor<?x?xi32>) scale 0.3 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %of: tensor<?x?xi32>):
      %ofRow = tensor.extract %of[%b, %row] : tensor<?x?xi32>
      %ofKey = tensor.extract %of[%b, %key] : tensor<?x?xi32>
      %c = arith.cmpi eq, %ofKey, %ofRow : i32
      attn.yield %c : i1
    } -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}

//--- causal.mlir
func.func @main(%q: tensor<?x2x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[b,n]->(b,2,n,8)>},
                %k: tensor<?x2x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[b,n]->(b,2,n,8)>},
                %labels: tensor<?x?xi64> {plan.name = "labels", plan.shape = affine_map<()[b,n]->(b,n)>})
    -> (tensor<?x2x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["b", "n"]} {
  %out = attn.attend query(%q : tensor<?x2x?x8xf32>) key(%k : tensor<?x2x?x8xf32>) value(%k : tensor<?x2x?x8xf32>)
      captures(%labels : tensor<?x?xi64>) scale 0.3 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %of: tensor<?x?xi64>):
      %past = arith.cmpi sle, %key, %pos : index
      %ofRow = tensor.extract %of[%b, %row] : tensor<?x?xi64>
      %ofKey = tensor.extract %of[%b, %key] : tensor<?x?xi64>
      %same = arith.cmpi eq, %ofRow, %ofKey : i64
      %c = arith.andi %past, %same : i1
      attn.yield %c : i1
    } -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}

//--- others.mlir
// CHECK-NOT: bounds
func.func @main(%q: tensor<?x2x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[b,n]->(b,2,n,8)>},
                %k: tensor<?x2x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[b,n]->(b,2,n,8)>},
                %labels: tensor<?x?xi32> {plan.name = "labels", plan.shape = affine_map<()[b,n]->(2,n)>})
    -> (tensor<?x2x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["b", "n"]} {
  %out = attn.attend query(%q : tensor<?x2x?x8xf32>) key(%k : tensor<?x2x?x8xf32>) value(%k : tensor<?x2x?x8xf32>)
      captures(%labels : tensor<?x?xi32>) scale 0.3 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %of: tensor<?x?xi32>):
      %past = arith.cmpi sle, %key, %pos : index
      %ofRow = tensor.extract %of[%b, %row] : tensor<?x?xi32>
      %ofKey = tensor.extract %of[%b, %key] : tensor<?x?xi32>
      %same = arith.cmpi eq, %ofRow, %ofKey : i32
      %either = arith.ori %past, %same : i1
      %ofHead = tensor.extract %of[%h, %key] : tensor<?x?xi32>
      %alike = arith.cmpi eq, %ofRow, %ofHead : i32
      %c = arith.andi %either, %alike : i1
      attn.yield %c : i1
    } -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}
