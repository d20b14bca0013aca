// What a score region adds to a score and follows from the distance of the key from the row is what the product starts
// from, divided by the scale, where lanes hold the scores of groups and weights have 16 bits. Nothing comes between the product and the softmax then, so
// that the scale is in the constant of the exponentials: log2(e) / 4.
//
// RUN: split-file %s %t
// RUN: heed-opt %t/starts.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped,canonicalize,cse)' -o %t/starts.out
// RUN: FileCheck %t/starts.mlir < %t/starts.out
// RUN: heed-interpret %t/starts.mlir %t/starts.out --entry=table --dim m=13 --dim n=21
// RUN: heed-interpret %t/starts.mlir %t/starts.out --entry=several --dim m=13 --dim n=21 --input=offset=3,8
// RUN: heed-opt %t/others.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-grouped,canonicalize,cse)' -o %t/others.out
// RUN: FileCheck %t/others.mlir < %t/others.out
// RUN: heed-interpret %t/others.mlir %t/others.out --entry=of_row --dim m=13 --dim n=21
// RUN: heed-interpret %t/others.mlir %t/others.out --entry=grown --dim m=13 --dim n=21
// RUN: heed-interpret %t/others.mlir %t/others.out --entry=twice --dim m=13 --dim n=21
// Other machines add them.
// RUN: heed-opt %t/starts.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' | FileCheck %s --check-prefix=NOT
// NOT: tile.part "scores"
// NOT: tile.dot %{{.*}}, %{{.*}}, %cst
// NOT: tile.part "mask"
// NOT: tile.part "scores"
// NOT: tile.dot %{{.*}}, %{{.*}}, %cst
// NOT: tile.part "mask"

//--- starts.mlir

// CHECK-LABEL: tile.kernel @{{.*}}attend
// CHECK-DAG: %[[UNIT:.*]] = arith.constant dense<0.360673755> : tensor<{{[0-9]+}}x{{[0-9]+}}xf32>
// CHECK-DAG: %[[PER_SCALE:.*]] = arith.constant dense<4.000000e+00>
// CHECK: tile.part "scores"
// CHECK: %[[TERM:.*]] = tile.gather
// CHECK: %[[FIRST:.*]] = arith.mulf %[[TERM]], %[[PER_SCALE]]
// CHECK: tile.dot %{{.*}}, %{{.*}}, %[[FIRST]]
// CHECK: tile.part "mask"
// CHECK-NOT: tile.gather
// CHECK: tile.part "normalise"
// CHECK: math.fma %{{.*}}, %[[UNIT]], %{{.*}}
func.func @table(%q: tensor<1x2x?x8xbf16> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,8)>},
                 %k: tensor<1x2x?x8xbf16> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,2,n,8)>},
                 %t: tensor<2x16xf32> {plan.name = "t", plan.shape = affine_map<()[m,n]->(2,16)>})
    -> (tensor<1x2x?x8xbf16> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x2x?x8xbf16>) key(%k : tensor<1x2x?x8xbf16>) value(%k : tensor<1x2x?x8xbf16>)
      captures(%t : tensor<2x16xf32>) scale 0.25 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %table: tensor<2x16xf32>):
      %zero = arith.constant 0 : index
      %most = arith.constant 15 : index
      %back = arith.subi %row, %key : index
      %positive = arith.maxsi %back, %zero : index
      %distance = arith.minsi %positive, %most : index
      %entry = tensor.extract %table[%h, %distance] : tensor<2x16xf32>
      %sum = arith.addf %s, %entry : f32
      attn.yield %sum : f32
    } -> tensor<1x2x?x8xbf16>
  return %out : tensor<1x2x?x8xbf16>
}

