// Attention over joined keys is the merge of attentions over the parts, whatever the parts are: also through lse, also
// when a part is invisible, and by plain addition for normalisers without a running maximum.

// RUN: heed-interpret %s --entry=whole --compare=@parts --input 3=7,4 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=whole --compare=@parts --input 3=0,2 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=whole --compare=@parts_by_lse --input 3=7,6 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=whole_sigmoid --compare=@parts_sigmoid --tolerance=1e-12 | FileCheck %s
// CHECK: equal

!q = tensor<2x2x5x4xf32>
!k = tensor<2x2x7x4xf32>
!v = tensor<2x2x7x3xf32>
!out = tensor<2x2x5x3xf32>
!lse = tensor<2x2x5xf32>
!state = !attn.row_state<tensor<2x2x5x3xf32>>

func.func @whole(%q: !q, %k: !k, %v: !v, %length: tensor<2xi32>) -> (!out, !lse) {
  %zero = arith.constant 0 : index
  %out, %lse = attn.attend query(%q : !q) key(%k : !k) value(%v : !v) kv_length(%length : tensor<2xi32>) scale 0.5
      score {
      ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index):
        %i = arith.index_cast %key : index to i32
        %f = arith.sitofp %i : i32 to f32
        %r = arith.addf %s, %f : f32
        attn.yield %r : f32
      } -> !out, lse !lse
  return %out, %lse : !out, !lse
}

// The rule of the whole, for the keys from `first` on.
func.func private @part(%q: !q, %k: tensor<2x2x?x4xf32>, %v: tensor<2x2x?x3xf32>, %length: tensor<2xi32>, %first: index) -> !state {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first32 = arith.index_cast %first : index to i32
  %0 = tensor.extract %length[%c0] : tensor<2xi32>
  %1 = tensor.extract %length[%c1] : tensor<2xi32>
  %2 = arith.subi %0, %first32 : i32
  %3 = arith.subi %1, %first32 : i32
  %rest = tensor.from_elements %2, %3 : tensor<2xi32>
  %state = attn.attend query(%q : !q) key(%k : tensor<2x2x?x4xf32>) value(%v : tensor<2x2x?x3xf32>) kv_length(%rest : tensor<2xi32>)
      captures(%first : index) scale 0.5
      score {
      ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %f: index):
        %j = arith.addi %key, %f : index
        %i = arith.index_cast %j : index to i32
        %real = arith.sitofp %i : i32 to f32
        %r = arith.addf %s, %real : f32
        attn.yield %r : f32
      } -> state !state
  return %state : !state
}

func.func @parts(%q: !q, %k: !k, %v: !v, %length: tensor<2xi32>) -> (!out, !lse) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c6 = arith.constant 6 : index
  %k0 = tensor.extract_slice %k[0, 0, 0, 0] [2, 2, %c2, 4] [1, 1, 1, 1] : !k to tensor<2x2x?x4xf32>
  %v0 = tensor.extract_slice %v[0, 0, 0, 0] [2, 2, %c2, 3] [1, 1, 1, 1] : !v to tensor<2x2x?x3xf32>
  %c4 = arith.constant 4 : index
  %k1 = tensor.extract_slice %k[0, 0, 2, 0] [2, 2, %c4, 4] [1, 1, 1, 1] : !k to tensor<2x2x?x4xf32>
  %v1 = tensor.extract_slice %v[0, 0, 2, 0] [2, 2, %c4, 3] [1, 1, 1, 1] : !v to tensor<2x2x?x3xf32>
  %c1 = arith.constant 1 : index
  %k2 = tensor.extract_slice %k[0, 0, 6, 0] [2, 2, %c1, 4] [1, 1, 1, 1] : !k to tensor<2x2x?x4xf32>
  %v2 = tensor.extract_slice %v[0, 0, 6, 0] [2, 2, %c1, 3] [1, 1, 1, 1] : !v to tensor<2x2x?x3xf32>
  %s0 = call @part(%q, %k0, %v0, %length, %c0) : (!q, tensor<2x2x?x4xf32>, tensor<2x2x?x3xf32>, tensor<2xi32>, index) -> !state
  %s1 = call @part(%q, %k1, %v1, %length, %c2) : (!q, tensor<2x2x?x4xf32>, tensor<2x2x?x3xf32>, tensor<2xi32>, index) -> !state
  %s2 = call @part(%q, %k2, %v2, %length, %c6) : (!q, tensor<2x2x?x4xf32>, tensor<2x2x?x3xf32>, tensor<2xi32>, index) -> !state
  %s12 = attn.merge %s2, %s1 : !state
  %s = attn.merge %s0, %s12 : !state
  %out, %lse = attn.finish %s : !state -> !out, lse !lse
  return %out, %lse : !out, !lse
}

#full = affine_map<(b, h, i, d) -> (b, h, i, d)>
#row = affine_map<(b, h, i, d) -> (b, h, i)>
#lse = affine_map<(b, h, i) -> (b, h, i)>

