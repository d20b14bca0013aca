// Scores that are capped softly are capped by an exponential and a reciprocal, with two constants, where weights of 16 bits
// do not show the difference: up to 64 for f16, up to 512 for bf16.
//
// RUN: sed 's/TYPE/bf16/g; s/CAP/50.0/' %s > %t.bf16.mlir
// RUN: heed-opt %t.bf16.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' -o %t.bf16.out
// RUN: FileCheck %s < %t.bf16.out
// RUN: heed-interpret %t.bf16.mlir %t.bf16.out --dim m=13 --dim n=21
// RUN: sed 's/TYPE/f16/g; s/CAP/50.0/' %s | heed-opt --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' | FileCheck %s
// RUN: sed 's/TYPE/bf16/g; s/CAP/600.0/' %s | heed-opt --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' | FileCheck %s --check-prefix=NOT
// RUN: sed 's/TYPE/f16/g; s/CAP/100.0/' %s | heed-opt --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' | FileCheck %s --check-prefix=NOT
// RUN: sed 's/TYPE/f32/g; s/CAP/50.0/' %s | heed-opt --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' | FileCheck %s --check-prefix=NOT
// Where infinities cannot be computed with, the cap stays as it is.
// RUN: heed-opt %t.bf16.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' | FileCheck %s --check-prefix=NOT

// 2 log2(e) 0.25 / 50.
// CHECK-DAG: %[[FACTOR:.*]] = arith.constant dense<0.0144269504>
// CHECK-DAG: %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<{{.*}}x{{.*}}xf32>
// CHECK-DAG: %[[TWICE:.*]] = arith.constant dense<-1.000000e+02>
// CHECK-DAG: %[[CAP:.*]] = arith.constant dense<5.000000e+01>
// CHECK-NOT: math.tanh
// CHECK: %[[X:.*]] = arith.mulf %{{.*}}, %[[FACTOR]]
// CHECK-NEXT: %[[GROWN:.*]] = math.exp2 %[[X]]
// CHECK-NEXT: %[[SUM:.*]] = arith.addf %[[GROWN]], %[[ONE]]
// CHECK-NEXT: %[[SHARE:.*]] = arith.divf %[[ONE]], %[[SUM]] fastmath<arcp,afn>
// CHECK-NEXT: math.fma %[[SHARE]], %[[TWICE]], %[[CAP]]
// CHECK-NOT: math.tanh
// NOT: math.tanh
func.func @main(%q: tensor<1x2x?x8xTYPE> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,8)>},
                %k: tensor<1x2x?x8xTYPE> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,2,n,8)>})
    -> (tensor<1x2x?x8xTYPE> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x2x?x8xTYPE>) key(%k : tensor<1x2x?x8xTYPE>) value(%k : tensor<1x2x?x8xTYPE>)
      scale 0.25 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index):
      %cap = arith.constant CAP : f32
      %small = arith.divf %s, %cap : f32
      %bent = math.tanh %small : f32
      %capped = arith.mulf %cap, %bent : f32
      attn.yield %capped : f32
    } -> tensor<1x2x?x8xTYPE>
  return %out : tensor<1x2x?x8xTYPE>
}
