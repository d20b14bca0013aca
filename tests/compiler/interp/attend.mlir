// Attention written out with linalg equals attn.attend: grouped heads, causal mask with offset, slopes, lengths.
// RUN: heed-interpret %s --entry=attend --compare=@written_out --input 3=3,0 --input 4=5,4 --tolerance=1e-12 | FileCheck %s
// CHECK: result 0: {{.*}}, 240 elements
// CHECK: result 1: {{.*}}, 48 elements
// CHECK: equal

// RUN: heed-interpret %s --entry=masked_rows --input 0=splat:1 --input 1=splat:1 --input 2=splat:1 --input 3=0 | FileCheck %s --check-prefix=MASKED
// MASKED: result 0: 1x1x2x2xf32 = {{\[\[\[\[}}0, 0], [0, 0]]]]
// MASKED: result 1: 1x1x2xf32 = {{\[\[\[}}-inf, -inf]]]

func.func @attend(%q: tensor<2x4x6x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x5xf32>, %offset: tensor<2xi64>, %length: tensor<2xi32>, %slopes: tensor<4xf32>) -> (tensor<2x4x6x5xf32>, tensor<2x4x6xf32>) {
  %out, %lse = attn.attend query(%q : tensor<2x4x6x8xf32>) key(%k : tensor<2x2x5x8xf32>) value(%v : tensor<2x2x5x5xf32>)
      kv_length(%length : tensor<2xi32>) q_offset(%offset : tensor<2xi64>) captures(%slopes : tensor<4xf32>) scale 0.5 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %sl: tensor<4xf32>):
      %slope = tensor.extract %sl[%h] : tensor<4xf32>
      %d = arith.subi %key, %pos : index
      %di = arith.index_cast %d : index to i32
      %df = arith.sitofp %di : i32 to f32
      %bias = arith.mulf %slope, %df : f32
      %r = arith.addf %s, %bias : f32
      attn.yield %r : f32
    } keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %sl: tensor<4xf32>):
      %c = arith.cmpi sle, %key, %pos : index
      attn.yield %c : i1
    } -> tensor<2x4x6x5xf32>, lse tensor<2x4x6xf32>
  return %out, %lse : tensor<2x4x6x5xf32>, tensor<2x4x6xf32>
}

#q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#k = affine_map<(b, h, i, j, d) -> (b, h floordiv 2, j, d)>
#s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#p4 = affine_map<(b, h, i, j) -> (b, h, i, j)>
#row4 = affine_map<(b, h, i, j) -> (b, h, i)>
#p5 = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#v5 = affine_map<(b, h, i, d, j) -> (b, h floordiv 2, j, d)>
#o5 = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#out = affine_map<(b, h, i, d) -> (b, h, i, d)>
#outrow = affine_map<(b, h, i, d) -> (b, h, i)>
#row = affine_map<(b, h, i) -> (b, h, i)>

