// A sink is a virtual key with value 0, added once: to the attend, or to the finish of its states.

// RUN: heed-interpret %s --entry=with_sink --compare=@with_virtual_key --input 4=5,0 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=with_sink --compare=@finished_with_sink --input 4=4,1 --tolerance=1e-12 | FileCheck %s
// CHECK: equal

!q = tensor<2x2x3x4xf32>
!k = tensor<2x2x5x4xf32>
!v = tensor<2x2x5x3xf32>
!out = tensor<2x2x3x3xf32>
!lse = tensor<2x2x3xf32>
!state = !attn.row_state<tensor<2x2x3x3xf32>>

func.func @with_sink(%q: !q, %k: !k, %v: !v, %sink: tensor<2xf32>, %length: tensor<2xi32>) -> (!out, !lse) {
  %out, %lse = attn.attend query(%q : !q) key(%k : !k) value(%v : !v) kv_length(%length : tensor<2xi32>)
      sink(%sink : tensor<2xf32>) scale 0.5 -> !out, lse !lse
  return %out, %lse : !out, !lse
}

func.func @with_virtual_key(%q: !q, %k: !k, %v: !v, %sink: tensor<2xf32>, %length: tensor<2xi32>) -> (!out, !lse) {
  %zero = arith.constant 0.0 : f32
  %k6 = tensor.pad %k low[0, 0, 0, 0] high[0, 0, 1, 0] {
  ^bb0(%b: index, %h: index, %i: index, %d: index):
    tensor.yield %zero : f32
  } : !k to tensor<2x2x6x4xf32>
  %v6 = tensor.pad %v low[0, 0, 0, 0] high[0, 0, 1, 0] {
  ^bb0(%b: index, %h: index, %i: index, %d: index):
    tensor.yield %zero : f32
  } : !v to tensor<2x2x6x3xf32>
  %out, %lse = attn.attend query(%q : !q) key(%k6 : tensor<2x2x6x4xf32>) value(%v6 : tensor<2x2x6x3xf32>)
      captures(%sink, %length : tensor<2xf32>, tensor<2xi32>) scale 0.5 score {
      ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %sinks: tensor<2xf32>, %lengths: tensor<2xi32>):
        %c5 = arith.constant 5 : index
        %virtual = arith.cmpi eq, %key, %c5 : index
        %logit = tensor.extract %sinks[%h] : tensor<2xf32>
        %r = arith.select %virtual, %logit, %s : f32
        attn.yield %r : f32
      } keep {
      ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %sinks: tensor<2xf32>, %lengths: tensor<2xi32>):
        %c5 = arith.constant 5 : index
        %virtual = arith.cmpi eq, %key, %c5 : index
        %l = tensor.extract %lengths[%b] : tensor<2xi32>
        %li = arith.index_cast %l : i32 to index
        %inside = arith.cmpi slt, %key, %li : index
        %r = arith.ori %virtual, %inside : i1
        attn.yield %r : i1
      } -> !out, lse !lse
  return %out, %lse : !out, !lse
}

func.func @finished_with_sink(%q: !q, %k: !k, %v: !v, %sink: tensor<2xf32>, %length: tensor<2xi32>) -> (!out, !lse) {
  %s = attn.attend query(%q : !q) key(%k : !k) value(%v : !v) kv_length(%length : tensor<2xi32>) scale 0.5 -> state !state
  %out, %lse = attn.finish %s sink(%sink : tensor<2xf32>) : !state -> !out, lse !lse
  return %out, %lse : !out, !lse
}
