// Attention through its skeleton equals attention as the dialect defines it, on shapes that do not divide blocks.
//
// RUN: split-file %s %t
// RUN: heed-opt %t/causal.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/causal.out
// RUN: heed-interpret %t/causal.mlir %t/causal.out --dim b=2 --dim m=7 --dim n=21
// RUN: heed-interpret %t/causal.mlir %t/causal.out --dim b=1 --dim m=13 --dim n=5
// RUN: heed-opt %t/lengths.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/lengths.out
// RUN: heed-interpret %t/lengths.mlir %t/lengths.out --dim b=3 --dim m=5 --dim n=19 --input=length=0,7,19 --input=offset=0,2,14 --input=window=4 --counters | FileCheck %s --check-prefix=LENGTHS
// RUN: heed-opt %t/masks.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/masks.out
// RUN: heed-interpret %t/masks.mlir %t/masks.out --dim b=2 --dim m=6 --dim n=17
// RUN: heed-opt %t/wide.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/wide.out
// RUN: heed-interpret %t/wide.mlir %t/wide.out --dim m=5 --dim n=11
// RUN: heed-opt %t/expanded.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/expanded.out
// RUN: heed-interpret %t/expanded.mlir %t/expanded.out --dim b=2 --dim m=6 --dim n=17 --input=mask=random:0:2
// RUN: heed-opt %t/expanded.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels))' | FileCheck %t/expanded.mlir --check-prefix=EXPANDED
// RUN: heed-opt %t/paged.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/paged.out
// RUN: heed-interpret %t/paged.mlir %t/paged.out --dim b=2 --dim m=3 --input=pages=4,0,2,1,3,5 --input=length=7,12
// RUN: heed-opt %t/listed.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/listed.out
// RUN: heed-interpret %t/listed.mlir %t/listed.out --dim m=37 --dim n=45 --dim lists=3 --input=length=45 --input=lists=0,3,-1,2,1,-1,-1,0,5,4,3,2,5,0,-1,-1,0,1,2,4,-1,3,2,1 --counters | FileCheck %s --check-prefix=LISTED
// RUN: heed-interpret %t/listed.mlir %t/listed.out --dim m=37 --dim n=45 --dim lists=3 --input=length=19 --input=lists=0,3,-1,2,1,-1,-1,0,5,4,3,2,5,0,-1,-1,0,1,2,4,-1,3,2,1 | FileCheck %s --check-prefix=LENGTHS
// RUN: heed-interpret %t/listed.mlir %t/listed.out --dim m=16 --dim n=45 --dim lists=1 --input=length=45 --input=lists=1000000000,0,-1,-1,1,-1,-1,0 | FileCheck %s --check-prefix=LENGTHS
// RUN: heed-opt %t/computed.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/computed.out
// RUN: FileCheck %t/computed.mlir < %t/computed.out
// RUN: heed-interpret %t/computed.mlir %t/computed.out --input=position=4,8 | FileCheck %s --check-prefix=LENGTHS

// On a machine that rounds a product and a sum as one, and where late rows are started first so that caches hold their
// keys: heads in several turns, in one, and the last turn with fewer heads than the others.
// RUN: heed-opt %t/causal.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' -o %t/causal.ordered
// RUN: FileCheck %s --check-prefix=ORDERED < %t/causal.ordered
// RUN: heed-interpret %t/causal.mlir %t/causal.ordered --dim b=2 --dim m=17 --dim n=21
// RUN: heed-interpret %t/causal.mlir %t/causal.ordered --dim b=1 --dim m=13 --dim n=5
// RUN: heed-interpret %t/causal.mlir %t/causal.ordered --dim b=3 --dim m=9 --dim n=2
// RUN: heed-interpret %t/causal.mlir %t/causal.ordered --dim b=2 --dim m=3 --dim n=0
// RUN: heed-opt %t/lengths.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' -o %t/lengths.ordered
// RUN: heed-interpret %t/lengths.mlir %t/lengths.ordered --dim b=3 --dim m=5 --dim n=19 --input=length=0,7,19 --input=offset=0,2,14 --input=window=4 --counters | FileCheck %s --check-prefix=LENGTHS
// RUN: heed-opt %t/masks.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' -o %t/masks.ordered
// RUN: heed-interpret %t/masks.mlir %t/masks.ordered --dim b=2 --dim m=6 --dim n=17
// RUN: heed-opt %t/wide.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-ordered,canonicalize,cse)' -o %t/wide.ordered
// RUN: heed-interpret %t/wide.mlir %t/wide.ordered --dim m=5 --dim n=11

