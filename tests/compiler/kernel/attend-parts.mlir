// Attention of few rows: the heads that share a key head fill a block, the keys are cut into parts, and their states are
// merged. Blocks have 4 rows and 8 keys; up to 12 rows of a key head are few; parts have at least 8 keys, more where 24
// programs have less.
//
// RUN: split-file %s %t
// RUN: heed-opt %t/grouped.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-parts,canonicalize,cse)' -o %t/grouped.out
// RUN: FileCheck %t/grouped.mlir < %t/grouped.out

// Few rows: five parts and then one merge for each of 8 heads, in all 8 * 1 * 2 * 5 + 8 programs; row blocks of one row
// and four heads; many rows: one kernel; the most there are; no keys, no batch.
// RUN: heed-interpret %t/grouped.mlir %t/grouped.out --dim b=1 --dim m=1 --dim n=40 --input=offset=39 --counters | FileCheck %s --check-prefix=ONE-ROW
// RUN: heed-interpret %t/grouped.mlir %t/grouped.out --dim b=2 --dim m=3 --dim n=70 --input=offset=67,3 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/grouped.mlir %t/grouped.out --dim b=1 --dim m=4 --dim n=21 --input=offset=17 --counters | FileCheck %s --check-prefix=MANY
// RUN: heed-interpret %t/grouped.mlir %t/grouped.out --dim b=1 --dim m=2 --dim n=0 --input=offset=0 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/grouped.mlir %t/grouped.out --dim b=0 --dim m=2 --dim n=3 | FileCheck %s --check-prefix=EQUAL
// ONE-ROW: key blocks 10,
// ONE-ROW: equal
// MANY: launches 3, programs 8, key blocks 24,
// MANY: equal
// EQUAL: equal

// A window, lengths of data, some zero, a sink, and lse; more rows than a block; parts whose keys no row sees.
// RUN: heed-opt %t/lengths.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-parts,canonicalize,cse)' -o %t/lengths.out
// RUN: heed-interpret %t/lengths.mlir %t/lengths.out --dim b=3 --dim m=5 --dim n=61 --input=length=0,17,61 --input=offset=0,12,56 --input=window=9 --counters | FileCheck %s --check-prefix=LENGTHS
// RUN: heed-interpret %t/lengths.mlir %t/lengths.out --dim b=3 --dim m=1 --dim n=300 --input=length=300,0,1 --input=offset=299,0,0 --input=window=1000 | FileCheck %s --check-prefix=EQUAL
// LENGTHS: key blocks 24,
// LENGTHS: equal

// Rows known to be few have no other kernel; rows known to be many are not cut.
// RUN: heed-opt %t/paged.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-parts,canonicalize,cse)' -o %t/paged.out
// RUN: FileCheck %t/paged.mlir < %t/paged.out
// RUN: heed-interpret %t/paged.mlir %t/paged.out --dim b=2 --input=pages=4,0,2,1,3,5 --input=length=7,12 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-opt %t/many.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-parts,canonicalize,cse)' | FileCheck %t/many.mlir

// The division of a gate and other ops on the result come with the merge; two accumulators for wide values; scores that
// read a bias of their head and row; weights changed before they are multiplied.
// RUN: heed-opt %t/regions.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-parts,canonicalize,cse)' -o %t/regions.out
// RUN: heed-interpret %t/regions.mlir %t/regions.out --dim b=2 --dim m=2 --dim n=43 | FileCheck %s --check-prefix=EQUAL

