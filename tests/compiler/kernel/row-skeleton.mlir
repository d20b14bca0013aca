// Norms, softmax and reductions through the row skeleton, short rows in one block and long ones in several.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t
// RUN: heed-interpret %s %t --entry=layer_norm_short --dim n=7
// RUN: heed-interpret %s %t --entry=rms_norm_long --dim n=5
// RUN: heed-interpret %s %t --entry=softmax_last --dim n=9 --dim c=37
// RUN: heed-interpret %s %t --entry=softmax_inner --dim n=9 --dim c=37
// RUN: heed-interpret %s %t --entry=sum_last --dim n=9 --dim c=37
// RUN: heed-interpret %s %t --entry=max_middle --dim n=9 --dim c=21
// RUN: heed-interpret %s %t --entry=sum_all --dim n=9 --dim c=21
// RUN: heed-interpret %s %t --entry=norm_two_dims --dim n=3

func.func @layer_norm_short(%x: tensor<2x?x12xf32> {plan.name = "x", plan.shape = affine_map<()[n]->(2,n,12)>},
    %y: tensor<2x?x12xf32> {plan.name = "y", plan.shape = affine_map<()[n]->(2,n,12)>},
    %w: tensor<12xf32> {plan.name = "w"}, %b: tensor<12xf32> {plan.name = "b"}) -> (tensor<2x?x12xf32> {plan.name = "z"})
    attributes {plan.symbols = ["n"]} {
  %n = plan.symbol "n"
  %e = tensor.empty(%n) : tensor<2x?x12xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(a,b,c)->(a,b,c)>, affine_map<(a,b,c)->(a,b,c)>, affine_map<(a,b,c)->(a,b,c)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %y : tensor<2x?x12xf32>, tensor<2x?x12xf32>) outs(%e : tensor<2x?x12xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %sum = arith.addf %l, %r : f32
    linalg.yield %sum : f32
  } -> tensor<2x?x12xf32>
  %0 = attn.norm layer %s : tensor<2x?x12xf32> scale(%w : tensor<12xf32>) bias(%b : tensor<12xf32>) from 2 epsilon 1.0e-5
  return %0 : tensor<2x?x12xf32>
}

func.func @rms_norm_long(%x: tensor<?x50xf32> {plan.name = "x", plan.shape = affine_map<()[n]->(n,50)>}, %w: tensor<50xf32> {plan.name = "w"})
    -> (tensor<?x50xf32> {plan.name = "z"}) attributes {plan.symbols = ["n"]} {
  %0 = attn.norm rms %x : tensor<?x50xf32> scale(%w : tensor<50xf32>) from 1 epsilon 1.0e-6
  return %0 : tensor<?x50xf32>
}

func.func @norm_two_dims(%x: tensor<?x5x6xf32> {plan.name = "x", plan.shape = affine_map<()[n]->(n,5,6)>}, %w: tensor<5x6xf32> {plan.name = "w"})
    -> (tensor<?x5x6xf32> {plan.name = "z"}) attributes {plan.symbols = ["n"]} {
  %0 = attn.norm layer %x : tensor<?x5x6xf32> scale(%w : tensor<5x6xf32>) from 1 epsilon 1.0e-6
  return %0 : tensor<?x5x6xf32>
}

func.func @softmax_last(%x: tensor<?x?xf32> {plan.name = "x", plan.shape = affine_map<()[n,c]->(n,c)>}) -> (tensor<?x?xf32> {plan.name = "z"})
    attributes {plan.symbols = ["n", "c"]} {
  %n = plan.symbol "n"
  %c = plan.symbol "c"
  %e = tensor.empty(%n, %c) : tensor<?x?xf32>
  %0 = linalg.softmax dimension(1) ins(%x : tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

func.func @softmax_inner(%x: tensor<2x?x?xf32> {plan.name = "x", plan.shape = affine_map<()[n,c]->(2,n,c)>}) -> (tensor<2x?x?xf32> {plan.name = "z"})
    attributes {plan.symbols = ["n", "c"]} {
  %n = plan.symbol "n"
  %c = plan.symbol "c"
  %e = tensor.empty(%n, %c) : tensor<2x?x?xf32>
  %0 = linalg.softmax dimension(1) ins(%x : tensor<2x?x?xf32>) outs(%e : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
  return %0 : tensor<2x?x?xf32>
}

func.func @sum_last(%x: tensor<2x?x?xf32> {plan.name = "x", plan.shape = affine_map<()[n,c]->(2,n,c)>}) -> (tensor<2x?xf32> {plan.name = "z"})
    attributes {plan.symbols = ["n", "c"]} {
  %n = plan.symbol "n"
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<2x?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<2x?xf32>) -> tensor<2x?xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(a,b,c)->(a,b,c)>, affine_map<(a,b,c)->(a,b)>], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<2x?x?xf32>) outs(%f : tensor<2x?xf32>) {
  ^bb0(%l: f32, %o: f32):
    %square = arith.mulf %l, %l : f32
    %sum = arith.addf %square, %o : f32
    linalg.yield %sum : f32
  } -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

func.func @max_middle(%x: tensor<2x?x?xf32> {plan.name = "x", plan.shape = affine_map<()[n,c]->(2,n,c)>}) -> (tensor<2x?xf32> {plan.name = "z"})
    attributes {plan.symbols = ["n", "c"]} {
  %c = plan.symbol "c"
  %low = arith.constant 0xFF800000 : f32
  %e = tensor.empty(%c) : tensor<2x?xf32>
  %f = linalg.fill ins(%low : f32) outs(%e : tensor<2x?xf32>) -> tensor<2x?xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(a,b,c)->(a,b,c)>, affine_map<(a,b,c)->(a,c)>], iterator_types = ["parallel", "reduction", "parallel"]}
      ins(%x : tensor<2x?x?xf32>) outs(%f : tensor<2x?xf32>) {
  ^bb0(%l: f32, %o: f32):
    %max = arith.maximumf %l, %o : f32
    linalg.yield %max : f32
  } -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

func.func @sum_all(%x: tensor<?x?xf32> {plan.name = "x", plan.shape = affine_map<()[n,c]->(n,c)>}) -> (tensor<f32> {plan.name = "z"})
    attributes {plan.symbols = ["n", "c"]} {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %0 = linalg.generic {indexing_maps = [affine_map<(b,c)->(b,c)>, affine_map<(b,c)->()>], iterator_types = ["reduction", "reduction"]}
      ins(%x : tensor<?x?xf32>) outs(%f : tensor<f32>) {
  ^bb0(%l: f32, %o: f32):
    %sum = arith.addf %l, %o : f32
    linalg.yield %sum : f32
  } -> tensor<f32>
  return %0 : tensor<f32>
}