// Weights are powers of a multiply-add; programs are told apart by divisions of 32 bits.
// ORDERED: arith.divui %{{.*}} : i32
// The scale and what a region adds first are one, too.
// ORDERED: math.fma
// ORDERED: math.fma
// ORDERED-NEXT: math.exp2
// LENGTHS: equal
// Programs of 4 rows visit, of the blocks listed for their 16 rows, those that start before the last row, and no others.
// LISTED: key blocks 30,
// LISTED: equal

//--- causal.mlir
// Grouped heads, ALiBi slopes read once a program, a causal rule, a result stored transposed.
func.func @main(%q: tensor<?x8x?x64xf32> {plan.name = "q", plan.shape = affine_map<()[b,m,n]->(b,8,m,64)>},
                %k: tensor<?x2x?x64xf32> {plan.name = "k", plan.shape = affine_map<()[b,m,n]->(b,2,n,64)>},
                %v: tensor<?x2x?x64xf32> {plan.name = "v", plan.shape = affine_map<()[b,m,n]->(b,2,n,64)>},
                %slopes: tensor<8xf32> {plan.name = "slopes"}) -> (tensor<?x?x8x64xf32> {plan.name = "out"})
    attributes {plan.symbols = ["b", "m", "n"]} {
  %0 = attn.attend query(%q : tensor<?x8x?x64xf32>) key(%k : tensor<?x2x?x64xf32>) value(%v : tensor<?x2x?x64xf32>)
      captures(%slopes : tensor<8xf32>) scale 0.125 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %sl: tensor<8xf32>):
      %slope = tensor.extract %sl[%h] : tensor<8xf32>
      %d = arith.subi %key, %pos : index
      %di = arith.index_cast %d : index to i32
      %df = arith.sitofp %di : i32 to f32
      %bias = arith.mulf %slope, %df : f32
      %r = arith.addf %s, %bias : f32
      attn.yield %r : f32
    } keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %sl: tensor<8xf32>):
      %c = arith.cmpi sle, %key, %pos : index
      attn.yield %c : i1
    } -> tensor<?x8x?x64xf32>
  %sb = plan.symbol "b"
  %sm = plan.symbol "m"
  %e = tensor.empty(%sb, %sm) : tensor<?x?x8x64xf32>
  %t = linalg.transpose ins(%0 : tensor<?x8x?x64xf32>) outs(%e : tensor<?x?x8x64xf32>) permutation = [0, 2, 1, 3]
  return %t : tensor<?x?x8x64xf32>
}

//--- lengths.mlir
// Lengths, offsets and the window are data; an empty sequence gives zeros and lse of minus infinity; a sink.
func.func @main(%q: tensor<?x2x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[b,m,n]->(b,2,m,8)>},
                %k: tensor<?x2x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[b,m,n]->(b,2,n,8)>},
                %v: tensor<?x2x?x12xf32> {plan.name = "v", plan.shape = affine_map<()[b,m,n]->(b,2,n,12)>},
                %length: tensor<?xi64> {plan.name = "length", plan.shape = affine_map<()[b,m,n]->(b)>},
                %offset: tensor<?xi64> {plan.name = "offset", plan.shape = affine_map<()[b,m,n]->(b)>},
                %sink: tensor<2xf32> {plan.name = "sink"}, %window: tensor<i64> {plan.name = "window"})
    -> (tensor<?x2x?x12xf32> {plan.name = "out"}, tensor<?x2x?xf32> {plan.name = "lse"})
    attributes {plan.symbols = ["b", "m", "n"]} {
  %out, %lse = attn.attend query(%q : tensor<?x2x?x8xf32>) key(%k : tensor<?x2x?x8xf32>) value(%v : tensor<?x2x?x12xf32>)
      kv_length(%length : tensor<?xi64>) q_offset(%offset : tensor<?xi64>) sink(%sink : tensor<2xf32>)
      captures(%window : tensor<i64>) scale 0.3 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %w: tensor<i64>):
      %size = tensor.extract %w[] : tensor<i64>
      %wide = arith.index_cast %size : i64 to index
      %first = arith.subi %pos, %wide : index
      %causal = arith.cmpi sle, %key, %pos : index
      %near = arith.cmpi sgt, %key, %first : index
      %c = arith.andi %causal, %near : i1
      attn.yield %c : i1
    } -> tensor<?x2x?x12xf32>, lse tensor<?x2x?xf32>
  return %out, %lse : tensor<?x2x?x12xf32>, tensor<?x2x?xf32>
}

