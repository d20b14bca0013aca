// RUN: heed-opt %s --raise-softmax --raise-attention --canonicalize --cse -o %t
// RUN: FileCheck %s < %t
// RUN: heed-interpret %s %t --entry=causal_and_padding --dim batch=2 --dim length=3 --input=mask=1,1,0,1,1,1
// RUN: heed-interpret %s %t --entry=softcap_bias_and_mask
// RUN: heed-interpret %s %t --entry=stored_triangle_and_gathered_padding --dim length=4 --input=1=1,1,1,0,1,0,1,1
// RUN: heed-interpret %s %t --entry=inverted_padding_and_past --dim rows=2 --dim past=3 --input=mask=1,1,1,0,1,1,0,1,1,1
// RUN: heed-interpret %s %t --entry=moderate_penalty

#q = affine_map<(b, h, i, j, d) -> (b, h, i, d)>
#k = affine_map<(b, h, i, j, d) -> (b, h, j, d)>
#s = affine_map<(b, h, i, j, d) -> (b, h, i, j)>
#p = affine_map<(b, h, i, d, j) -> (b, h, i, j)>
#v = affine_map<(b, h, i, d, j) -> (b, h, j, d)>
#o = affine_map<(b, h, i, d, j) -> (b, h, i, d)>
#id = affine_map<(b, h, i, j) -> (b, h, i, j)>
#shared = affine_map<(b, h, i, j) -> (b, 0, i, j)>
#padding = affine_map<(b, h, i, j) -> (b, 0, 0, j)>
#rowkey = affine_map<(b, h, i, j) -> (i, j)>
#bias = affine_map<(b, h, i, j) -> (h, i, j)>
#matrix = affine_map<(i, j) -> (i, j)>

