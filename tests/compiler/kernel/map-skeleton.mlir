// Index-mapped work through the map skeleton: broadcasts, transposes, gathers, joins, bools and integers.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(decompose-attn,normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t
// RUN: heed-interpret %s %t --entry=gather_rows --dim n=7
// RUN: heed-interpret %s %t --entry=mean --dim n=7
// RUN: heed-interpret %s %t --entry=join --dim n=7 --dim m=3
// RUN: heed-interpret %s %t --entry=pad --dim n=7
// RUN: heed-interpret %s %t --entry=compare_and_choose --dim n=7
// RUN: heed-interpret %s %t --entry=positions --dim n=37
// RUN: heed-interpret %s %t --entry=collapse_transposed --dim n=5
// RUN: heed-interpret %s %t --entry=slice --dim n=9
// RUN: heed-interpret %s %t --entry=two_slices --dim n=9
// RUN: heed-interpret %s %t --entry=scalar --dim n=9
// RUN: heed-interpret %s %t --entry=returned_argument --dim n=9
// RUN: heed-interpret %s %t --entry=rotate --dim n=5
// RUN: FileCheck %s --check-prefix=ROTATE < %t

func.func @gather_rows(%table: tensor<11x20xf32> {plan.name = "table"}, %ids: tensor<2x?xi64> {plan.name = "ids", plan.shape = affine_map<()[n]->(2,n)>})
    -> (tensor<2x?x20xf32> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  %n = plan.symbol "n"
  %e = tensor.empty(%n) : tensor<2x?x20xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(a,b,c)->(a,b)>, affine_map<(a,b,c)->(a,b,c)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%ids : tensor<2x?xi64>) outs(%e : tensor<2x?x20xf32>) {
  ^bb0(%id: i64, %o: f32):
    %c11 = arith.constant 11 : i64
    %wrapped = arith.remui %id, %c11 : i64
    %i = arith.index_cast %wrapped : i64 to index
    %j = linalg.index 2 : index
    %v = tensor.extract %table[%i, %j] : tensor<11x20xf32>
    linalg.yield %v : f32
  } -> tensor<2x?x20xf32>
  return %0 : tensor<2x?x20xf32>
}