// Merged by the last part: no launch for that. Of 8 keys each, so five parts for each of two key heads, and 67, more than
// are weighed at a time; blocks that have some of a row's heads; many rows; no keys; no batch.
// RUN: heed-opt %t/grouped.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-joined,canonicalize,cse)' -o %t/grouped.joined
// RUN: FileCheck %t/grouped.mlir --check-prefix=JOINED < %t/grouped.joined
// RUN: heed-interpret %t/grouped.mlir %t/grouped.joined --dim b=1 --dim m=1 --dim n=40 --input=offset=39 --counters | FileCheck %s --check-prefix=JOINED-ROW
// RUN: heed-interpret %t/grouped.mlir %t/grouped.joined --dim b=1 --dim m=1 --dim n=530 --input=offset=529 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/grouped.mlir %t/grouped.joined --dim b=2 --dim m=3 --dim n=70 --input=offset=67,3 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/grouped.mlir %t/grouped.joined --dim b=1 --dim m=4 --dim n=21 --input=offset=17 --counters | FileCheck %s --check-prefix=JOINED-MANY
// RUN: heed-interpret %t/grouped.mlir %t/grouped.joined --dim b=1 --dim m=2 --dim n=0 --input=offset=0 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/grouped.mlir %t/grouped.joined --dim b=0 --dim m=2 --dim n=3 | FileCheck %s --check-prefix=EQUAL
// JOINED-ROW: launches 2, programs 10, key blocks 10,
// JOINED-ROW: equal
// JOINED-MANY: launches 2, programs 8, key blocks 24,
// JOINED-MANY: equal
// Seven heads to a key head, of which four are merged together, and blocks of four rows.
// RUN: sed 's/x8x/x14x/g; s/tensor<8x/tensor<14x/g; s/(b,8,/(b,14,/' %t/grouped.mlir > %t/seven.mlir
// RUN: heed-opt %t/seven.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-joined,canonicalize,cse)' -o %t/seven.joined
// RUN: heed-interpret %t/seven.mlir %t/seven.joined --dim b=2 --dim m=1 --dim n=40 --input=offset=39,11 | FileCheck %s --check-prefix=EQUAL
// Parts behind a length are not counted; a sink, and lse.
// RUN: heed-opt %t/lengths.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-joined,canonicalize,cse)' -o %t/lengths.joined
// RUN: heed-interpret %t/lengths.mlir %t/lengths.joined --dim b=3 --dim m=5 --dim n=61 --input=length=0,17,61 --input=offset=0,12,56 --input=window=9 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/lengths.mlir %t/lengths.joined --dim b=3 --dim m=1 --dim n=300 --input=length=300,0,1 --input=offset=299,0,0 --input=window=1000 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-interpret %t/lengths.mlir %t/lengths.joined --dim b=2 --dim m=1 --dim n=20 --input=length=900,-3 --input=offset=19,0 --input=window=1000 | FileCheck %s --check-prefix=EQUAL
// Pages, rows known to be few; ops on the result, two accumulators, scores that read a bias.
// RUN: heed-opt %t/paged.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-joined,canonicalize,cse)' -o %t/paged.joined
// RUN: heed-interpret %t/paged.mlir %t/paged.joined --dim b=2 --input=pages=4,0,2,1,3,5 --input=length=7,12 | FileCheck %s --check-prefix=EQUAL
// RUN: heed-opt %t/regions.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels-joined,canonicalize,cse)' -o %t/regions.joined
// RUN: heed-interpret %t/regions.mlir %t/regions.joined --dim b=2 --dim m=2 --dim n=43 | FileCheck %s --check-prefix=EQUAL

