// Before a kernel waits for the launch before its own it does what needs nothing of that: it loads lengths, and brings
// weights into the cache that a loop will read. Both are inputs that no launch of the plan writes.
// RUN: split-file %s %t
// RUN: heedc %t/weights.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefix=WEIGHTS
// RUN: heedc %t/lengths.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefix=LENGTHS
// RUN: heedc %t/scales.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefix=SCALES
// RUN: heedc %t/table.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefix=TABLE

// All vectors of a lane, each by the lane that wants the first of a line, before any is loaded; with other operands it loads single elements.
// WEIGHTS-LABEL: .entry k1_matmul_aligned(
// WEIGHTS: griddepcontrol.launch_dependents;
// WEIGHTS-NOT: ld.global
// WEIGHTS-COUNT-8: @%p{{[0-9]+}} prefetch.global.L2 [%
// WEIGHTS-NOT: ld.global
// WEIGHTS-NOT: prefetch
// WEIGHTS: griddepcontrol.wait;
// WEIGHTS: ld.global
// WEIGHTS-LABEL: .entry k1_matmul(
// WEIGHTS-NOT: prefetch
// What the kernel behind reads is not the other's result.
// WEIGHTS-LABEL: .entry k2_row_aligned(
// WEIGHTS-NOT: ld.global
// WEIGHTS: griddepcontrol.wait;

// LENGTHS-LABEL: .entry k1_attend_parts_aligned(
// LENGTHS: ld.global
// LENGTHS-NOT: .global
// LENGTHS: griddepcontrol.wait;
// LENGTHS: ld.global

// What every program reads is asked for by none: it is loaded before the wait. Every lane has a part of it, in narrower
// vectors than rows of 384 allow; and what is not the scale comes behind the wait.
// SCALES-LABEL: .entry k1_row_aligned(
// SCALES-NOT: prefetch
// SCALES-COUNT-3: ld.global.v2.{{[bu]}}32
// SCALES-NOT: ld.global
// SCALES: griddepcontrol.wait;
// SCALES-COUNT-3: ld.global.v2.{{[bu]}}32
// SCALES-NOT: ld.global
// SCALES: st.global
// SCALES-LABEL: .entry k1_row(

// Without loops, what is a program's own is loaded early, too, and what the kernel before makes is not.
// TABLE-LABEL: .entry k1_map_aligned(
// TABLE-NOT: prefetch
// TABLE-COUNT-1: ld.global.v4
// TABLE-NOT: ld.global
// TABLE: griddepcontrol.wait;
// TABLE-COUNT-2: ld.global.v4
// TABLE-NOT: ld.global
// TABLE: st.global

//--- table.mlir
func.func @main(%x: tensor<?x512xf32> {plan.name = "x", plan.shape = affine_map<()[s0] -> (s0, 512)>}, %table: tensor<?x256xf32> {plan.name = "table", plan.shape = affine_map<()[s0] -> (s0, 256)>})
    -> (tensor<?x256xf32> {plan.name = "y"}) attributes {plan.symbols = ["rows"]} {
  %rows = plan.symbol "rows"
  %wide = tensor.empty(%rows) : tensor<?x512xf32>
  %empty = tensor.empty(%rows) : tensor<?x256xf32>
  %0 = linalg.softmax dimension(1) ins(%x : tensor<?x512xf32>) outs(%wide : tensor<?x512xf32>) -> tensor<?x512xf32>
  %low = tensor.extract_slice %0[0, 0] [%rows, 256] [1, 1] : tensor<?x512xf32> to tensor<?x256xf32>
  %high = tensor.extract_slice %0[0, 256] [%rows, 256] [1, 1] : tensor<?x512xf32> to tensor<?x256xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%low, %high, %table : tensor<?x256xf32>, tensor<?x256xf32>, tensor<?x256xf32>) outs(%empty : tensor<?x256xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
    %p = arith.mulf %a, %c : f32
    %s = arith.addf %p, %b : f32
    linalg.yield %s : f32
  } -> tensor<?x256xf32>
  return %1 : tensor<?x256xf32>
}

//--- scales.mlir
func.func @main(%x: tensor<?x384xbf16> {plan.name = "x", plan.shape = affine_map<()[s0] -> (s0, 384)>}, %scale: tensor<384xbf16> {plan.name = "scale"})
    -> (tensor<?x384xbf16> {plan.name = "y"}) attributes {plan.symbols = ["rows"]} {
  %rows = plan.symbol "rows"
  %empty = tensor.empty(%rows) : tensor<?x384xbf16>
  %0 = linalg.softmax dimension(1) ins(%x : tensor<?x384xbf16>) outs(%empty : tensor<?x384xbf16>) -> tensor<?x384xbf16>
  %1 = attn.norm rms %0 : tensor<?x384xbf16> scale(%scale : tensor<384xbf16>) from 1 epsilon 1.0e-5
  return %1 : tensor<?x384xbf16>
}

//--- weights.mlir
func.func @main(%x: tensor<1x2048xbf16> {plan.name = "x"}, %w: tensor<2048x2048xbf16> {plan.name = "w"})
    -> (tensor<1x2048xf32> {plan.name = "y"}) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x2048xbf16>
  %wide = tensor.empty() : tensor<1x2048xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%wide : tensor<1x2048xf32>) -> tensor<1x2048xf32>
  %0 = linalg.softmax dimension(1) ins(%x : tensor<1x2048xbf16>) outs(%empty : tensor<1x2048xbf16>) -> tensor<1x2048xbf16>
  %1 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%0, %w : tensor<1x2048xbf16>, tensor<2048x2048xbf16>) outs(%fill : tensor<1x2048xf32>) {
  ^bb0(%a: bf16, %b: bf16, %c: f32):
    %wide_a = arith.extf %a : bf16 to f32
    %wide_b = arith.extf %b : bf16 to f32
    %p = arith.mulf %wide_a, %wide_b : f32
    %s = arith.addf %c, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x2048xf32>
  %2 = linalg.softmax dimension(0) ins(%1 : tensor<1x2048xf32>) outs(%wide : tensor<1x2048xf32>) -> tensor<1x2048xf32>
  return %2 : tensor<1x2048xf32>
}

//--- lengths.mlir
func.func @main(%query: tensor<?x32x1x128xbf16> {plan.name = "query", plan.shape = affine_map<()[b, n] -> (b, 32, 1, 128)>},
    %key: tensor<?x8x?x128xbf16> {plan.name = "key", plan.shape = affine_map<()[b, n] -> (b, 8, n, 128)>},
    %value: tensor<?x8x?x128xbf16> {plan.name = "value", plan.shape = affine_map<()[b, n] -> (b, 8, n, 128)>},
    %length: tensor<?xi32> {plan.name = "length", plan.shape = affine_map<()[b, n] -> (b)>})
    -> (tensor<?x32x1x128xbf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "keys"]} {
  %batch = plan.symbol "batch"
  %empty = tensor.empty(%batch) : tensor<?x32x1x128xbf16>
  %made = linalg.softmax dimension(3) ins(%query : tensor<?x32x1x128xbf16>) outs(%empty : tensor<?x32x1x128xbf16>) -> tensor<?x32x1x128xbf16>
  %out = attn.attend query(%made : tensor<?x32x1x128xbf16>) key(%key : tensor<?x8x?x128xbf16>)
      value(%value : tensor<?x8x?x128xbf16>) kv_length(%length : tensor<?xi32>) scale 0.0883 -> tensor<?x32x1x128xbf16>
  return %out : tensor<?x32x1x128xbf16>
}