// A causal triangle made from indices, padding given as a tensor of integers, both as added terms of 0 or the lowest
// float: two rules, and the padding is read where it is.
// CHECK-LABEL: func.func @causal_and_padding
// CHECK-SAME: %[[MASK:[^:]*]]: tensor<?x?xi64>
func.func @causal_and_padding(%q: tensor<?x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 16)>}, %k: tensor<?x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 16)>}, %v: tensor<?x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (s0, 4, s1, 16)>}, %mask: tensor<?x?xi64> {plan.name = "mask", plan.shape = affine_map<()[s0, s1] -> (s0, s1)>}) -> tensor<?x4x?x16xf32> attributes {plan.symbols = ["batch", "length"]} {
  // CHECK: attn.attend {{.*}} captures(%[[MASK]] : tensor<?x?xi64>) scale 1.000000e+00 keep {
  // CHECK-NEXT: ^bb0(%[[B:[^:]*]]: index, %{{[^:]*}}: index, %[[ROW:[^:]*]]: index, %[[KEY:[^:]*]]: index, %{{[^:]*}}: index, %[[M:[^:]*]]: tensor<?x?xi64>):
  // CHECK-DAG: %[[VISIBLE:.*]] = arith.cmpi sle, %[[KEY]], %[[ROW]] : index
  // CHECK-DAG: %[[READ:.*]] = tensor.extract %[[M]][%[[B]], %[[KEY]]]
  // CHECK-DAG: %[[PRESENT:.*]] = arith.cmpi ne, %[[READ]], %{{.*}} : i64
  // CHECK: %[[BOTH:.*]] = arith.andi %[[PRESENT]], %[[VISIBLE]]
  // CHECK-NEXT: attn.yield %[[BOTH]] : i1
  // CHECK-NOT: linalg.generic
  %b = plan.symbol "batch"
  %n = plan.symbol "length"
  %zero = arith.constant 0.0 : f32
  %izero = arith.constant 0 : i64
  %lowest = arith.constant -3.40282347E+38 : f32
  %et = tensor.empty(%n, %n) : tensor<?x?xf32>
  %em = tensor.empty(%b, %n, %n) : tensor<?x1x?x?xf32>
  %e = tensor.empty(%b, %n, %n) : tensor<?x4x?x?xf32>
  %eo = tensor.empty(%b, %n) : tensor<?x4x?x16xf32>
  %triangle = linalg.generic {indexing_maps = [#matrix], iterator_types = ["parallel", "parallel"]} outs(%et : tensor<?x?xf32>) {
  ^bb0(%u: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %ii = arith.index_cast %i : index to i64
    %jj = arith.index_cast %j : index to i64
    %later = arith.cmpi sgt, %jj, %ii : i64
    %1 = arith.select %later, %lowest, %zero : f32
    linalg.yield %1 : f32
  } -> tensor<?x?xf32>
  %m4 = tensor.expand_shape %mask [[0], [1, 2, 3]] output_shape [%b, 1, 1, %n] : tensor<?x?xi64> into tensor<?x1x1x?xi64>
  %term = linalg.generic {indexing_maps = [#padding, #rowkey, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%m4, %triangle : tensor<?x1x1x?xi64>, tensor<?x?xf32>) outs(%em : tensor<?x1x?x?xf32>) {
  ^bb0(%a: i64, %t: f32, %u: f32):
    %padding = arith.cmpi eq, %a, %izero : i64
    %1 = arith.select %padding, %lowest, %t : f32
    linalg.yield %1 : f32
  } -> tensor<?x1x?x?xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %k : tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) outs(%z : tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %scores = linalg.generic {indexing_maps = [#id, #shared, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot, %term : tensor<?x4x?x?xf32>, tensor<?x1x?x?xf32>) outs(%e : tensor<?x4x?x?xf32>) {
  ^bb0(%a: f32, %t: f32, %u: f32):
    %1 = arith.addf %a, %t : f32
    linalg.yield %1 : f32
  } -> tensor<?x4x?x?xf32>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<?x4x?x?xf32>) outs(%e : tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %v : tensor<?x4x?x?xf32>, tensor<?x4x?x16xf32>) outs(%zo : tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  return %out : tensor<?x4x?x16xf32>
}

// Softcap, then a bias tensor, then a mask of truth values, in half precision: computed in f32 inside the region.
// CHECK-LABEL: func.func @softcap_bias_and_mask
// CHECK-SAME: %[[BIAS:[^:]*]]: tensor<4x8x8xf16>, %[[MASK:[^:]*]]: tensor<8x8xi1>
func.func @softcap_bias_and_mask(%q: tensor<2x4x8x16xf16>, %k: tensor<2x4x8x16xf16>, %v: tensor<2x4x8x16xf16>, %bias: tensor<4x8x8xf16>, %mask: tensor<8x8xi1>) -> tensor<2x4x8x16xf16> {
  // CHECK: attn.attend {{.*}} captures(%[[MASK]], %[[BIAS]] : tensor<8x8xi1>, tensor<4x8x8xf16>) scale 5.000000e-01 score {
  // CHECK-NEXT: ^bb0(%[[S:[^:]*]]: f32, %{{[^:]*}}: index, %[[H:[^:]*]]: index, %[[ROW:[^:]*]]: index, %[[KEY:[^:]*]]: index, %{{[^:]*}}: index, %{{[^:]*}}: tensor<8x8xi1>, %[[T:[^:]*]]: tensor<4x8x8xf16>):
  // CHECK: %[[TANH:.*]] = math.tanh %[[S]] : f32
  // CHECK: %[[CAP:.*]] = arith.mulf %[[TANH]], %{{.*}} : f32
  // CHECK: %[[READ:.*]] = tensor.extract %[[T]][%[[H]], %[[ROW]], %[[KEY]]]
  // CHECK: %[[WIDE:.*]] = arith.extf %[[READ]] : f16 to f32
  // CHECK: %[[SUM:.*]] = arith.addf %[[CAP]], %[[WIDE]] : f32
  // CHECK: attn.yield %[[SUM]]
  // CHECK: } keep {
  // CHECK-NEXT: ^bb0(%{{[^:]*}}: index, %{{[^:]*}}: index, %[[ROW:[^:]*]]: index, %[[KEY:[^:]*]]: index, %{{[^:]*}}: index, %[[M:[^:]*]]: tensor<8x8xi1>, %{{[^:]*}}: tensor<4x8x8xf16>):
  // CHECK-NEXT: %[[READ:.*]] = tensor.extract %[[M]][%[[ROW]], %[[KEY]]]
  // CHECK-NEXT: attn.yield %[[READ]] : i1
  // CHECK: } -> tensor<2x4x8x16xf16>
  %zero = arith.constant 0.0 : f32
  %hzero = arith.constant 0.0 : f16
  %low = arith.constant 0xFC00 : f16
  %cap = arith.constant 2.0 : f16
  %e32 = tensor.empty() : tensor<2x4x8x8xf32>
  %e = tensor.empty() : tensor<2x4x8x8xf16>
  %eo = tensor.empty() : tensor<2x4x8x16xf16>
  %z = linalg.fill ins(%zero : f32) outs(%e32 : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %zo = linalg.fill ins(%hzero : f16) outs(%eo : tensor<2x4x8x16xf16>) -> tensor<2x4x8x16xf16>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %k : tensor<2x4x8x16xf16>, tensor<2x4x8x16xf16>) outs(%z : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %scores = linalg.generic {indexing_maps = [#id, #bias, #rowkey, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot, %bias, %mask : tensor<2x4x8x8xf32>, tensor<4x8x8xf16>, tensor<8x8xi1>) outs(%e : tensor<2x4x8x8xf16>) {
  ^bb0(%a: f32, %t: f16, %m: i1, %u: f16):
    %h = arith.truncf %a : f32 to f16
    %1 = arith.divf %h, %cap : f16
    %2 = math.tanh %1 : f16
    %3 = arith.mulf %2, %cap : f16
    %4 = arith.addf %3, %t : f16
    %5 = arith.select %m, %4, %low : f16
    linalg.yield %5 : f16
  } -> tensor<2x4x8x8xf16>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<2x4x8x8xf16>) outs(%e : tensor<2x4x8x8xf16>) -> tensor<2x4x8x8xf16>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %v : tensor<2x4x8x8xf16>, tensor<2x4x8x16xf16>) outs(%zo : tensor<2x4x8x16xf16>) -> tensor<2x4x8x16xf16>
  return %out : tensor<2x4x8x16xf16>
}

// A triangle stored as a constant and cut to the length is a rule, as is padding that is gathered by index tensors.
// CHECK-LABEL: func.func @stored_triangle_and_gathered_padding
// CHECK-SAME: %[[MASK:[^:]*]]: tensor<2x?xi1>
func.func @stored_triangle_and_gathered_padding(%q: tensor<2x4x?x16xf32> {plan.shape = affine_map<()[s0] -> (2, 4, s0, 16)>}, %mask: tensor<2x?xi1> {plan.shape = affine_map<()[s0] -> (2, s0)>}) -> tensor<2x4x?x16xf32> attributes {plan.symbols = ["length"]} {
  // CHECK: attn.attend {{.*}} captures(%[[MASK]] : tensor<2x?xi1>) {{.*}} keep {
  // CHECK-NEXT: ^bb0(%[[B:[^:]*]]: index, %{{[^:]*}}: index, %[[ROW:[^:]*]]: index, %[[KEY:[^:]*]]: index, %{{[^:]*}}: index, %[[M:[^:]*]]: tensor<2x?xi1>):
  // CHECK-DAG: %[[READ:.*]] = tensor.extract %[[M]][%[[B]], %[[KEY]]]
  // CHECK-DAG: %[[VISIBLE:.*]] = arith.cmpi sle, %[[KEY]], %[[ROW]] : index
  // CHECK: %[[BOTH:.*]] = arith.andi
  // CHECK-NEXT: attn.yield %[[BOTH]] : i1
  %n = plan.symbol "length"
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %low = arith.constant 0xFF800000 : f32
  %triangle = arith.constant dense<[[[[true, false, false, false, false, false], [true, true, false, false, false, false], [true, true, true, false, false, false], [true, true, true, true, false, false], [true, true, true, true, true, false], [true, true, true, true, true, true]]]]> : tensor<1x1x6x6xi1>
  %cut = tensor.extract_slice %triangle[0, 0, 0, 0] [1, 1, %n, %n] [1, 1, 1, 1] : tensor<1x1x6x6xi1> to tensor<1x1x?x?xi1>
  %ei = tensor.empty(%n) : tensor<2x?x1xi64>
  %em = tensor.empty(%n) : tensor<2x?xi1>
  %ib = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%ei : tensor<2x?x1xi64>) {
  ^bb0(%u: i64):
    %i = linalg.index 0 : index
    %ii = arith.index_cast %i : index to i64
    linalg.yield %ii : i64
  } -> tensor<2x?x1xi64>
  %ik = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%ei : tensor<2x?x1xi64>) {
  ^bb0(%u: i64):
    %i = linalg.index 1 : index
    %ii = arith.index_cast %i : index to i64
    linalg.yield %ii : i64
  } -> tensor<2x?x1xi64>
  %both = tensor.concat dim(2) %ib, %ik : (tensor<2x?x1xi64>, tensor<2x?x1xi64>) -> tensor<2x?x2xi64>
  %gathered = linalg.generic {indexing_maps = [#matrix], iterator_types = ["parallel", "parallel"]} outs(%em : tensor<2x?xi1>) {
  ^bb0(%u: i1):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %x = tensor.extract %both[%i, %j, %c0] : tensor<2x?x2xi64>
    %y = tensor.extract %both[%i, %j, %c1] : tensor<2x?x2xi64>
    %xi = arith.index_cast %x : i64 to index
    %yi = arith.index_cast %y : i64 to index
    %negative = arith.cmpi slt, %yi, %c0 : index
    %wrapped = arith.addi %yi, %n : index
    %yw = arith.select %negative, %wrapped, %yi : index
    %r = tensor.extract %mask[%xi, %yw] : tensor<2x?xi1>
    linalg.yield %r : i1
  } -> tensor<2x?xi1>
  %e = tensor.empty(%n, %n) : tensor<2x4x?x?xf32>
  %eo = tensor.empty(%n) : tensor<2x4x?x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4x?x?xf32>) -> tensor<2x4x?x?xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<2x4x?x16xf32>) -> tensor<2x4x?x16xf32>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %q : tensor<2x4x?x16xf32>, tensor<2x4x?x16xf32>) outs(%z : tensor<2x4x?x?xf32>) -> tensor<2x4x?x?xf32>
  %scores = linalg.generic {indexing_maps = [#id, affine_map<(b, h, i, j) -> (0, 0, i, j)>, affine_map<(b, h, i, j) -> (b, j)>, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot, %cut, %gathered : tensor<2x4x?x?xf32>, tensor<1x1x?x?xi1>, tensor<2x?xi1>) outs(%e : tensor<2x4x?x?xf32>) {
  ^bb0(%a: f32, %t: i1, %m: i1, %u: f32):
    %1 = arith.select %t, %a, %low : f32
    %2 = arith.select %m, %1, %low : f32
    linalg.yield %2 : f32
  } -> tensor<2x4x?x?xf32>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<2x4x?x?xf32>) outs(%e : tensor<2x4x?x?xf32>) -> tensor<2x4x?x?xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %q : tensor<2x4x?x?xf32>, tensor<2x4x?x16xf32>) outs(%zo : tensor<2x4x?x16xf32>) -> tensor<2x4x?x16xf32>
  return %out : tensor<2x4x?x16xf32>
}

