// RUN: heed-opt %s --specialise-symbols="dims=rows=4,window=3" --verify-each -o %t
// RUN: FileCheck %s < %t
// RUN: heed-interpret %s %t --entry=attention --dim batch=2 --dim rows=4
// RUN: heed-interpret %s %t --entry=sizes_said_twice --dim batch=3 --dim rows=4
// RUN: heed-interpret %s %t --entry=given_by_a_host_scalar --dim batch=2 --input=window=3
// RUN: sh -c "heed-opt %s --specialise-symbols=dims=rows=2 2>&1; true" | FileCheck %s --check-prefix=BROKEN
// BROKEN: the values given for the symbols break a constraint: "at least three rows"
// RUN: sh -c "heed-opt %s --specialise-symbols=dims=rows 2>&1; true" | FileCheck %s --check-prefix=USAGE
// USAGE: dims needs NAME=VALUE, got rows

// CHECK-LABEL: func.func @attention
// CHECK-SAME: %[[Q:.*]]: tensor<?x2x4x8xf32> {plan.name = "q", plan.shape = affine_map<()[s0] -> (s0, 2, 4, 8)>}
// CHECK-SAME: tensor<4x4xf32> {plan.shape = affine_map<()[s0] -> (4, 4)>}) -> (tensor<?x2x4x8xf32>
// CHECK-SAME: plan.symbols = ["batch"]
func.func @attention(
    %q: tensor<?x2x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[s0, s1] -> (s0, 2, s1, 8)>},
    %bias: tensor<?x?xf32> {plan.shape = affine_map<()[s0, s1] -> (s1, s1)>})
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?xf32>) attributes {plan.symbols = ["batch", "rows"]} {
  // CHECK: attn.attend query(%[[Q]] : tensor<?x2x4x8xf32>) {{.*}} captures({{.*}} : tensor<4x4xf32>)
  // CHECK: ^bb0({{.*}}: tensor<4x4xf32>)
  // CHECK: -> tensor<?x2x4x8xf32>, lse tensor<?x2x4xf32>
  %out, %lse = attn.attend query(%q : tensor<?x2x?x8xf32>) key(%q : tensor<?x2x?x8xf32>) value(%q : tensor<?x2x?x8xf32>)
      captures(%bias : tensor<?x?xf32>) scale 0.5 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %t: tensor<?x?xf32>):
      %x = tensor.extract %t[%row, %key] : tensor<?x?xf32>
      %sum = arith.addf %s, %x : f32
      attn.yield %sum : f32
    } -> tensor<?x2x?x8xf32>, lse tensor<?x2x?xf32>
  return %out, %lse : tensor<?x2x?x8xf32>, tensor<?x2x?xf32>
}

// CHECK-LABEL: func.func @sizes_said_twice
// CHECK-SAME: plan.symbols = ["batch"]
func.func @sizes_said_twice(%x: tensor<?x?x12xf32> {plan.shape = affine_map<()[s0, s1] -> (s1, s0, 12)>})
    -> (tensor<?x?xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, s1 * 2 + 1)>}) attributes {
    plan.symbols = ["rows", "batch"],
    plan.constraints = [{set = affine_set<()[s0, s1] : (s0 - 3 >= 0)>, message = "at least three rows"}]} {
  // CHECK-NOT: plan.symbol "rows"
  %rows = plan.symbol "rows"
  %batch = plan.symbol "batch"
  %c2 = arith.constant 2 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %double = arith.muli %rows, %c2 : index
  %wide = arith.addi %double, %c1 : index
  // CHECK: tensor.expand_shape {{.*}} output_shape [%{{.*}}, 4, 3, 4] : tensor<?x4x12xf32> into tensor<?x4x3x4xf32>
  %split = tensor.expand_shape %x [[0], [1], [2, 3]] output_shape [%batch, %rows, 3, 4]
      : tensor<?x?x12xf32> into tensor<?x?x3x4xf32>
  // CHECK: tensor.extract_slice {{.*}}] [1, 4, 1, 1] [1, 1, 1, 1] : tensor<?x4x3x4xf32> to tensor<4xf32>
  %slice = tensor.extract_slice %split[0, 0, 1, 2] [1, %rows, 1, 1] [1, 1, 1, 1]
      : tensor<?x?x3x4xf32> to tensor<?xf32>
  // CHECK: tensor.splat {{.*}} : tensor<4x9xf32>
  %empty = tensor.splat %zero[%rows, %wide] : tensor<?x?xf32>
  // CHECK: tensor.expand_shape {{.*}} : tensor<4xf32> into tensor<4x1xf32>
  %column = tensor.expand_shape %slice [[0, 1]] output_shape [%rows, 1] : tensor<?xf32> into tensor<?x1xf32>
  // CHECK: tensor.insert_slice {{.*}}[0, 4] [4, 1] [1, 1] : tensor<4x1xf32> into tensor<4x9xf32>
  %filled = tensor.insert_slice %column into %empty[0, %rows] [%rows, 1] [1, 1]
      : tensor<?x1xf32> into tensor<?x?xf32>
  // CHECK: tensor.empty() : tensor<4x9xf32>
  %init = tensor.empty(%rows, %wide) : tensor<?x?xf32>
  // CHECK: linalg.exp {{.*}} -> tensor<4x9xf32>
  %out = linalg.exp ins(%filled : tensor<?x?xf32>) outs(%init : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %out : tensor<?x?xf32>
}

// The value is checked at every call, as the maps no longer show it.
// CHECK-LABEL: func.func @given_by_a_host_scalar
// CHECK-SAME: plan.constraints = [{message = "window was fixed to 3 by the compilation", set = #{{.*}}}]
// CHECK-SAME: plan.symbols = ["batch", "window"]
func.func @given_by_a_host_scalar(
    %x: tensor<?xf32> {plan.shape = affine_map<()[s0, s1] -> (s0)>},
    %w: tensor<i64> {plan.name = "window", plan.host_scalar = "window"})
    -> tensor<?x?xf32> attributes {plan.symbols = ["batch", "window"]} {
  %batch = plan.symbol "batch"
  // CHECK-NOT: plan.symbol "window"
  // CHECK: tensor.empty(%{{.*}}) : tensor<?x3xf32>
  %window = plan.symbol "window"
  %init = tensor.empty(%batch, %window) : tensor<?x?xf32>
  // CHECK: linalg.broadcast {{.*}} outs({{.*}} : tensor<?x3xf32>) dimensions = [1]
  %out = linalg.broadcast ins(%x : tensor<?xf32>) outs(%init : tensor<?x?xf32>) dimensions = [1]
  return %out : tensor<?x?xf32>
}