// A size is asked for inside the scalar code.
func.func @mean(%sum: tensor<4xf32> {plan.name = "sum"}, %x: tensor<4x?xf32> {plan.name = "x", plan.shape = affine_map<()[n]->(4,n)>})
    -> (tensor<4xf32> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  %e = tensor.empty() : tensor<4xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(a)->(a)>, affine_map<(a)->(a)>], iterator_types = ["parallel"]}
      ins(%sum : tensor<4xf32>) outs(%e : tensor<4xf32>) {
  ^bb0(%s: f32, %o: f32):
    %n = plan.symbol "n"
    %wide = arith.index_cast %n : index to i64
    %count = arith.sitofp %wide : i64 to f32
    %mean = arith.divf %s, %count : f32
    linalg.yield %mean : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

func.func @join(%a: tensor<3x?x5xf32> {plan.name = "a", plan.shape = affine_map<()[n,m]->(3,n,5)>}, %b: tensor<3x?x5xf32> {plan.name = "b", plan.shape = affine_map<()[n,m]->(3,m,5)>})
    -> (tensor<3x?x5xf32> {plan.name = "y"}) attributes {plan.symbols = ["n", "m"]} {
  %0 = tensor.concat dim(1) %a, %b : (tensor<3x?x5xf32>, tensor<3x?x5xf32>) -> tensor<3x?x5xf32>
  return %0 : tensor<3x?x5xf32>
}

func.func @pad(%a: tensor<3x?xf32> {plan.name = "a", plan.shape = affine_map<()[n]->(3,n)>}) -> (tensor<6x?xf32> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  %c = arith.constant 2.5 : f32
  %0 = tensor.pad %a low[1, 2] high[2, 3] {
  ^bb0(%i: index, %j: index):
    tensor.yield %c : f32
  } : tensor<3x?xf32> to tensor<6x?xf32>
  return %0 : tensor<6x?xf32>
}

func.func @compare_and_choose(%a: tensor<3x?xf32> {plan.name = "a", plan.shape = affine_map<()[n]->(3,n)>}, %m: tensor<?xi1> {plan.name = "m", plan.shape = affine_map<()[n]->(n)>})
    -> (tensor<3x?xi1> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  %n = plan.symbol "n"
  %e = tensor.empty(%n) : tensor<3x?xi1>
  %0 = linalg.generic {indexing_maps = [affine_map<(a,b)->(a,b)>, affine_map<(a,b)->(b)>, affine_map<(a,b)->(a,b)>], iterator_types = ["parallel", "parallel"]}
      ins(%a, %m : tensor<3x?xf32>, tensor<?xi1>) outs(%e : tensor<3x?xi1>) {
  ^bb0(%x: f32, %keep: i1, %o: i1):
    %zero = arith.constant 0.0 : f32
    %p = arith.cmpf ogt, %x, %zero : f32
    %r = arith.andi %p, %keep : i1
    linalg.yield %r : i1
  } -> tensor<3x?xi1>
  return %0 : tensor<3x?xi1>
}

func.func @positions() -> (tensor<?xi64> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  %n = plan.symbol "n"
  %e = tensor.empty(%n) : tensor<?xi64>
  %0 = linalg.generic {indexing_maps = [affine_map<(a)->(a)>], iterator_types = ["parallel"]} outs(%e : tensor<?xi64>) {
  ^bb0(%o: i64):
    %i = linalg.index 0 : index
    %r = arith.index_cast %i : index to i64
    linalg.yield %r : i64
  } -> tensor<?xi64>
  return %0 : tensor<?xi64>
}

func.func @collapse_transposed(%a: tensor<?x3x4xf32> {plan.name = "a", plan.shape = affine_map<()[n]->(n,3,4)>}) -> (tensor<?x4xf32> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  %n = plan.symbol "n"
  %e = tensor.empty(%n) : tensor<3x?x4xf32>
  %t = linalg.transpose ins(%a : tensor<?x3x4xf32>) outs(%e : tensor<3x?x4xf32>) permutation = [1, 0, 2]
  %c = tensor.collapse_shape %t [[0, 1], [2]] : tensor<3x?x4xf32> into tensor<?x4xf32>
  return %c : tensor<?x4xf32>
}

func.func @slice(%a: tensor<?x24xf32> {plan.name = "a", plan.shape = affine_map<()[n]->(n,24)>}) -> (tensor<?x8xf32> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  %n = plan.symbol "n"
  %s = tensor.extract_slice %a[0, 3] [%n, 8] [1, 2] : tensor<?x24xf32> to tensor<?x8xf32>
  return %s : tensor<?x8xf32>
}

func.func @scalar(%a: tensor<f32> {plan.name = "a"}) -> (tensor<f32> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  %e = tensor.empty() : tensor<f32>
  %0 = linalg.generic {indexing_maps = [affine_map<()->()>, affine_map<()->()>], iterator_types = []} ins(%a : tensor<f32>) outs(%e : tensor<f32>) {
  ^bb0(%x: f32, %o: f32):
    %r = math.exp %x : f32
    linalg.yield %r : f32
  } -> tensor<f32>
  return %0 : tensor<f32>
}

func.func @returned_argument(%a: tensor<?xf32> {plan.name = "a", plan.shape = affine_map<()[n]->(n)>}) -> (tensor<?xf32> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  return %a : tensor<?xf32>
}

// Two copies of different sizes, one after the other.
func.func @two_slices(%x: tensor<6xf32> {plan.name = "x"}) -> (tensor<2xf32> {plan.name = "a"}, tensor<4xf32> {plan.name = "b"}) attributes {plan.symbols = ["n"]} {
  %a = tensor.extract_slice %x[0] [2] [1] : tensor<6xf32> to tensor<2xf32>
  %b = tensor.extract_slice %x[2] [4] [1] : tensor<6xf32> to tensor<4xf32>
  return %a, %b : tensor<2xf32>, tensor<4xf32>
}

// Halves are walked one after the other, so that everything is read and stored in runs, here of what is a part of rows that
// hold all heads.
// ROTATE-LABEL: tile.kernel @k12_map
// ROTATE-COUNT-4: tile.load
// ROTATE-NOT: tile.gather
// ROTATE: tile.store
// ROTATE-LABEL: func.func @rotate
func.func @rotate(%x: tensor<?x24xbf16> {plan.name = "x", plan.shape = affine_map<()[n]->(n,24)>}, %cos: tensor<?x4xf32> {plan.name = "cos", plan.shape = affine_map<()[n]->(n,4)>},
                  %sin: tensor<?x4xf32> {plan.name = "sin", plan.shape = affine_map<()[n]->(n,4)>}) -> (tensor<1x3x?x8xbf16> {plan.name = "y"}) attributes {plan.symbols = ["n"]} {
  %n = plan.symbol "n"
  %s = tensor.expand_shape %x [[0, 1], [2, 3]] output_shape [1, %n, 3, 8] : tensor<?x24xbf16> into tensor<1x?x3x8xbf16>
  %e = tensor.empty(%n) : tensor<1x3x?x8xbf16>
  %t = linalg.transpose ins(%s : tensor<1x?x3x8xbf16>) outs(%e : tensor<1x3x?x8xbf16>) permutation = [0, 2, 1, 3]
  %y = attn.rope %t : tensor<1x3x?x8xbf16> cos(%cos : tensor<?x4xf32>) sin(%sin : tensor<?x4xf32>) rotary_dim 8
  return %y : tensor<1x3x?x8xbf16>
}