// Several terms, on both sides and subtracted, and one that is the same everywhere; distances from positions, numbers of
// other types.
// CHECK-LABEL: tile.kernel @{{.*}}attend
// CHECK: tile.part "scores"
// CHECK: %[[TERM:.*]] = arith.addf
// CHECK-NEXT: %[[FIRST:.*]] = arith.mulf %[[TERM]]
// CHECK-NEXT: tile.dot %{{.*}}, %{{.*}}, %[[FIRST]]
func.func @several(%q: tensor<2x2x?x8xbf16> {plan.name = "q", plan.shape = affine_map<()[m,n]->(2,2,m,8)>},
                   %k: tensor<2x2x?x8xbf16> {plan.name = "k", plan.shape = affine_map<()[m,n]->(2,2,n,8)>},
                   %offset: tensor<2xi32> {plan.name = "offset"}, %t: tensor<2xf32> {plan.name = "t"})
    -> (tensor<2x2x?x8xbf16> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<2x2x?x8xbf16>) key(%k : tensor<2x2x?x8xbf16>) value(%k : tensor<2x2x?x8xbf16>)
      q_offset(%offset : tensor<2xi32>) captures(%t : tensor<2xf32>) scale 0.25 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %slopes: tensor<2xf32>):
      %ahead = arith.subi %key, %pos : index
      %narrow = arith.index_cast %ahead : index to i32
      %number = arith.sitofp %narrow : i32 to f32
      %slope = tensor.extract %slopes[%h] : tensor<2xf32>
      %ramp = arith.mulf %slope, %number : f32
      %far = math.absi %narrow : i32
      %other = arith.sitofp %far : i32 to f32
      %left = arith.addf %ramp, %s : f32
      %both = arith.subf %left, %other : f32
      %sum = arith.addf %both, %slope : f32
      attn.yield %sum : f32
    } -> tensor<2x2x?x8xbf16>
  return %out : tensor<2x2x?x8xbf16>
}

//--- others.mlir

// A term of the row, a score that is changed otherwise, and one that counts twice.
// CHECK: tile.part "scores"
// CHECK: tile.dot %{{.*}}, %{{.*}}, %cst
// CHECK: tile.part "mask"
func.func @of_row(%q: tensor<1x2x?x8xbf16> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,8)>},
                  %k: tensor<1x2x?x8xbf16> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,2,n,8)>})
    -> (tensor<1x2x?x8xbf16> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x2x?x8xbf16>) key(%k : tensor<1x2x?x8xbf16>) value(%k : tensor<1x2x?x8xbf16>)
      scale 0.25 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index):
      %both = arith.addi %row, %key : index
      %narrow = arith.index_cast %both : index to i32
      %number = arith.sitofp %narrow : i32 to f32
      %sum = arith.addf %s, %number : f32
      attn.yield %sum : f32
    } -> tensor<1x2x?x8xbf16>
  return %out : tensor<1x2x?x8xbf16>
}
// CHECK: tile.part "scores"
// CHECK: tile.dot %{{.*}}, %{{.*}}, %cst
// CHECK: tile.part "mask"
func.func @grown(%q: tensor<1x2x?x8xbf16> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,8)>},
                 %k: tensor<1x2x?x8xbf16> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,2,n,8)>})
    -> (tensor<1x2x?x8xbf16> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x2x?x8xbf16>) key(%k : tensor<1x2x?x8xbf16>) value(%k : tensor<1x2x?x8xbf16>)
      scale 0.25 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index):
      %ahead = arith.subi %key, %row : index
      %narrow = arith.index_cast %ahead : index to i32
      %number = arith.sitofp %narrow : i32 to f32
      %bent = math.tanh %s : f32
      %sum = arith.addf %bent, %number : f32
      attn.yield %sum : f32
    } -> tensor<1x2x?x8xbf16>
  return %out : tensor<1x2x?x8xbf16>
}
// CHECK: tile.part "scores"
// CHECK: tile.dot %{{.*}}, %{{.*}}, %cst
// CHECK: tile.part "mask"
func.func @twice(%q: tensor<1x2x?x8xbf16> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,8)>},
                 %k: tensor<1x2x?x8xbf16> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,2,n,8)>})
    -> (tensor<1x2x?x8xbf16> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x2x?x8xbf16>) key(%k : tensor<1x2x?x8xbf16>) value(%k : tensor<1x2x?x8xbf16>)
      scale 0.25 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index):
      %sum = arith.addf %s, %s : f32
      attn.yield %sum : f32
    } -> tensor<1x2x?x8xbf16>
  return %out : tensor<1x2x?x8xbf16>
}
// Weights of 32 bits would show how often sums are rounded.
// CHECK: tile.part "scores"
// CHECK: tile.dot %{{.*}}, %{{.*}}, %cst
// CHECK: tile.part "mask"
func.func @wide(%q: tensor<1x2x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,8)>},
                %k: tensor<1x2x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,2,n,8)>})
    -> (tensor<1x2x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x2x?x8xf32>) key(%k : tensor<1x2x?x8xf32>) value(%k : tensor<1x2x?x8xf32>)
      scale 0.25 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index):
      %ahead = arith.subi %key, %row : index
      %narrow = arith.index_cast %ahead : index to i32
      %number = arith.sitofp %narrow : i32 to f32
      %sum = arith.addf %s, %number : f32
      attn.yield %sum : f32
    } -> tensor<1x2x?x8xf32>
  return %out : tensor<1x2x?x8xf32>
}