// As BERT is exported: masked_fill(1 - mask, 1 - mask != 0, lowest), expanded to rows; what is left is mask == 1.
// Keys behind a cache of `past` rows: the rule holds the symbol, which the region captures.
// CHECK-LABEL: func.func @inverted_padding_and_past
// CHECK-SAME: %[[MASK:[^:]*]]: tensor<2x?xi64>
func.func @inverted_padding_and_past(%q: tensor<2x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (2, 4, s0, 16)>}, %k: tensor<2x4x?x16xf32> {plan.shape = affine_map<()[s0, s1] -> (2, 4, s0 + s1, 16)>}, %mask: tensor<2x?xi64> {plan.name = "mask", plan.shape = affine_map<()[s0, s1] -> (2, s0 + s1)>}) -> tensor<2x4x?x16xf32> attributes {plan.symbols = ["rows", "past"]} {
  // CHECK: %[[PAST:.*]] = plan.symbol "past"
  // CHECK: attn.attend {{.*}} captures(%[[PAST]], %[[MASK]] : index, tensor<2x?xi64>) scale 1.000000e+00 keep {
  // CHECK-NEXT: ^bb0(%[[B:[^:]*]]: index, %{{[^:]*}}: index, %[[ROW:[^:]*]]: index, %[[KEY:[^:]*]]: index, %{{[^:]*}}: index, %[[P:[^:]*]]: index, %[[M:[^:]*]]: tensor<2x?xi64>):
  // CHECK-DAG: %[[READ:.*]] = tensor.extract %[[M]][%[[B]], %[[KEY]]]
  // CHECK-DAG: %[[PRESENT:.*]] = arith.cmpi eq, %[[READ]], %c1{{.*}} : i64
  // CHECK-DAG: %[[LAST:.*]] = arith.addi %[[ROW]], %[[P]] : index
  // CHECK-DAG: %[[VISIBLE:.*]] = arith.cmpi sle, %[[KEY]], %[[LAST]] : index
  // CHECK: arith.andi %[[VISIBLE]], %[[PRESENT]]
  %m = plan.symbol "rows"
  %past = plan.symbol "past"
  %n = arith.addi %m, %past : index
  %pasti = arith.index_cast %past : index to i64
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %low = arith.constant -3.40282347E+38 : f32
  %ep = tensor.empty(%m, %n) : tensor<2x1x?x?xf32>
  %m4 = tensor.expand_shape %mask [[0, 1, 2], [3]] output_shape [2, 1, 1, %n] : tensor<2x?xi64> into tensor<2x1x1x?xi64>
  %inverted = linalg.generic {indexing_maps = [#padding, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%m4 : tensor<2x1x1x?xi64>) outs(%ep : tensor<2x1x?x?xf32>) {
  ^bb0(%a: i64, %u: f32):
    %f = arith.sitofp %a : i64 to f32
    %1 = arith.subf %one, %f : f32
    linalg.yield %1 : f32
  } -> tensor<2x1x?x?xf32>
  %filled = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%inverted : tensor<2x1x?x?xf32>) outs(%ep : tensor<2x1x?x?xf32>) {
  ^bb0(%a: f32, %u: f32):
    %c = arith.cmpf une, %a, %zero : f32
    %1 = arith.select %c, %low, %a : f32
    linalg.yield %1 : f32
  } -> tensor<2x1x?x?xf32>
  %e = tensor.empty(%m, %n) : tensor<2x4x?x?xf32>
  %eo = tensor.empty(%m) : tensor<2x4x?x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4x?x?xf32>) -> tensor<2x4x?x?xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<2x4x?x16xf32>) -> tensor<2x4x?x16xf32>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %k : tensor<2x4x?x16xf32>, tensor<2x4x?x16xf32>) outs(%z : tensor<2x4x?x?xf32>) -> tensor<2x4x?x?xf32>
  %scores = linalg.generic {indexing_maps = [#id, #shared, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot, %filled : tensor<2x4x?x?xf32>, tensor<2x1x?x?xf32>) outs(%e : tensor<2x4x?x?xf32>) {
  ^bb0(%a: f32, %t: f32, %u: f32):
    %i = linalg.index 2 : index
    %j = linalg.index 3 : index
    %ii = arith.index_cast %i : index to i64
    %jj = arith.index_cast %j : index to i64
    %position = arith.addi %ii, %pasti : i64
    %distance = arith.subi %position, %jj : i64
    %df = arith.sitofp %distance : i64 to f32
    %later = arith.cmpf olt, %df, %zero : f32
    %truth = arith.uitofp %later : i1 to f32
    %triangle = arith.mulf %truth, %low : f32
    %1 = arith.addf %a, %triangle : f32
    %2 = arith.addf %1, %t : f32
    linalg.yield %2 : f32
  } -> tensor<2x4x?x?xf32>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<2x4x?x?xf32>) outs(%e : tensor<2x4x?x?xf32>) -> tensor<2x4x?x?xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %k : tensor<2x4x?x?xf32>, tensor<2x4x?x16xf32>) outs(%zo : tensor<2x4x?x16xf32>) -> tensor<2x4x?x16xf32>
  return %out : tensor<2x4x?x16xf32>
}

