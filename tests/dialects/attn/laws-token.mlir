// The ops that work token by token. Rotations: scores depend on the distance of positions only, and positions read a
// table by row. Norms: the written formulas.

// RUN: heed-interpret %s --entry=scores --compare=@scores_shifted --tolerance=1e-6 | FileCheck %s
// RUN: heed-interpret %s --entry=halves --compare=@interleaved --input 1=random:-3:3 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=by_table --compare=@by_positions --input 3=2,0,1,1,3,0 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=norms --compare=@norms_written_out --tolerance=1e-12 | FileCheck %s
// CHECK: equal

!x = tensor<1x1x4x8xf32>

func.func private @turned(%x: !x, %first: index) -> !x {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %three = arith.constant 3.0 : f32
  %cos = tensor.generate {
  ^bb0(%i: index, %t: index):
    %p = arith.addi %i, %first : index
    %p32 = arith.index_cast %p : index to i32
    %t32 = arith.index_cast %t : index to i32
    %pf = arith.sitofp %p32 : i32 to f32
    %tf = arith.sitofp %t32 : i32 to f32
    %period = arith.addf %tf, %three : f32
    %angle = arith.divf %pf, %period : f32
    %r = math.cos %angle : f32
    tensor.yield %r : f32
  } : tensor<4x4xf32>
  %sin = tensor.generate {
  ^bb0(%i: index, %t: index):
    %p = arith.addi %i, %first : index
    %p32 = arith.index_cast %p : index to i32
    %t32 = arith.index_cast %t : index to i32
    %pf = arith.sitofp %p32 : i32 to f32
    %tf = arith.sitofp %t32 : i32 to f32
    %period = arith.addf %tf, %three : f32
    %angle = arith.divf %pf, %period : f32
    %r = math.sin %angle : f32
    tensor.yield %r : f32
  } : tensor<4x4xf32>
  %y = attn.rope %x : !x cos(%cos : tensor<4x4xf32>) sin(%sin : tensor<4x4xf32>) rotary_dim 8
  return %y : !x
}

func.func private @products(%q: !x, %k: !x) -> tensor<4x4xf32> {
  %q2 = tensor.collapse_shape %q [[0, 1, 2], [3]] : !x into tensor<4x8xf32>
  %k2 = tensor.collapse_shape %k [[0, 1, 2], [3]] : !x into tensor<4x8xf32>
  %zero = arith.constant dense<0.0> : tensor<4x4xf32>
  %e = tensor.empty() : tensor<8x4xf32>
  %kt = linalg.transpose ins(%k2 : tensor<4x8xf32>) outs(%e : tensor<8x4xf32>) permutation = [1, 0]
  %s = linalg.matmul ins(%q2, %kt : tensor<4x8xf32>, tensor<8x4xf32>) outs(%zero : tensor<4x4xf32>) -> tensor<4x4xf32>
  return %s : tensor<4x4xf32>
}

func.func @scores(%q: !x, %k: !x) -> tensor<4x4xf32> {
  %first = arith.constant 0 : index
  %qt = call @turned(%q, %first) : (!x, index) -> !x
  %kt = call @turned(%k, %first) : (!x, index) -> !x
  %s = call @products(%qt, %kt) : (!x, !x) -> tensor<4x4xf32>
  return %s : tensor<4x4xf32>
}

func.func @scores_shifted(%q: !x, %k: !x) -> tensor<4x4xf32> {
  %first = arith.constant 11 : index
  %qt = call @turned(%q, %first) : (!x, index) -> !x
  %kt = call @turned(%k, %first) : (!x, index) -> !x
  %s = call @products(%qt, %kt) : (!x, !x) -> tensor<4x4xf32>
  return %s : tensor<4x4xf32>
}

// Features (t, t + 2) of the first four turn; the last two pass.
func.func @halves(%x: tensor<1x2x3x6xf32>, %cos: tensor<1x3x2xf32>, %sin: tensor<1x3x2xf32>) -> tensor<1x2x3x6xf32> {
  %y = attn.rope %x : tensor<1x2x3x6xf32> cos(%cos : tensor<1x3x2xf32>) sin(%sin : tensor<1x3x2xf32>) rotary_dim 4
  return %y : tensor<1x2x3x6xf32>
}

func.func @interleaved(%x: tensor<1x2x3x6xf32>, %cos: tensor<1x3x2xf32>, %sin: tensor<1x3x2xf32>) -> tensor<1x2x3x6xf32> {
  %to = arith.constant dense<[0, 2, 1, 3, 4, 5]> : tensor<6xindex>
  %a = call @permuted(%x, %to) : (tensor<1x2x3x6xf32>, tensor<6xindex>) -> tensor<1x2x3x6xf32>
  %b = attn.rope %a : tensor<1x2x3x6xf32> cos(%cos : tensor<1x3x2xf32>) sin(%sin : tensor<1x3x2xf32>) rotary_dim 4 interleaved
  %y = call @permuted(%b, %to) : (tensor<1x2x3x6xf32>, tensor<6xindex>) -> tensor<1x2x3x6xf32>
  return %y : tensor<1x2x3x6xf32>
}

func.func private @permuted(%x: tensor<1x2x3x6xf32>, %to: tensor<6xindex>) -> tensor<1x2x3x6xf32> {
  %y = tensor.generate {
  ^bb0(%b: index, %h: index, %i: index, %d: index):
    %from = tensor.extract %to[%d] : tensor<6xindex>
    %e = tensor.extract %x[%b, %h, %i, %from] : tensor<1x2x3x6xf32>
    tensor.yield %e : f32
  } : tensor<1x2x3x6xf32>
  return %y : tensor<1x2x3x6xf32>
}

