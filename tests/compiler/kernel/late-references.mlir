// Where lanes hold the sums of groups, the reference that weights are relative to follows the greatest score late: when that exceeds
// it by more than 8 binary logarithms. What was summed before is rescaled then only, and by a part of its own.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped,canonicalize,cse)' -o %t
// RUN: FileCheck %s < %t
// Scores that hardly grow from block to block, that grow by about 8 logarithms, by far more, and that fall.
// RUN: heed-interpret %s %t --entry=growing --dim m=13 --dim n=150 --input=step=splat:0.125
// RUN: heed-interpret %s %t --entry=growing --dim m=13 --dim n=150 --input=step=splat:0.34
// RUN: heed-interpret %s %t --entry=growing --dim m=13 --dim n=150 --input=step=splat:3.0
// RUN: heed-interpret %s %t --entry=growing --dim m=13 --dim n=150 --input=step=splat:-2.0
// By another step in each row, beside rows whose first keys, or all, are masked.
// RUN: heed-interpret %s %t --entry=growing --dim m=20 --dim n=120 --input=step=random:-3:3
// RUN: heed-interpret %s %t --entry=masked --dim m=20 --dim n=120 --input=first=iota:-3 --input=sink=0.5,40
// RUN: heed-interpret %s %t --entry=masked --dim m=20 --dim n=60 --input=first=iota:45 --input=sink=-40,7
// RUN: heed-interpret %s %t --entry=scaled --dim m=9 --dim n=100
// Other machines follow in each block, where they multiply anyway.
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' | FileCheck %s --check-prefix=EACH
// EACH-NOT: tile.exceeds
// EACH-NOT: tile.part "rescale"

// CHECK-LABEL: tile.kernel @{{.*}}attend
// CHECK-DAG: %[[SLACK:.*]] = arith.constant dense<5.54517746>
// CHECK-DAG: %[[LN2:.*]] = arith.constant dense<0.693147182>
// CHECK: tile.part "normalise"
// CHECK: %[[LIMITS:.*]] = math.fma %[[REFERENCE:.*]], %[[LN2]], %[[SLACK]]
// CHECK: %[[SOME:.*]] = tile.exceeds %[[SCORES:.*]], %[[LIMITS]] along 1
// CHECK: scf.if %[[SOME]]
// CHECK: %[[GREATEST:.*]] = tile.reduce max %[[SCORES]] along 1
// CHECK: %[[BEYOND:.*]] = arith.cmpf ogt, %[[GREATEST]], %[[LIMITS]]
// CHECK: arith.select %[[BEYOND]], %{{.*}}, %[[REFERENCE]]
// CHECK: } else {
// CHECK-NOT: tile.reduce max
// Sums of weights stay in the lanes that made them until all blocks are done.
// CHECK-NOT: tile.reduce
// CHECK: tile.fold add %{{.*}} along 1
// CHECK-NOT: tile.reduce
// CHECK: tile.part "rescale"
// CHECK: scf.if
// CHECK: arith.mulf
// CHECK: } else {
// CHECK: tile.part "product"
// CHECK-NOT: arith.mulf
// CHECK: tile.dot
// CHECK: tile.reduce add %{{.*}} along 1 : tensor<{{[0-9]+}}x4xf32>
func.func @growing(%q: tensor<1x2x?x8xbf16> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,8)>},
                   %k: tensor<1x2x?x8xbf16> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,2,n,8)>},
                   %step: tensor<?xf32> {plan.name = "step", plan.shape = affine_map<()[m,n]->(m)>})
    -> (tensor<1x2x?x8xbf16> {plan.name = "out"}, tensor<1x2x?xf32> {plan.name = "lse"}) attributes {plan.symbols = ["m", "n"]} {
  %out, %lse = attn.attend query(%q : tensor<1x2x?x8xbf16>) key(%k : tensor<1x2x?x8xbf16>) value(%k : tensor<1x2x?x8xbf16>)
      captures(%step : tensor<?xf32>) scale 0.25 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %steps: tensor<?xf32>):
      %narrow = arith.index_cast %key : index to i32
      %number = arith.sitofp %narrow : i32 to f32
      %of_row = tensor.extract %steps[%row] : tensor<?xf32>
      %height = arith.mulf %number, %of_row : f32
      %sum = arith.addf %s, %height : f32
      attn.yield %sum : f32
    } -> tensor<1x2x?x8xbf16>, lse tensor<1x2x?xf32>
  return %out, %lse : tensor<1x2x?x8xbf16>, tensor<1x2x?xf32>
}

// A row whose keys are masked follows when it sees one; one that sees none has the sink alone. What a region makes of weights is
// relative to the same reference.
func.func @masked(%q: tensor<1x2x?x8xbf16> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,8)>},
                  %k: tensor<1x2x?x8xbf16> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,2,n,8)>},
                  %first: tensor<?xi32> {plan.name = "first", plan.shape = affine_map<()[m,n]->(m)>},
                  %sink: tensor<2xf32> {plan.name = "sink"})
    -> (tensor<1x2x?x8xbf16> {plan.name = "out"}, tensor<1x2x?xf32> {plan.name = "lse"}) attributes {plan.symbols = ["m", "n"]} {
  %out, %lse = attn.attend query(%q : tensor<1x2x?x8xbf16>) key(%k : tensor<1x2x?x8xbf16>) value(%k : tensor<1x2x?x8xbf16>)
      sink(%sink : tensor<2xf32>) captures(%first : tensor<?xi32>) scale 4.0 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %firsts: tensor<?xi32>):
      %number = tensor.extract %firsts[%row] : tensor<?xi32>
      %from = arith.index_cast %number : i32 to index
      %seen = arith.cmpi sge, %key, %from : index
      attn.yield %seen : i1
    } prob {
    ^bb0(%p: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %firsts: tensor<?xi32>):
      %half = arith.constant 0.5 : f32
      %less = arith.mulf %p, %half : f32
      attn.yield %less : f32
    } -> tensor<1x2x?x8xbf16>, lse tensor<1x2x?xf32>
  return %out, %lse : tensor<1x2x?x8xbf16>, tensor<1x2x?xf32>
}

// The scale is in the unit of the reference, and in that of the limit.
// CHECK-LABEL: tile.kernel @{{.*}}attend
// CHECK-LABEL: tile.kernel @{{.*}}attend
// CHECK-DAG: arith.constant dense<0.0866433978>
// CHECK-DAG: arith.constant dense<0.693147182>
func.func @scaled(%q: tensor<1x2x?x8xbf16> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,8)>},
                  %k: tensor<1x2x?x8xbf16> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,2,n,8)>})
    -> (tensor<1x2x?x8xbf16> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x2x?x8xbf16>) key(%k : tensor<1x2x?x8xbf16>) value(%k : tensor<1x2x?x8xbf16>)
      scale 8.0 -> tensor<1x2x?x8xbf16>
  return %out : tensor<1x2x?x8xbf16>
}