// -10000 is not low enough to be a rule: the term stays in the scores, read where it is.
// CHECK-LABEL: func.func @moderate_penalty
func.func @moderate_penalty(%q: tensor<2x4x8x16xf32>, %mask: tensor<2x1x1x8xf32>) -> tensor<2x4x8x16xf32> {
  // CHECK: attn.attend {{.*}} captures(%{{.*}} : tensor<2x1x1x8xf32>) {{.*}} score {
  // CHECK-NOT: keep
  // CHECK: return
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %low = arith.constant -1.0e4 : f32
  %em = tensor.empty() : tensor<2x1x1x8xf32>
  %penalty = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%mask : tensor<2x1x1x8xf32>) outs(%em : tensor<2x1x1x8xf32>) {
  ^bb0(%a: f32, %u: f32):
    %1 = arith.subf %one, %a : f32
    %2 = arith.mulf %1, %low : f32
    linalg.yield %2 : f32
  } -> tensor<2x1x1x8xf32>
  %e = tensor.empty() : tensor<2x4x8x8xf32>
  %eo = tensor.empty() : tensor<2x4x8x16xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %zo = linalg.fill ins(%zero : f32) outs(%eo : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  %dot = linalg.contract indexing_maps = [#q, #k, #s] ins(%q, %q : tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) outs(%z : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %scores = linalg.generic {indexing_maps = [#id, #padding, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%dot, %penalty : tensor<2x4x8x8xf32>, tensor<2x1x1x8xf32>) outs(%e : tensor<2x4x8x8xf32>) {
  ^bb0(%a: f32, %t: f32, %u: f32):
    %1 = arith.addf %a, %t : f32
    linalg.yield %1 : f32
  } -> tensor<2x4x8x8xf32>
  %w = linalg.softmax dimension(3) ins(%scores : tensor<2x4x8x8xf32>) outs(%e : tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
  %out = linalg.contract indexing_maps = [#p, #v, #o] ins(%w, %q : tensor<2x4x8x8xf32>, tensor<2x4x8x16xf32>) outs(%zo : tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return %out : tensor<2x4x8x16xf32>
}