//--- grouped.mlir
// CHECK: tile.kernel @k0_attend(
// CHECK: tile.kernel @k0_attend_parts(
// CHECK: group = 4 : i64, most_rows = 12 : i64
// CHECK: tile.kernel @k0_attend_merge(
// CHECK: func.func @main
// CHECK: %[[WHOLE:.*]] = plan.launch attend "attend" @k0_attend(
// CHECK: %[[STATE:.*]]:3 = plan.launch attend "attend.parts" @k0_attend_parts(
// CHECK-SAME: tensor<?x2x?x?xf32>, tensor<?x2x?x?xf32>, tensor<?x2x?x?x64xf32>
// CHECK: plan.launch attend "attend.merge" @k0_attend_merge({{.*}}%[[STATE]]#0, %[[STATE]]#1, %[[STATE]]#2, %[[WHOLE]])
// CHECK-SAME: plan.tied = array<i64: 8>
// JOINED: tile.kernel @k0_attend(
// JOINED: tile.kernel @k0_attend_parts(
// JOINED: %[[LAST:.*]] = tile.arrive %
// JOINED: scf.if %[[LAST]]
// JOINED: tile.store
// JOINED: func.func @main
// JOINED: %[[WHOLE:.*]] = plan.launch attend "attend" @k0_attend(
// JOINED: plan.launch attend "attend.parts" @k0_attend_parts({{.*}}%[[WHOLE]])
// JOINED-SAME: plan.tied = array<i64: 5, -1, -1, -1, -1>, plan.zeroed = array<i64: 4>
// JOINED-SAME: tensor<?x2x?x?xf32>, tensor<?x2x?x?xf32>, tensor<?x2x?x?x64xf32>, tensor<?x2x?xi32>
// JOINED-NOT: plan.launch
func.func @main(%q: tensor<?x8x?x64xf32> {plan.name = "q", plan.shape = affine_map<()[b,m,n]->(b,8,m,64)>},
                %k: tensor<?x2x?x64xf32> {plan.name = "k", plan.shape = affine_map<()[b,m,n]->(b,2,n,64)>},
                %v: tensor<?x2x?x64xf32> {plan.name = "v", plan.shape = affine_map<()[b,m,n]->(b,2,n,64)>},
                %slopes: tensor<8xf32> {plan.name = "slopes"},
                %offset: tensor<?xi32> {plan.name = "offset", plan.shape = affine_map<()[b,m,n]->(b)>})
    -> (tensor<?x?x8x64xf32> {plan.name = "out"}) attributes {plan.symbols = ["b", "m", "n"]} {
  %0 = attn.attend query(%q : tensor<?x8x?x64xf32>) key(%k : tensor<?x2x?x64xf32>) value(%v : tensor<?x2x?x64xf32>)
      q_offset(%offset : tensor<?xi32>) captures(%slopes : tensor<8xf32>) scale 0.125 score {
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
func.func @main(%q: tensor<?x4x?x8xf32> {plan.name = "q", plan.shape = affine_map<()[b,m,n]->(b,4,m,8)>},
                %k: tensor<?x2x?x8xf32> {plan.name = "k", plan.shape = affine_map<()[b,m,n]->(b,2,n,8)>},
                %v: tensor<?x2x?x12xf32> {plan.name = "v", plan.shape = affine_map<()[b,m,n]->(b,2,n,12)>},
                %length: tensor<?xi32> {plan.name = "length", plan.shape = affine_map<()[b,m,n]->(b)>},
                %offset: tensor<?xi32> {plan.name = "offset", plan.shape = affine_map<()[b,m,n]->(b)>},
                %window: tensor<i64> {plan.name = "window"}, %sink: tensor<4xf32> {plan.name = "sink"})
    -> (tensor<?x4x?x12xf32> {plan.name = "out"}, tensor<?x4x?xf32> {plan.name = "lse"})
    attributes {plan.symbols = ["b", "m", "n"]} {
  %out, %lse = attn.attend query(%q : tensor<?x4x?x8xf32>) key(%k : tensor<?x2x?x8xf32>) value(%v : tensor<?x2x?x12xf32>)
      kv_length(%length : tensor<?xi32>) q_offset(%offset : tensor<?xi32>) sink(%sink : tensor<4xf32>)
      captures(%window : tensor<i64>) scale 0.3 keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %w: tensor<i64>):
      %c = arith.cmpi sle, %key, %pos : index
      %size = tensor.extract %w[] : tensor<i64>
      %wide = arith.index_cast %size : i64 to index
      %d = arith.subi %pos, %key : index
      %near = arith.cmpi slt, %d, %wide : index
      %both = arith.andi %c, %near : i1
      attn.yield %both : i1
    } -> tensor<?x4x?x12xf32>, lse tensor<?x4x?xf32>
  return %out, %lse : tensor<?x4x?x12xf32>, tensor<?x4x?xf32>
}

