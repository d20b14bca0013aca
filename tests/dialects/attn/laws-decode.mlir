// Prefill followed by decode equals one call: rows appended to a cache as they come, stale rows beyond the length.
// A cache in pages is the same cache.

// RUN: heed-interpret %s --entry=one_call --compare=@prefill_then_decode --input 3=splat:1000 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=one_call --compare=@in_pages --input 3=splat:1000 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=ring | FileCheck %s --check-prefix=RING
// CHECK: equal

!q = tensor<1x2x6x4xf32>
!k = tensor<1x1x6x4xf32>
!cache = tensor<1x1x8x4xf32>

func.func @one_call(%q: !q, %k: !k, %v: !k, %stale: !cache) -> !q {
  %out = attn.attend query(%q : !q) key(%k : !k) value(%v : !k) scale 0.5 keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
    %c = arith.cmpi sle, %key, %pos : index
    attn.yield %c : i1
  } -> !q
  return %out : !q
}

func.func private @step(%q: tensor<1x2x?x4xf32>, %k: !cache, %v: !cache, %first: index, %count: index) -> tensor<1x2x?x4xf32> {
  %end = arith.addi %first, %count : index
  %first64 = arith.index_cast %first : index to i64
  %end64 = arith.index_cast %end : index to i64
  %offset = tensor.from_elements %first64 : tensor<1xi64>
  %length = tensor.from_elements %end64 : tensor<1xi64>
  %out = attn.attend query(%q : tensor<1x2x?x4xf32>) key(%k : !cache) value(%v : !cache) kv_length(%length : tensor<1xi64>)
      q_offset(%offset : tensor<1xi64>) scale 0.5 keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
    %c = arith.cmpi sle, %key, %pos : index
    attn.yield %c : i1
  } -> tensor<1x2x?x4xf32>
  return %out : tensor<1x2x?x4xf32>
}

func.func @prefill_then_decode(%q: !q, %k: !k, %v: !k, %stale: !cache) -> !q {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c6 = arith.constant 6 : index
  %at0 = arith.constant dense<0> : tensor<1xi64>
  %k4 = tensor.extract_slice %k[0, 0, 0, 0] [1, 1, 4, 4] [1, 1, 1, 1] : !k to tensor<1x1x4x4xf32>
  %v4 = tensor.extract_slice %v[0, 0, 0, 0] [1, 1, 4, 4] [1, 1, 1, 1] : !k to tensor<1x1x4x4xf32>
  %kc = attn.append %k4 : tensor<1x1x4x4xf32> into %stale : !cache at %at0 : tensor<1xi64>
  %vc = attn.append %v4 : tensor<1x1x4x4xf32> into %stale : !cache at %at0 : tensor<1xi64>
  %q4 = tensor.extract_slice %q[0, 0, 0, 0] [1, 2, %c4, 4] [1, 1, 1, 1] : !q to tensor<1x2x?x4xf32>
  %prefill = call @step(%q4, %kc, %vc, %c0, %c4) : (tensor<1x2x?x4xf32>, !cache, !cache, index, index) -> tensor<1x2x?x4xf32>
  %empty = tensor.empty() : !q
  %begun = tensor.insert_slice %prefill into %empty[0, 0, 0, 0] [1, 2, %c4, 4] [1, 1, 1, 1] : tensor<1x2x?x4xf32> into !q
  %out:3 = scf.for %i = %c4 to %c6 step %c1 iter_args(%done = %begun, %kn = %kc, %vn = %vc) -> (!q, !cache, !cache) {
    %i64 = arith.index_cast %i : index to i64
    %at = tensor.from_elements %i64 : tensor<1xi64>
    %k1 = tensor.extract_slice %k[0, 0, %i, 0] [1, 1, 1, 4] [1, 1, 1, 1] : !k to tensor<1x1x1x4xf32>
    %v1 = tensor.extract_slice %v[0, 0, %i, 0] [1, 1, 1, 4] [1, 1, 1, 1] : !k to tensor<1x1x1x4xf32>
    %k2 = attn.append %k1 : tensor<1x1x1x4xf32> into %kn : !cache at %at : tensor<1xi64>
    %v2 = attn.append %v1 : tensor<1x1x1x4xf32> into %vn : !cache at %at : tensor<1xi64>
    %q1 = tensor.extract_slice %q[0, 0, %i, 0] [1, 2, %c1, 4] [1, 1, 1, 1] : !q to tensor<1x2x?x4xf32>
    %o1 = func.call @step(%q1, %k2, %v2, %i, %c1) : (tensor<1x2x?x4xf32>, !cache, !cache, index, index) -> tensor<1x2x?x4xf32>
    %next = tensor.insert_slice %o1 into %done[0, 0, %i, 0] [1, 2, %c1, 4] [1, 1, 1, 1] : tensor<1x2x?x4xf32> into !q
    scf.yield %next, %k2, %v2 : !q, !cache, !cache
  }
  return %out#0 : !q
}

