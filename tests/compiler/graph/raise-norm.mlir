// RUN: heed-opt %s --raise-norm -o %t
// RUN: FileCheck %s < %t
// RUN: heed-interpret %s %t --entry=layer_written_out --dim n=3
// RUN: heed-interpret %s %t --entry=rms_in_half_precision
// RUN: heed-interpret %s %t --entry=fused_without_parameters
// RUN: heed-interpret %s %t --entry=over_two_dimensions
// RUN: heed-interpret %s %t --entry=sample_variance

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i, 0)>
#kept = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>
#unit = affine_map<(i, j) -> (0, j)>
#none = affine_map<(i, j) -> ()>
#all = affine_map<(i, j, k) -> (i, j, k)>
#first = affine_map<(i, j, k) -> (i)>

// ReduceMean, Sub, Mul, ReduceMean, Add, Sqrt, Div, Mul, Add: one generic each, sizes dynamic outside.
// CHECK-LABEL: func.func @layer_written_out
// CHECK-SAME: (%[[X:[^:]*]]: {{.*}}, %[[G:[^:]*]]: tensor<8xf32>, %[[B:[^:]*]]: tensor<8xf32>)
func.func @layer_written_out(%x: tensor<?x8xf32> {plan.shape = affine_map<()[s0] -> (s0, 8)>}, %g: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> attributes {plan.symbols = ["n"]} {
  // CHECK: %[[Y:.*]] = attn.norm layer %[[X]] : tensor<?x8xf32> scale(%[[G]] : tensor<8xf32>) bias(%[[B]] : tensor<8xf32>) from 1 epsilon 9.99999{{[0-9]*}}E-6
  // CHECK: return %[[Y]]
  // CHECK-NOT: linalg
  %n = plan.symbol "n"
  %zero = arith.constant 0.0 : f32
  %count = arith.constant 8.0 : f32
  %epsilon = arith.constant 1.0e-5 : f32
  %er = tensor.empty(%n) : tensor<?x1xf32>
  %e = tensor.empty(%n) : tensor<?x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%er : tensor<?x1xf32>) -> tensor<?x1xf32>
  %s = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x8xf32>) outs(%z : tensor<?x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.addf %o, %a : f32
    linalg.yield %1 : f32
  } -> tensor<?x1xf32>
  %m = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%s : tensor<?x1xf32>) outs(%er : tensor<?x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.divf %a, %count : f32
    linalg.yield %1 : f32
  } -> tensor<?x1xf32>
  %d = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %m : tensor<?x8xf32>, tensor<?x1xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %1 = arith.subf %a, %c : f32
    linalg.yield %1 : f32
  } -> tensor<?x8xf32>
  %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%d : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.mulf %a, %a : f32
    linalg.yield %1 : f32
  } -> tensor<?x8xf32>
  %v = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%q : tensor<?x8xf32>) outs(%z : tensor<?x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.addf %o, %a : f32
    linalg.yield %1 : f32
  } -> tensor<?x1xf32>
  %t = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%v : tensor<?x1xf32>) outs(%er : tensor<?x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.divf %a, %count : f32
    %2 = arith.addf %1, %epsilon : f32
    %3 = math.sqrt %2 : f32
    linalg.yield %3 : f32
  } -> tensor<?x1xf32>
  %y0 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%d, %t : tensor<?x8xf32>, tensor<?x1xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %1 = arith.divf %a, %c : f32
    linalg.yield %1 : f32
  } -> tensor<?x8xf32>
  %y1 = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]} ins(%y0, %g : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %1 = arith.mulf %a, %c : f32
    linalg.yield %1 : f32
  } -> tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]} ins(%y1, %b : tensor<?x8xf32>, tensor<8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %1 = arith.addf %a, %c : f32
    linalg.yield %1 : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// As Llama writes it: up to f32, times the reciprocal root, down to f16, times a scale of shape [1, 8].
// CHECK-LABEL: func.func @rms_in_half_precision
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x8xf16>, %[[G:[^:]*]]: tensor<1x8xf16>)
func.func @rms_in_half_precision(%x: tensor<4x8xf16>, %g: tensor<1x8xf16>) -> tensor<4x8xf16> {
  // CHECK: %[[S:.*]] = tensor.collapse_shape %[[G]]
  // CHECK: %[[Y:.*]] = attn.norm rms %[[X]] : tensor<4x8xf16> scale(%[[S]] : tensor<8xf16>) from 1 epsilon 9.99999{{[0-9]*}}E-7
  // CHECK: return %[[Y]]
  %zero = arith.constant 0.0 : f32
  %two = arith.constant 2.0 : f32
  %eighth = arith.constant 0.125 : f32
  %epsilon = arith.constant 1.0e-6 : f32
  %er = tensor.empty() : tensor<4xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %eh = tensor.empty() : tensor<4x8xf16>
  %w = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x8xf16>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f16, %o: f32):
    %1 = arith.extf %a : f16 to f32
    linalg.yield %1 : f32
  } -> tensor<4x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%er : tensor<4xf32>) -> tensor<4xf32>
  %s = linalg.generic {indexing_maps = [#id, #kept], iterator_types = ["parallel", "reduction"]} ins(%w : tensor<4x8xf32>) outs(%z : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = math.powf %a, %two : f32
    %2 = arith.addf %1, %o : f32
    linalg.yield %2 : f32
  } -> tensor<4xf32>
  %y0 = linalg.generic {indexing_maps = [#id, #kept, #id], iterator_types = ["parallel", "parallel"]} ins(%w, %s : tensor<4x8xf32>, tensor<4xf32>) outs(%eh : tensor<4x8xf16>) {
  ^bb0(%a: f32, %c: f32, %o: f16):
    %1 = arith.mulf %c, %eighth : f32
    %2 = arith.addf %epsilon, %1 : f32
    %3 = math.rsqrt %2 : f32
    %4 = arith.mulf %a, %3 : f32
    %5 = arith.truncf %4 : f32 to f16
    linalg.yield %5 : f16
  } -> tensor<4x8xf16>
  %y = linalg.generic {indexing_maps = [#unit, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%g, %y0 : tensor<1x8xf16>, tensor<4x8xf16>) outs(%eh : tensor<4x8xf16>) {
  ^bb0(%a: f16, %c: f16, %o: f16):
    %1 = arith.mulf %a, %c : f16
    linalg.yield %1 : f16
  } -> tensor<4x8xf16>
  return %y : tensor<4x8xf16>
}

// CHECK-LABEL: func.func @fused_without_parameters
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x8xf32>)
func.func @fused_without_parameters(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK: attn.norm layer %[[X]] : tensor<4x8xf32> from 1 epsilon 0.0010000000{{[0-9]*}}
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %eighth = arith.constant 0.125 : f32
  %epsilon = arith.constant 1.0e-3 : f32
  %er = tensor.empty() : tensor<4xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%er : tensor<4xf32>) -> tensor<4xf32>
  %s = linalg.generic {indexing_maps = [#id, #kept], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x8xf32>) outs(%z : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.addf %o, %a : f32
    linalg.yield %1 : f32
  } -> tensor<4xf32>
  %v = linalg.generic {indexing_maps = [#id, #kept, #kept], iterator_types = ["parallel", "reduction"]} ins(%x, %s : tensor<4x8xf32>, tensor<4xf32>) outs(%z : tensor<4xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %1 = arith.mulf %c, %eighth : f32
    %2 = arith.subf %a, %1 : f32
    %3 = arith.mulf %2, %2 : f32
    %4 = arith.addf %o, %3 : f32
    linalg.yield %4 : f32
  } -> tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#id, #kept, #kept, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %s, %v : tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %c: f32, %u: f32, %o: f32):
    %1 = arith.mulf %c, %eighth : f32
    %2 = arith.subf %a, %1 : f32
    %3 = arith.mulf %u, %eighth : f32
    %4 = arith.addf %3, %epsilon : f32
    %5 = math.sqrt %4 : f32
    %6 = arith.divf %one, %5 : f32
    %7 = arith.mulf %6, %2 : f32
    linalg.yield %7 : f32
  } -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @over_two_dimensions
// CHECK-SAME: (%[[X:[^:]*]]: tensor<2x4x8xf32>)
func.func @over_two_dimensions(%x: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  // CHECK: attn.norm rms %[[X]] : tensor<2x4x8xf32> from 1 epsilon 0.0010000000{{[0-9]*}}
  %zero = arith.constant 0.0 : f32
  %count = arith.constant 32.0 : f32
  %epsilon = arith.constant 1.0e-3 : f32
  %er = tensor.empty() : tensor<2xf32>
  %e = tensor.empty() : tensor<2x4x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%er : tensor<2xf32>) -> tensor<2xf32>
  %s = linalg.generic {indexing_maps = [#all, #first], iterator_types = ["parallel", "reduction", "reduction"]} ins(%x : tensor<2x4x8xf32>) outs(%z : tensor<2xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.mulf %a, %a : f32
    %2 = arith.addf %o, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<2xf32>
  %y = linalg.generic {indexing_maps = [#all, #first, #all], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x, %s : tensor<2x4x8xf32>, tensor<2xf32>) outs(%e : tensor<2x4x8xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %1 = arith.divf %c, %count : f32
    %2 = arith.addf %1, %epsilon : f32
    %3 = math.sqrt %2 : f32
    %4 = arith.divf %a, %3 : f32
    linalg.yield %4 : f32
  } -> tensor<2x4x8xf32>
  return %y : tensor<2x4x8xf32>
}

// Divided by 7, not by 8: another function, which stays.
// CHECK-LABEL: func.func @sample_variance
func.func @sample_variance(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK-NOT: attn.norm
  // CHECK: return
  %zero = arith.constant 0.0 : f32
  %count = arith.constant 7.0 : f32
  %epsilon = arith.constant 1.0e-3 : f32
  %er = tensor.empty() : tensor<4xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%er : tensor<4xf32>) -> tensor<4xf32>
  %s = linalg.generic {indexing_maps = [#id, #kept], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x8xf32>) outs(%z : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.mulf %a, %a : f32
    %2 = arith.addf %o, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#id, #kept, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %s : tensor<4x8xf32>, tensor<4xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %1 = arith.divf %c, %count : f32
    %2 = arith.addf %1, %epsilon : f32
    %3 = math.rsqrt %2 : f32
    %4 = arith.mulf %a, %3 : f32
    linalg.yield %4 : f32
  } -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
