// RUN: heed-opt %s --raise-softmax | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i, 0)>
#kept = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>

// As an exporter writes it: keepdims reductions, one generic an operation.
// CHECK-LABEL: func.func @written_out
// CHECK-SAME: %[[X:.*]]: tensor<4x?xf32>
func.func @written_out(%x: tensor<4x?xf32> {plan.shape = affine_map<()[s0] -> (4, s0)>}) -> tensor<4x?xf32> attributes {plan.symbols = ["n"]} {
  // CHECK: %[[N:.*]] = plan.symbol "n"
  // CHECK: %[[INIT:.*]] = tensor.empty(%[[N]])
  // CHECK: %[[Y:.*]] = linalg.softmax dimension(1) ins(%[[X]] : tensor<4x?xf32>) outs(%[[INIT]]
  // CHECK: return %[[Y]]
  %n = plan.symbol "n"
  %lowest = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %r = tensor.empty() : tensor<4x1xf32>
  %e = tensor.empty(%n) : tensor<4x?xf32>
  %m0 = linalg.fill ins(%lowest : f32) outs(%r : tensor<4x1xf32>) -> tensor<4x1xf32>
  %m = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x?xf32>) outs(%m0 : tensor<4x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.maximumf %o, %a : f32
    linalg.yield %1 : f32
  } -> tensor<4x1xf32>
  %d = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %m : tensor<4x?xf32>, tensor<4x1xf32>) outs(%e : tensor<4x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.subf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<4x?xf32>
  %p = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%d : tensor<4x?xf32>) outs(%e : tensor<4x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = math.exp %a : f32
    linalg.yield %1 : f32
  } -> tensor<4x?xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%r : tensor<4x1xf32>) -> tensor<4x1xf32>
  %s = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%p : tensor<4x?xf32>) outs(%s0 : tensor<4x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = arith.addf %o, %a : f32
    linalg.yield %1 : f32
  } -> tensor<4x1xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%p, %s : tensor<4x?xf32>, tensor<4x1xf32>) outs(%e : tensor<4x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.divf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<4x?xf32>
  return %y : tensor<4x?xf32>
}

// Fused by hand, half precision outside and single inside, along the first dimension, multiplied by the reciprocal.
// CHECK-LABEL: func.func @fused_by_hand
// CHECK-SAME: %[[X:.*]]: tensor<8x16xf16>
func.func @fused_by_hand(%x: tensor<8x16xf16>) -> tensor<8x16xf16> {
  // CHECK: linalg.softmax dimension(0) ins(%[[X]] : tensor<8x16xf16>)
  // CHECK-NOT: linalg.generic
  %lowest = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %r = tensor.empty() : tensor<16xf32>
  %e = tensor.empty() : tensor<8x16xf16>
  %m0 = linalg.fill ins(%lowest : f32) outs(%r : tensor<16xf32>) -> tensor<16xf32>
  %m = linalg.generic {indexing_maps = [#id, #column], iterator_types = ["reduction", "parallel"]} ins(%x : tensor<8x16xf16>) outs(%m0 : tensor<16xf32>) {
  ^bb0(%a: f16, %o: f32):
    %a1 = arith.extf %a : f16 to f32
    %1 = arith.maxnumf %a1, %o : f32
    linalg.yield %1 : f32
  } -> tensor<16xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%r : tensor<16xf32>) -> tensor<16xf32>
  %s = linalg.generic {indexing_maps = [#id, #column, #column], iterator_types = ["reduction", "parallel"]} ins(%x, %m : tensor<8x16xf16>, tensor<16xf32>) outs(%s0 : tensor<16xf32>) {
  ^bb0(%a: f16, %b: f32, %o: f32):
    %a1 = arith.extf %a : f16 to f32
    %1 = arith.subf %a1, %b : f32
    %2 = math.exp %1 : f32
    %3 = arith.addf %o, %2 : f32
    linalg.yield %3 : f32
  } -> tensor<16xf32>
  %y = linalg.generic {indexing_maps = [#id, #column, #column, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %m, %s : tensor<8x16xf16>, tensor<16xf32>, tensor<16xf32>) outs(%e : tensor<8x16xf16>) {
  ^bb0(%a: f16, %b: f32, %c: f32, %o: f16):
    %a1 = arith.extf %a : f16 to f32
    %1 = arith.subf %a1, %b : f32
    %2 = math.exp %1 : f32
    %3 = arith.divf %one, %c : f32
    %4 = arith.mulf %2, %3 : f32
    %5 = arith.truncf %4 : f32 to f16
    linalg.yield %5 : f16
  } -> tensor<8x16xf16>
  return %y : tensor<8x16xf16>
}

// The sum runs over other elements than the quotient takes: not a softmax.
// CHECK-LABEL: func.func @other_sum
func.func @other_sum(%x: tensor<8x16xf32>, %z: tensor<8x16xf32>) -> tensor<8x16xf32> {
  // CHECK-NOT: linalg.softmax
  // CHECK: return
  %zero = arith.constant 0.0 : f32
  %r = tensor.empty() : tensor<8xf32>
  %e = tensor.empty() : tensor<8x16xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%r : tensor<8xf32>) -> tensor<8xf32>
  %s = linalg.generic {indexing_maps = [#id, #kept], iterator_types = ["parallel", "reduction"]} ins(%z : tensor<8x16xf32>) outs(%s0 : tensor<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = math.exp %a : f32
    %2 = arith.addf %o, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<8xf32>
  %y = linalg.generic {indexing_maps = [#id, #kept, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %s : tensor<8x16xf32>, tensor<8xf32>) outs(%e : tensor<8x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = math.exp %a : f32
    %2 = arith.divf %1, %b : f32
    linalg.yield %2 : f32
  } -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}