func.func @parts_by_lse(%q: !q, %k: !k, %v: !v, %length: tensor<2xi32>) -> (!out, !lse) {
  %c0 = arith.constant 0 : index
  %c5 = arith.constant 5 : index
  %c2 = arith.constant 2 : index
  %k0 = tensor.extract_slice %k[0, 0, 0, 0] [2, 2, %c5, 4] [1, 1, 1, 1] : !k to tensor<2x2x?x4xf32>
  %v0 = tensor.extract_slice %v[0, 0, 0, 0] [2, 2, %c5, 3] [1, 1, 1, 1] : !v to tensor<2x2x?x3xf32>
  %k1 = tensor.extract_slice %k[0, 0, 5, 0] [2, 2, %c2, 4] [1, 1, 1, 1] : !k to tensor<2x2x?x4xf32>
  %v1 = tensor.extract_slice %v[0, 0, 5, 0] [2, 2, %c2, 3] [1, 1, 1, 1] : !v to tensor<2x2x?x3xf32>
  %s0 = call @part(%q, %k0, %v0, %length, %c0) : (!q, tensor<2x2x?x4xf32>, tensor<2x2x?x3xf32>, tensor<2xi32>, index) -> !state
  %s1 = call @part(%q, %k1, %v1, %length, %c5) : (!q, tensor<2x2x?x4xf32>, tensor<2x2x?x3xf32>, tensor<2xi32>, index) -> !state
  %o0, %lse0 = attn.finish %s0 : !state -> !out, lse !lse
  %o1, %lse1 = attn.finish %s1 : !state -> !out, lse !lse
  %e3 = tensor.empty() : !lse
  %lse = linalg.generic {indexing_maps = [#lse, #lse, #lse], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%lse0, %lse1 : !lse, !lse) outs(%e3 : !lse) {
  ^bb0(%a: f32, %b: f32, %unused: f32):
    %wa = math.exp %a : f32
    %wb = math.exp %b : f32
    %sum = arith.addf %wa, %wb : f32
    %r = math.log %sum : f32
    linalg.yield %r : f32
  } -> !lse
  %e4 = tensor.empty() : !out
  %out = linalg.generic {indexing_maps = [#full, #full, #row, #row, #row, #full], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%o0, %o1, %lse0, %lse1, %lse : !out, !out, !lse, !lse, !lse) outs(%e4 : !out) {
  ^bb0(%a: f32, %b: f32, %la: f32, %lb: f32, %l: f32, %unused: f32):
    %da = arith.subf %la, %l : f32
    %db = arith.subf %lb, %l : f32
    %wa = math.exp %da : f32
    %wb = math.exp %db : f32
    %pa = arith.mulf %wa, %a : f32
    %pb = arith.mulf %wb, %b : f32
    %r = arith.addf %pa, %pb : f32
    linalg.yield %r : f32
  } -> !out
  return %out, %lse : !out, !lse
}

func.func @whole_sigmoid(%q: !q, %k: !k, %v: !v) -> (!out, !out) {
  %0 = attn.attend query(%q : !q) key(%k : !k) value(%v : !v) scale 0.5 normaliser <sigmoid> -> !out
  %1 = attn.attend query(%q : !q) key(%k : !k) value(%v : !v) scale 0.5 normaliser <relu> -> !out
  return %0, %1 : !out, !out
}

func.func @parts_sigmoid(%q: !q, %k: !k, %v: !v) -> (!out, !out) {
  %k0 = tensor.extract_slice %k[0, 0, 0, 0] [2, 2, 4, 4] [1, 1, 1, 1] : !k to tensor<2x2x4x4xf32>
  %v0 = tensor.extract_slice %v[0, 0, 0, 0] [2, 2, 4, 3] [1, 1, 1, 1] : !v to tensor<2x2x4x3xf32>
  %k1 = tensor.extract_slice %k[0, 0, 4, 0] [2, 2, 3, 4] [1, 1, 1, 1] : !k to tensor<2x2x3x4xf32>
  %v1 = tensor.extract_slice %v[0, 0, 4, 0] [2, 2, 3, 3] [1, 1, 1, 1] : !v to tensor<2x2x3x3xf32>
  %s0 = attn.attend query(%q : !q) key(%k0 : tensor<2x2x4x4xf32>) value(%v0 : tensor<2x2x4x3xf32>) scale 0.5 normaliser <sigmoid> -> state !state
  %s1 = attn.attend query(%q : !q) key(%k1 : tensor<2x2x3x4xf32>) value(%v1 : tensor<2x2x3x3xf32>) scale 0.5 normaliser <sigmoid> -> state !state
  %s = attn.merge %s0, %s1 normaliser <sigmoid> : !state
  %out = attn.finish %s normaliser <sigmoid> : !state -> !out
  %r0 = attn.attend query(%q : !q) key(%k0 : tensor<2x2x4x4xf32>) value(%v0 : tensor<2x2x4x3xf32>) scale 0.5 normaliser <relu> -> state !state
  %r1 = attn.attend query(%q : !q) key(%k1 : tensor<2x2x3x4xf32>) value(%v1 : tensor<2x2x3x3xf32>) scale 0.5 normaliser <relu> -> state !state
  %r = attn.merge %r0, %r1 normaliser <relu> : !state
  %relu = attn.finish %r normaliser <relu> : !state -> !out
  return %out, %relu : !out, !out
}