//--- masks.mlir
// A float mask and a bool mask as graph inputs, softcap before them.
func.func @main(%q: tensor<?x2x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[b,m,n]->(b,2,m,8)>},
                %k: tensor<?x2x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[b,m,n]->(b,2,n,8)>},
                %bias: tensor<2x?x?xf32> {plan.name = "bias", plan.shape = affine_map<()[b,m,n]->(2,m,n)>},
                %bool: tensor<?x?xi1> {plan.name = "bool", plan.shape = affine_map<()[b,m,n]->(b,n)>})
    -> (tensor<?x2x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["b", "m", "n"]} {
  %out = attn.attend query(%q : tensor<?x2x?x8xf32>) key(%k : tensor<?x2x?x8xf32>) value(%k : tensor<?x2x?x8xf32>)
      captures(%bias, %bool : tensor<2x?x?xf32>, tensor<?x?xi1>) scale 0.3 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %f: tensor<2x?x?xf32>, %m: tensor<?x?xi1>):
      %cap = arith.constant 5.0 : f32
      %small = arith.divf %s, %cap : f32
      %bent = math.tanh %small : f32
      %capped = arith.mulf %bent, %cap : f32
      %add = tensor.extract %f[%h, %row, %key] : tensor<2x?x?xf32>
      %r = arith.addf %capped, %add : f32
      attn.yield %r : f32
    } keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %f: tensor<2x?x?xf32>, %m: tensor<?x?xi1>):
      %c = tensor.extract %m[%b, %key] : tensor<?x?xi1>
      attn.yield %c : i1
    } -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}

//--- wide.mlir
// Head widths beyond one chunk, different for keys and values, with the sigmoid normaliser and a prob region.
func.func @main(%q: tensor<1x2x?x144xf32> {plan.name = "q", plan.shape = affine_map<()[m,n]->(1,2,m,144)>},
                %k: tensor<1x1x?x144xf32> {plan.name = "k", plan.shape = affine_map<()[m,n]->(1,1,n,144)>},
                %v: tensor<1x1x?x200xf32> {plan.name = "v", plan.shape = affine_map<()[m,n]->(1,1,n,200)>})
    -> (tensor<1x2x?x200xf32> {plan.name = "out"}) attributes {plan.symbols = ["m", "n"]} {
  %out = attn.attend query(%q : tensor<1x2x?x144xf32>) key(%k : tensor<1x1x?x144xf32>) value(%v : tensor<1x1x?x200xf32>)
      scale 0.083 normaliser <sigmoid> prob {
    ^bb0(%p: f32, %b: index, %h: index, %row: index, %key: index, %pos: index):
      %half = arith.constant 0.5 : f32
      %r = arith.mulf %p, %half : f32
      attn.yield %r : f32
    } -> tensor<1x2x?x200xf32>
  return %out : tensor<1x2x?x200xf32>
}

//--- expanded.mlir
// A key mask expanded over rows by the graph is computed inside the kernel: no tensor over rows and keys is stored.
// EXPANDED-LABEL: func.func @main
// EXPANDED: plan.kernel attend
// EXPANDED: plan.kernel attend
// EXPANDED-NOT: plan.kernel
func.func @main(%q: tensor<?x2x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[b,m,n]->(b,2,m,8)>},
                %k: tensor<?x2x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[b,m,n]->(b,2,n,8)>},
                %mask: tensor<?x?xi64> {plan.name = "mask", plan.shape = affine_map<()[b,m,n]->(b,n)>})
    -> (tensor<?x2x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["b", "m", "n"]} {
  %b = plan.symbol "b"
  %m = plan.symbol "m"
  %n = plan.symbol "n"
  %empty = tensor.empty(%b, %m, %n) : tensor<?x?x?xi1>
  %expanded = linalg.generic {indexing_maps = [affine_map<(b,m,n) -> (b,n)>, affine_map<(b,m,n) -> (b,m,n)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%mask : tensor<?x?xi64>) outs(%empty : tensor<?x?x?xi1>) {
  ^bb0(%x: i64, %o: i1):
    %zero = arith.constant 0 : i64
    %r = arith.cmpi sgt, %x, %zero : i64
    linalg.yield %r : i1
  } -> tensor<?x?x?xi1>
  %0 = attn.attend query(%q : tensor<?x2x?x8xf32>) key(%k : tensor<?x2x?x8xf32>) value(%k : tensor<?x2x?x8xf32>)
      captures(%expanded : tensor<?x?x?xi1>) scale 0.3 keep {
    ^bb0(%bb: index, %h: index, %row: index, %key: index, %pos: index, %x: tensor<?x?x?xi1>):
      %c = tensor.extract %x[%bb, %row, %key] : tensor<?x?x?xi1>
      attn.yield %c : i1
    } -> tensor<?x2x?x8xf32>
  %1 = attn.attend query(%0 : tensor<?x2x?x8xf32>) key(%k : tensor<?x2x?x8xf32>) value(%k : tensor<?x2x?x8xf32>)
      captures(%expanded : tensor<?x?x?xi1>) scale 0.3 keep {
    ^bb0(%bb: index, %h: index, %row: index, %key: index, %pos: index, %x: tensor<?x?x?xi1>):
      %c = tensor.extract %x[%bb, %row, %key] : tensor<?x?x?xi1>
      attn.yield %c : i1
    } -> tensor<?x2x?x8xf32>
  return %1 : tensor<?x2x?x8xf32>
}

//--- paged.mlir
// Keys and values in pages of 4 rows, found through a table; one sequence ends inside a page.
func.func @main(%q: tensor<?x2x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[b,m]->(b,2,m,8)>},
                %k: tensor<6x1x4x8xf32> {plan.name = "k"}, %v: tensor<6x1x4x8xf32> {plan.name = "v"},
                %pages: tensor<?x3xi32> {plan.name = "pages", plan.shape = affine_map<()[b,m]->(b,3)>},
                %length: tensor<?xi64> {plan.name = "length", plan.shape = affine_map<()[b,m]->(b)>})
    -> (tensor<?x2x?x8xf32> {plan.name = "out"}) attributes {plan.symbols = ["b", "m"]} {
  %out = attn.attend query(%q : tensor<?x2x?x8xf32>) key(%k : tensor<6x1x4x8xf32>) value(%v : tensor<6x1x4x8xf32>)
      kv_length(%length : tensor<?xi64>) pages(%pages : tensor<?x3xi32>) scale 0.3 -> tensor<?x2x?x8xf32>
  return %out : tensor<?x2x?x8xf32>
}