//--- paged.mlir
// CHECK-NOT: tile.kernel @k0_attend(
// CHECK: tile.kernel @k0_attend_parts(
// CHECK: tile.kernel @k0_attend_merge(
// CHECK-NOT: plan.tied
func.func @main(%q: tensor<?x4x3x16xf32> {plan.name = "q", plan.shape = affine_map<()[b]->(b,4,3,16)>},
                %k: tensor<6x2x4x16xf32> {plan.name = "k"}, %v: tensor<6x2x4x16xf32> {plan.name = "v"},
                %pages: tensor<?x3xi32> {plan.name = "pages", plan.shape = affine_map<()[b]->(b,3)>},
                %length: tensor<?xi32> {plan.name = "length", plan.shape = affine_map<()[b]->(b)>})
    -> (tensor<?x4x3x16xf32> {plan.name = "out"}) attributes {plan.symbols = ["b"]} {
  %out = attn.attend query(%q : tensor<?x4x3x16xf32>) key(%k : tensor<6x2x4x16xf32>) value(%v : tensor<6x2x4x16xf32>)
      kv_length(%length : tensor<?xi32>) pages(%pages : tensor<?x3xi32>) scale 0.25 -> tensor<?x4x3x16xf32>
  return %out : tensor<?x4x3x16xf32>
}

//--- many.mlir
// CHECK: tile.kernel @k0_attend(
// CHECK-NOT: tile.kernel
func.func @main(%q: tensor<?x4x7x16xf32> {plan.name = "q", plan.shape = affine_map<()[b,n]->(b,4,7,16)>},
                %k: tensor<?x2x?x16xf32> {plan.name = "k", plan.shape = affine_map<()[b,n]->(b,2,n,16)>})
    -> (tensor<?x4x7x16xf32> {plan.name = "out"}) attributes {plan.symbols = ["b", "n"]} {
  %out = attn.attend query(%q : tensor<?x4x7x16xf32>) key(%k : tensor<?x2x?x16xf32>) value(%k : tensor<?x2x?x16xf32>)
      scale 0.25 -> tensor<?x4x7x16xf32>
  return %out : tensor<?x4x7x16xf32>
}

//--- regions.mlir
func.func @main(%q: tensor<?x4x?x16xf32> {plan.name = "q", plan.shape = affine_map<()[b,m,n]->(b,4,m,16)>},
                %k: tensor<?x2x?x16xf32> {plan.name = "k", plan.shape = affine_map<()[b,m,n]->(b,2,n,16)>},
                %v: tensor<?x2x?x144xf32> {plan.name = "v", plan.shape = affine_map<()[b,m,n]->(b,2,n,144)>},
                %bias: tensor<4x?x?xf32> {plan.name = "bias", plan.shape = affine_map<()[b,m,n]->(4,m,n)>},
                %gate: tensor<?x4x?x144xf32> {plan.name = "gate", plan.shape = affine_map<()[b,m,n]->(b,4,m,144)>})
    -> (tensor<?x4x?x144xf32> {plan.name = "out"}) attributes {plan.symbols = ["b", "m", "n"]} {
  %0 = attn.attend query(%q : tensor<?x4x?x16xf32>) key(%k : tensor<?x2x?x16xf32>) value(%v : tensor<?x2x?x144xf32>)
      captures(%bias : tensor<4x?x?xf32>) scale 0.25 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %t: tensor<4x?x?xf32>):
      %x = tensor.extract %t[%h, %row, %key] : tensor<4x?x?xf32>
      %r = arith.addf %s, %x : f32
      attn.yield %r : f32
    } prob {
    ^bb0(%p: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %t: tensor<4x?x?xf32>):
      %i = arith.index_cast %h : index to i32
      %f = arith.sitofp %i : i32 to f32
      %r = arith.mulf %p, %f : f32
      attn.yield %r : f32
    } -> tensor<?x4x?x144xf32>
  %sb = plan.symbol "b"
  %sm = plan.symbol "m"
  %e = tensor.empty(%sb, %sm) : tensor<?x4x?x144xf32>
  %1 = linalg.mul ins(%0, %gate : tensor<?x4x?x144xf32>, tensor<?x4x?x144xf32>) outs(%e : tensor<?x4x?x144xf32>) -> tensor<?x4x?x144xf32>
  return %1 : tensor<?x4x?x144xf32>
}