func.func @by_positions(%x: tensor<2x1x3x4xf32>, %cos: tensor<4x2xf32>, %sin: tensor<4x2xf32>, %positions: tensor<2x3xi64>) -> tensor<2x1x3x4xf32> {
  %y = attn.rope %x : tensor<2x1x3x4xf32> cos(%cos : tensor<4x2xf32>) sin(%sin : tensor<4x2xf32>) positions(%positions : tensor<2x3xi64>) rotary_dim 4
  return %y : tensor<2x1x3x4xf32>
}

func.func @by_table(%x: tensor<2x1x3x4xf32>, %cos: tensor<4x2xf32>, %sin: tensor<4x2xf32>, %positions: tensor<2x3xi64>) -> tensor<2x1x3x4xf32> {
  %c = call @rows(%cos, %positions) : (tensor<4x2xf32>, tensor<2x3xi64>) -> tensor<2x3x2xf32>
  %s = call @rows(%sin, %positions) : (tensor<4x2xf32>, tensor<2x3xi64>) -> tensor<2x3x2xf32>
  %y = attn.rope %x : tensor<2x1x3x4xf32> cos(%c : tensor<2x3x2xf32>) sin(%s : tensor<2x3x2xf32>) rotary_dim 4
  return %y : tensor<2x1x3x4xf32>
}

func.func private @rows(%table: tensor<4x2xf32>, %positions: tensor<2x3xi64>) -> tensor<2x3x2xf32> {
  %y = tensor.generate {
  ^bb0(%b: index, %i: index, %t: index):
    %p = tensor.extract %positions[%b, %i] : tensor<2x3xi64>
    %pi = arith.index_cast %p : i64 to index
    %e = tensor.extract %table[%pi, %t] : tensor<4x2xf32>
    tensor.yield %e : f32
  } : tensor<2x3x2xf32>
  return %y : tensor<2x3x2xf32>
}

func.func @norms(%x: tensor<5x2x3xf32>, %scale: tensor<2x3xf32>, %bias: tensor<2x3xf32>) -> (tensor<5x2x3xf32>, tensor<5x2x3xf32>) {
  %layer = attn.norm layer %x : tensor<5x2x3xf32> scale(%scale : tensor<2x3xf32>) bias(%bias : tensor<2x3xf32>) from 1 epsilon 0.125
  %rms = attn.norm rms %x : tensor<5x2x3xf32> from 1 epsilon 0.125
  return %layer, %rms : tensor<5x2x3xf32>, tensor<5x2x3xf32>
}

#all = affine_map<(i, j, k) -> (i, j, k)>
#row = affine_map<(i, j, k) -> (i)>
#weights = affine_map<(i, j, k) -> (j, k)>

func.func private @means(%x: tensor<5x2x3xf32>) -> tensor<5xf32> {
  %zero = arith.constant dense<0.0> : tensor<5xf32>
  %six = arith.constant 6.0 : f32
  %mean = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction", "reduction"]} ins(%x : tensor<5x2x3xf32>) outs(%zero : tensor<5xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %share = arith.divf %a, %six : f32
    %r = arith.addf %acc, %share : f32
    linalg.yield %r : f32
  } -> tensor<5xf32>
  return %mean : tensor<5xf32>
}

func.func private @normalised(%x: tensor<5x2x3xf32>) -> tensor<5x2x3xf32> {
  %epsilon = arith.constant 0.125 : f32
  %squares = arith.mulf %x, %x : tensor<5x2x3xf32>
  %variance = call @means(%squares) : (tensor<5x2x3xf32>) -> tensor<5xf32>
  %y = linalg.generic {indexing_maps = [#row, #all], iterator_types = ["parallel", "parallel", "parallel"]} ins(%variance : tensor<5xf32>) outs(%x : tensor<5x2x3xf32>) {
  ^bb0(%var: f32, %a: f32):
    %sum = arith.addf %var, %epsilon : f32
    %factor = math.rsqrt %sum : f32
    %r = arith.mulf %a, %factor : f32
    linalg.yield %r : f32
  } -> tensor<5x2x3xf32>
  return %y : tensor<5x2x3xf32>
}

func.func @norms_written_out(%x: tensor<5x2x3xf32>, %scale: tensor<2x3xf32>, %bias: tensor<2x3xf32>) -> (tensor<5x2x3xf32>, tensor<5x2x3xf32>) {
  %mean = call @means(%x) : (tensor<5x2x3xf32>) -> tensor<5xf32>
  %centred = linalg.generic {indexing_maps = [#row, #all], iterator_types = ["parallel", "parallel", "parallel"]} ins(%mean : tensor<5xf32>) outs(%x : tensor<5x2x3xf32>) {
  ^bb0(%m: f32, %a: f32):
    %r = arith.subf %a, %m : f32
    linalg.yield %r : f32
  } -> tensor<5x2x3xf32>
  %n = call @normalised(%centred) : (tensor<5x2x3xf32>) -> tensor<5x2x3xf32>
  %layer = linalg.generic {indexing_maps = [#weights, #weights, #all], iterator_types = ["parallel", "parallel", "parallel"]} ins(%scale, %bias : tensor<2x3xf32>, tensor<2x3xf32>) outs(%n : tensor<5x2x3xf32>) {
  ^bb0(%s: f32, %b: f32, %a: f32):
    %p = arith.mulf %a, %s : f32
    %r = arith.addf %p, %b : f32
    linalg.yield %r : f32
  } -> tensor<5x2x3xf32>
  %rms = call @normalised(%x) : (tensor<5x2x3xf32>) -> tensor<5x2x3xf32>
  return %layer, %rms : tensor<5x2x3xf32>, tensor<5x2x3xf32>
}
