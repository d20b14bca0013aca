// Products that share their left operand and meet in an elementwise op are one kernel.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t
// RUN: heed-interpret %s %t --entry=gated --dim s=7
// RUN: heed-interpret %s %t --entry=two_rows
// RUN: heed-interpret %s %t --entry=three
// RUN: heed-interpret %s %t --entry=other_left
// RUN: heed-interpret %s %t --entry=read_twice
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels))' | FileCheck %s
// RUN: FileCheck %s --check-prefix=TILE < %t

#rows = affine_map<(m, n, k) -> (m, k)>
#along = affine_map<(m, n, k) -> (k, n)>
#result = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#column = affine_map<(m, n) -> (n)>

// What comes between one of them and the meeting is part of the kernel.
// CHECK-LABEL: func.func @gated
// CHECK: plan.kernel matmul
// CHECK-SAME: notes ["fused: mulf", "joined: mulf addf", "fused: addf"]
// CHECK-NOT: plan.kernel
// One loop, the left operand loaded once.
// TILE-LABEL: tile.kernel @k0_matmul
// TILE: scf.for {{.*}} -> (tensor<4x8xf32>, tensor<4x8xf32>)
// TILE-COUNT-3: tile.load
// TILE-NOT: tile.load
// TILE-COUNT-2: tile.dot
// TILE: scf.yield
func.func @gated(%x: tensor<?x19xf32> {plan.name = "x", plan.shape = affine_map<()[s]->(s,19)>}, %v: tensor<19x21xf32> {plan.name = "v"}, %w: tensor<19x21xf32> {plan.name = "w"}, %c: tensor<21xf32> {plan.name = "c"})
    -> (tensor<?x21xf32> {plan.name = "y0"}) attributes {plan.symbols = ["s"]} {
  %s = plan.symbol "s"
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty(%s) : tensor<?x21xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x21xf32>) -> tensor<?x21xf32>
  %a = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %v : tensor<?x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<?x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<?x21xf32>
  %b = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<?x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<?x21xf32>
  %d = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%b, %c : tensor<?x21xf32>, tensor<21xf32>) outs(%empty : tensor<?x21xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %made = arith.addf %l, %r : f32
    linalg.yield %made : f32
  } -> tensor<?x21xf32>
  %e = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a, %d : tensor<?x21xf32>, tensor<?x21xf32>) outs(%empty : tensor<?x21xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %made = arith.mulf %l, %r : f32
    linalg.yield %made : f32
  } -> tensor<?x21xf32>
  return %e : tensor<?x21xf32>
}

// Few rows: sums of both in one loop.
// CHECK-LABEL: func.func @two_rows
// CHECK-COUNT-1: plan.kernel
// CHECK-NOT: plan.kernel
// TILE-LABEL: tile.kernel @k1_matmul
// TILE: scf.for {{.*}} -> (tensor<4x16xf32>, tensor<4x16xf32>, tensor<4x16xf32>, tensor<4x16xf32>)
// TILE-COUNT-4: tile.reduce add
func.func @two_rows(%x: tensor<2x19xf32> {plan.name = "x"}, %v: tensor<19x21xf32> {plan.name = "v"}, %w: tensor<19x21xf32> {plan.name = "w"})
    -> (tensor<2x21xf32> {plan.name = "y0"}) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2x21xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<2x21xf32>) -> tensor<2x21xf32>
  %a = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %v : tensor<2x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<2x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<2x21xf32>
  %b = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<2x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<2x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<2x21xf32>
  %e = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%b, %a : tensor<2x21xf32>, tensor<2x21xf32>) outs(%empty : tensor<2x21xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %made = arith.mulf %l, %r : f32
    linalg.yield %made : f32
  } -> tensor<2x21xf32>
  return %e : tensor<2x21xf32>
}

// Two at most: the third is a kernel of its own.
// CHECK-LABEL: func.func @three
// CHECK: plan.kernel matmul
// CHECK: plan.kernel matmul
// CHECK-SAME: "joined: mulf addf"
// CHECK-NOT: plan.kernel
func.func @three(%x: tensor<6x19xf32> {plan.name = "x"}, %u: tensor<19x21xf32> {plan.name = "u"}, %v: tensor<19x21xf32> {plan.name = "v"}, %w: tensor<19x21xf32> {plan.name = "w"})
    -> (tensor<6x21xf32> {plan.name = "y0"}) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<6x21xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x21xf32>) -> tensor<6x21xf32>
  %a = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %u : tensor<6x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<6x21xf32>
  %b = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %v : tensor<6x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<6x21xf32>
  %c = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<6x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<6x21xf32>
  %d = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a, %b : tensor<6x21xf32>, tensor<6x21xf32>) outs(%empty : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %made = arith.mulf %l, %r : f32
    linalg.yield %made : f32
  } -> tensor<6x21xf32>
  %e = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%d, %c : tensor<6x21xf32>, tensor<6x21xf32>) outs(%empty : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %made = arith.mulf %l, %r : f32
    linalg.yield %made : f32
  } -> tensor<6x21xf32>
  return %e : tensor<6x21xf32>
}

// Products of different left operands are not joined.
// CHECK-LABEL: func.func @other_left
// CHECK-COUNT-2: plan.kernel matmul
// CHECK-NOT: joined
func.func @other_left(%x: tensor<6x19xf32> {plan.name = "x"}, %z: tensor<6x19xf32> {plan.name = "z"}, %v: tensor<19x21xf32> {plan.name = "v"}, %w: tensor<19x21xf32> {plan.name = "w"})
    -> (tensor<6x21xf32> {plan.name = "y0"}) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<6x21xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x21xf32>) -> tensor<6x21xf32>
  %a = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %v : tensor<6x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<6x21xf32>
  %b = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%z, %w : tensor<6x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<6x21xf32>
  %e = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a, %b : tensor<6x21xf32>, tensor<6x21xf32>) outs(%empty : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %made = arith.mulf %l, %r : f32
    linalg.yield %made : f32
  } -> tensor<6x21xf32>
  return %e : tensor<6x21xf32>
}

// Sums that something else reads are stored anyway.
// CHECK-LABEL: func.func @read_twice
// CHECK-COUNT-2: plan.kernel matmul
// CHECK-NOT: joined
func.func @read_twice(%x: tensor<6x19xf32> {plan.name = "x"}, %v: tensor<19x21xf32> {plan.name = "v"}, %w: tensor<19x21xf32> {plan.name = "w"})
    -> (tensor<6x21xf32> {plan.name = "y0"}, tensor<6x21xf32> {plan.name = "y1"}) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<6x21xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x21xf32>) -> tensor<6x21xf32>
  %a = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %v : tensor<6x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<6x21xf32>
  %b = linalg.generic {indexing_maps = [#rows, #along, #result], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<6x19xf32>, tensor<19x21xf32>) outs(%fill : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %sum = arith.addf %acc, %p : f32
    linalg.yield %sum : f32
  } -> tensor<6x21xf32>
  %e = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%a, %b : tensor<6x21xf32>, tensor<6x21xf32>) outs(%empty : tensor<6x21xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %made = arith.mulf %l, %r : f32
    linalg.yield %made : f32
  } -> tensor<6x21xf32>
  return %e, %b : tensor<6x21xf32>, tensor<6x21xf32>
}