func.func @written_out(%q: tensor<2x4x6x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x5xf32>, %offset: tensor<2xi64>, %length: tensor<2xi32>, %slopes: tensor<4xf32>) -> (tensor<2x4x6x5xf32>, tensor<2x4x6xf32>) {
  %zero = arith.constant 0.0 : f32
  %half = arith.constant 0.5 : f32
  %low = arith.constant 0xFF800000 : f32
  %e4 = tensor.empty() : tensor<2x4x6x5xf32>
  %e3 = tensor.empty() : tensor<2x4x6xf32>
  %zero4 = linalg.fill ins(%zero : f32) outs(%e4 : tensor<2x4x6x5xf32>) -> tensor<2x4x6x5xf32>
  %zero3 = linalg.fill ins(%zero : f32) outs(%e3 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %low3 = linalg.fill ins(%low : f32) outs(%e3 : tensor<2x4x6xf32>) -> tensor<2x4x6xf32>
  %dots = linalg.generic {indexing_maps = [#q, #k, #s], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%q, %k : tensor<2x4x6x8xf32>, tensor<2x2x5x8xf32>) outs(%zero4 : tensor<2x4x6x5xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %m = arith.mulf %a, %b : f32
    %r = arith.addf %acc, %m : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6x5xf32>
  %scores = linalg.generic {indexing_maps = [#p4, #p4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%dots : tensor<2x4x6x5xf32>) outs(%e4 : tensor<2x4x6x5xf32>) {
  ^bb0(%dot: f32, %unused: f32):
    %b = linalg.index 0 : index
    %h = linalg.index 1 : index
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %o = tensor.extract %offset[%b] : tensor<2xi64>
    %oi = arith.index_cast %o : i64 to index
    %pos = arith.addi %i, %oi : index
    %slope = tensor.extract %slopes[%h] : tensor<4xf32>
    %distance = arith.subi %j, %pos : index
    %di = arith.index_cast %distance : index to i64
    %df = arith.sitofp %di : i64 to f32
    %bias = arith.mulf %slope, %df : f32
    %scaled = arith.mulf %dot, %half : f32
    %sum = arith.addf %scaled, %bias : f32
    %l = tensor.extract %length[%b] : tensor<2xi32>
    %li = arith.index_cast %l : i32 to index
    %causal = arith.cmpi sle, %j, %pos : index
    %inside = arith.cmpi slt, %j, %li : index
    %visible = arith.andi %causal, %inside : i1
    %score = arith.select %visible, %sum, %low : f32
    linalg.yield %score : f32
  } -> tensor<2x4x6x5xf32>
  %highest = linalg.generic {indexing_maps = [#p4, #row4], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%scores : tensor<2x4x6x5xf32>) outs(%low3 : tensor<2x4x6xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %r = arith.maximumf %a, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %weights = linalg.generic {indexing_maps = [#p4, #row4, #p4], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%scores, %highest : tensor<2x4x6x5xf32>, tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6x5xf32>) {
  ^bb0(%a: f32, %m: f32, %unused: f32):
    %d = arith.subf %a, %m : f32
    %w = math.exp %d : f32
    linalg.yield %w : f32
  } -> tensor<2x4x6x5xf32>
  %sums = linalg.generic {indexing_maps = [#p4, #row4], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%weights : tensor<2x4x6x5xf32>) outs(%zero3 : tensor<2x4x6xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %r = arith.addf %a, %acc : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  %products = linalg.generic {indexing_maps = [#p5, #v5, #o5], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
      ins(%weights, %v : tensor<2x4x6x5xf32>, tensor<2x2x5x5xf32>) outs(%zero4 : tensor<2x4x6x5xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %m = arith.mulf %a, %b : f32
    %r = arith.addf %acc, %m : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6x5xf32>
  %out = linalg.generic {indexing_maps = [#out, #outrow, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%products, %sums : tensor<2x4x6x5xf32>, tensor<2x4x6xf32>) outs(%e4 : tensor<2x4x6x5xf32>) {
  ^bb0(%a: f32, %b: f32, %unused: f32):
    %r = arith.divf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6x5xf32>
  %lse = linalg.generic {indexing_maps = [#row, #row, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%highest, %sums : tensor<2x4x6xf32>, tensor<2x4x6xf32>) outs(%e3 : tensor<2x4x6xf32>) {
  ^bb0(%m: f32, %l: f32, %unused: f32):
    %log = math.log %l : f32
    %r = arith.addf %m, %log : f32
    linalg.yield %r : f32
  } -> tensor<2x4x6xf32>
  return %out, %lse : tensor<2x4x6x5xf32>, tensor<2x4x6xf32>
}

func.func @masked_rows(%q: tensor<1x1x2x2xf32>, %k: tensor<1x1x3x2xf32>, %v: tensor<1x1x3x2xf32>, %length: tensor<1xi64>) -> (tensor<1x1x2x2xf32>, tensor<1x1x2xf32>) {
  %out, %lse = attn.attend query(%q : tensor<1x1x2x2xf32>) key(%k : tensor<1x1x3x2xf32>) value(%v : tensor<1x1x3x2xf32>)
      kv_length(%length : tensor<1xi64>) scale 1.0 -> tensor<1x1x2x2xf32>, lse tensor<1x1x2xf32>
  return %out, %lse : tensor<1x1x2x2xf32>, tensor<1x1x2xf32>
}
