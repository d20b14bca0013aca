// Where lanes hold the scores of groups and weights have 16 bits, sums of products begin with what a score region adds, divided
// by the scale, if that is a number of the head times something made of places.
//
// RUN: sed 's/TYPE/bf16/g; s/OP/addf/' %s > %t.added.mlir
// RUN: heed-opt %t.added.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped,canonicalize,cse)' -o %t.added.out
// RUN: FileCheck %s --check-prefixes=CHECK,ADDED < %t.added.out
// RUN: heed-interpret %t.added.mlir %t.added.out --dim m=13 --dim n=21
// RUN: sed 's/TYPE/bf16/g; s/OP/subf/' %s > %t.subtracted.mlir
// RUN: heed-opt %t.subtracted.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped,canonicalize,cse)' -o %t.subtracted.out
// RUN: FileCheck %s --check-prefixes=CHECK,SUBTRACTED < %t.subtracted.out
// RUN: heed-interpret %t.subtracted.mlir %t.subtracted.out --dim m=13 --dim n=21
// Weights of 32 bits show what the sums round, other machines add afterwards, and what is more than a ramp is added afterwards.
// RUN: sed 's/TYPE/f32/g; s/OP/addf/' %s | heed-opt --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped,canonicalize,cse)' | FileCheck %s --check-prefix=NOT
// RUN: heed-opt %t.added.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' | FileCheck %s --check-prefix=NOT
// RUN: sed 's/TYPE/bf16/g; s/OP/mulf/' %s | heed-opt --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped,canonicalize,cse)' | FileCheck %s --check-prefix=NOT
// RUN: sed 's/TYPE/bf16/g; s/OP/addf/; s/%%slope, %%number/%%s, %%number/' %s | heed-opt --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped,canonicalize,cse)' | FileCheck %s --check-prefix=NOT

// ADDED-DAG: %[[SHARE:.*]] = arith.constant 4.000000e+00 : f32
// SUBTRACTED-DAG: %[[SHARE:.*]] = arith.constant -4.000000e+00 : f32
// CHECK: %[[SLOPE:.*]] = memref.load
// CHECK: %[[STEEPER:.*]] = arith.mulf %[[SLOPE]], %[[SHARE]] : f32
// CHECK: tile.part "scores"
// CHECK-DAG: %[[FACTOR:.*]] = tile.splat %[[STEEPER]]
// CHECK-DAG: %[[DISTANCE:.*]] = arith.sitofp
// CHECK: %[[RAMP:.*]] = arith.mulf %[[FACTOR]], %[[DISTANCE]] fastmath<reassoc>
// CHECK: tile.dot %{{.*}}, %{{.*}}, %[[RAMP]]
// CHECK: tile.part "mask"
// CHECK-NOT: math.fma
// CHECK: tile.part "normalise"
// NOT: tile.part "scores"
// NOT-NOT: sitofp
// NOT: tile.part "mask"
func.func @main(%q: tensor<1x2x?x8xTYPE> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,8)>},
                %k: tensor<1x2x?x8xTYPE> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,2,n,8)>},
                %slopes: tensor<2xf32> {plan.name = "slopes"})
    -> (tensor<1x2x?x8xTYPE> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x2x?x8xTYPE>) key(%k : tensor<1x2x?x8xTYPE>) value(%k : tensor<1x2x?x8xTYPE>)
      captures(%slopes : tensor<2xf32>) scale 0.25 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %all: tensor<2xf32>):
      %slope = tensor.extract %all[%h] : tensor<2xf32>
      %distance = arith.subi %key, %pos : index
      %narrow = arith.index_cast %distance : index to i32
      %number = arith.sitofp %narrow : i32 to f32
      %ramp = arith.mulf %slope, %number : f32
      %changed = arith.OP %s, %ramp : f32
      attn.yield %changed : f32
    } keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %all: tensor<2xf32>):
      %c = arith.cmpi sle, %key, %pos : index
      attn.yield %c : i1
    } -> tensor<1x2x?x8xTYPE>
  return %out : tensor<1x2x?x8xTYPE>
}