// Pages of two keys, out of order in a pool of five.
func.func @in_pages(%q: !q, %k: !k, %v: !k, %stale: !cache) -> !q {
  %pages = arith.constant dense<[[3, 0, 4]]> : tensor<1x3xi32>
  %length = arith.constant dense<6> : tensor<1xi64>
  %poison = arith.constant dense<1000.0> : tensor<5x1x2x4xf32>
  %kp = call @page(%k, %poison) : (!k, tensor<5x1x2x4xf32>) -> tensor<5x1x2x4xf32>
  %vp = call @page(%v, %poison) : (!k, tensor<5x1x2x4xf32>) -> tensor<5x1x2x4xf32>
  %out = attn.attend query(%q : !q) key(%kp : tensor<5x1x2x4xf32>) value(%vp : tensor<5x1x2x4xf32>) kv_length(%length : tensor<1xi64>)
      pages(%pages : tensor<1x3xi32>) scale 0.5 keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
    %c = arith.cmpi sle, %key, %pos : index
    attn.yield %c : i1
  } -> !q
  return %out : !q
}

func.func private @page(%x: !k, %pool: tensor<5x1x2x4xf32>) -> tensor<5x1x2x4xf32> {
  %x0 = tensor.extract_slice %x[0, 0, 0, 0] [1, 1, 2, 4] [1, 1, 1, 1] : !k to tensor<1x1x2x4xf32>
  %x1 = tensor.extract_slice %x[0, 0, 2, 0] [1, 1, 2, 4] [1, 1, 1, 1] : !k to tensor<1x1x2x4xf32>
  %x2 = tensor.extract_slice %x[0, 0, 4, 0] [1, 1, 2, 4] [1, 1, 1, 1] : !k to tensor<1x1x2x4xf32>
  %0 = tensor.insert_slice %x0 into %pool[3, 0, 0, 0] [1, 1, 2, 4] [1, 1, 1, 1] : tensor<1x1x2x4xf32> into tensor<5x1x2x4xf32>
  %1 = tensor.insert_slice %x1 into %0[0, 0, 0, 0] [1, 1, 2, 4] [1, 1, 1, 1] : tensor<1x1x2x4xf32> into tensor<5x1x2x4xf32>
  %2 = tensor.insert_slice %x2 into %1[4, 0, 0, 0] [1, 1, 2, 4] [1, 1, 1, 1] : tensor<1x1x2x4xf32> into tensor<5x1x2x4xf32>
  return %2 : tensor<5x1x2x4xf32>
}

// RING: result 0: 1x1x4x1xf32 = {{\[\[\[\[}}3], [0], [1], [2]]]]
// RING: result 1: 1x1x4x1xf32 = {{\[\[\[\[}}0], [0], [0], [1]]]]
func.func @ring() -> (tensor<1x1x4x1xf32>, tensor<1x1x4x1xf32>) {
  %cache = arith.constant dense<0.0> : tensor<1x1x4x1xf32>
  %rows = arith.constant dense<[[[[1.0], [2.0], [3.0]]]]> : tensor<1x1x3x1xf32>
  %two = arith.constant dense<6> : tensor<1xi64>
  %three = arith.constant dense<3> : tensor<1xi64>
  %0 = attn.append circular %rows : tensor<1x1x3x1xf32> into %cache : tensor<1x1x4x1xf32> at %two : tensor<1xi64>
  %1 = attn.append %rows : tensor<1x1x3x1xf32> into %cache : tensor<1x1x4x1xf32> at %three : tensor<1xi64>
  return %0, %1 : tensor<1x1x4x1xf32>, tensor<1x1x4x1xf32>
}