//--- listed.mlir
// Lists of key blocks for each head and block of rows; the rule below still holds within them.
func.func @main(%q: tensor<1x2x?x24xf32> {plan.name = "q", plan.shape = affine_map<()[m,n,l]->(1,2,m,24)>},
                %k: tensor<1x1x?x24xf32> {plan.name = "k", plan.shape = affine_map<()[m,n,l]->(1,1,n,24)>},
                %length: tensor<1xi32> {plan.name = "length"},
                %lists: tensor<1x2x?x4xi32> {plan.name = "lists", plan.shape = affine_map<()[m,n,l]->(1,2,l,4)>})
    -> (tensor<1x2x?x24xf32>, tensor<1x2x?xf32>) attributes {plan.symbols = ["m", "n", "lists"]} {
  %out, %lse = attn.attend query(%q : tensor<1x2x?x24xf32>) key(%k : tensor<1x1x?x24xf32>) value(%k : tensor<1x1x?x24xf32>)
      kv_length(%length : tensor<1xi32>) blocks(%lists : tensor<1x2x?x4xi32>) scale 0.4 block_size [16, 8] keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
      %c = arith.cmpi sle, %key, %pos : index
      attn.yield %c : i1
    } -> tensor<1x2x?x24xf32>, lse tensor<1x2x?xf32>
  return %out, %lse : tensor<1x2x?x24xf32>, tensor<1x2x?xf32>
}

//--- computed.mlir
// A length that is computed for attention alone is no kernel of its own.
// CHECK-COUNT-1: tile.kernel
// CHECK-NOT: tile.kernel
func.func @main(%q: tensor<2x2x1x8xf32> {plan.name = "q"}, %k: tensor<2x2x9x8xf32> {plan.name = "k"}, %position: tensor<2xi32> {plan.name = "position"}) -> (tensor<2x2x1x8xf32> {plan.name = "out"}) {
  %one = arith.constant 1 : i32
  %empty = tensor.empty() : tensor<2xi32>
  %length = linalg.generic {indexing_maps = [affine_map<(b) -> (b)>, affine_map<(b) -> (b)>], iterator_types = ["parallel"]}
      ins(%position : tensor<2xi32>) outs(%empty : tensor<2xi32>) {
  ^bb0(%p: i32, %old: i32):
    %next = arith.addi %p, %one : i32
    linalg.yield %next : i32
  } -> tensor<2xi32>
  %0 = attn.attend query(%q : tensor<2x2x1x8xf32>) key(%k : tensor<2x2x9x8xf32>) value(%k : tensor<2x2x9x8xf32>)
      kv_length(%length : tensor<2xi32>) scale 0.3 -> tensor<2x2x1x8xf32>
  return %0 : tensor<2x2x1x8xf32>
}
