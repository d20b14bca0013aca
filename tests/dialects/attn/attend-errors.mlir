// Every constraint of attn.attend, by its number in dialects/attn/SPEC.md.
// RUN: heed-opt %s -verify-diagnostics -split-input-file

func.func @query_rank(%q: tensor<4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A1: query must have rank 4 [batch, head, sequence, depth], got 'tensor<4x?x8xf32>'}}
  %0 = attn.attend query(%q : tensor<4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @value_rank(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x?x8xf32>) {
  // expected-error@+1 {{A1: value must have rank 4 [batch, head, sequence, depth]}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @integer_key(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xi32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A2: key must hold floating-point elements, got}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xi32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @element_types(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf16>) {
  // expected-error@+1 {{A2: query, key and value must have one element type}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf16>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @batch(%q: tensor<2x4x?x8xf32>, %k: tensor<3x2x?x8xf32>, %v: tensor<3x2x?x8xf32>) {
  // expected-error@+1 {{A3: batch sizes of query, key and value differ}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<3x2x?x8xf32>) value(%v : tensor<3x2x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @value_heads(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x1x?x8xf32>) {
  // expected-error@+1 {{A4: key and value must have the same heads and the same sequence length}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x1x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @value_length(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x6x8xf32>) {
  // expected-error@+1 {{A4: key and value must have the same heads and the same sequence length}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x5x8xf32>) value(%v : tensor<2x2x6x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @head_groups(%q: tensor<2x4x?x8xf32>, %k: tensor<2x3x?x8xf32>, %v: tensor<2x3x?x8xf32>) {
  // expected-error@+1 {{A5: head counts must be static and query heads a multiple of key heads}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x3x?x8xf32>) value(%v : tensor<2x3x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @dynamic_heads(%q: tensor<2x?x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A5: head counts must be static}}
  %0 = attn.attend query(%q : tensor<2x?x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @no_heads(%q: tensor<2x4x?x8xf32>, %k: tensor<2x0x?x8xf32>, %v: tensor<2x0x?x8xf32>) {
  // expected-error@+1 {{A5: head counts must be static and query heads a multiple of key heads}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x0x?x8xf32>) value(%v : tensor<2x0x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @depths(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x16xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A6: head widths must be static, at least 1, and equal for query and key}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x16xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @dynamic_depth(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x?xf32>) {
  // expected-error@+1 {{A6: head widths must be static}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x?xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @length_type(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>, %l: tensor<2xf32>) {
  // expected-error@+1 {{A7: kv_length must be i32 or i64 of shape [batch], got 'tensor<2xf32>'}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) kv_length(%l : tensor<2xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @offset_size(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>, %l: tensor<3xi64>) {
  // expected-error@+1 {{A7: q_offset must be i32 or i64 of shape [batch], got 'tensor<3xi64>'}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) q_offset(%l : tensor<3xi64>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @sink_size(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>, %l: tensor<2xf32>) {
  // expected-error@+1 {{A8: sink needs the softmax normaliser and shape [query heads] of floats, got 'tensor<2xf32>'}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) sink(%l : tensor<2xf32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @sink_normaliser(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>, %l: tensor<4xf32>) {
  // expected-error@+1 {{A8: sink needs the softmax normaliser}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) sink(%l : tensor<4xf32>) scale 1.0 normaliser <sigmoid> -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @pages_without_length(%q: tensor<2x4x?x8xf32>, %k: tensor<9x2x16x8xf32>, %v: tensor<9x2x16x8xf32>, %p: tensor<2x3xi32>) {
  // expected-error@+1 {{A9: pages must be i32 of shape [batch, pages], with kv_length and a static page size}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<9x2x16x8xf32>) value(%v : tensor<9x2x16x8xf32>) pages(%p : tensor<2x3xi32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @pages_type(%q: tensor<2x4x?x8xf32>, %k: tensor<9x2x16x8xf32>, %v: tensor<9x2x16x8xf32>, %p: tensor<2x3xi64>, %l: tensor<2xi32>) {
  // expected-error@+1 {{A9: pages must be i32}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<9x2x16x8xf32>) value(%v : tensor<9x2x16x8xf32>) kv_length(%l : tensor<2xi32>) pages(%p : tensor<2x3xi64>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @pages_batch(%q: tensor<2x4x?x8xf32>, %k: tensor<9x2x16x8xf32>, %v: tensor<9x2x16x8xf32>, %p: tensor<3x3xi32>, %l: tensor<2xi32>) {
  // expected-error@+1 {{A9: pages must be i32 of shape [batch, pages]}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<9x2x16x8xf32>) value(%v : tensor<9x2x16x8xf32>) kv_length(%l : tensor<2xi32>) pages(%p : tensor<3x3xi32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @page_size(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>, %p: tensor<2x3xi32>, %l: tensor<2xi32>) {
  // expected-error@+1 {{A9: pages must be i32 of shape [batch, pages], with kv_length and a static page size}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) kv_length(%l : tensor<2xi32>) pages(%p : tensor<2x3xi32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @blocks_without_size(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>, %b: tensor<2x4x?x?xi32>) {
  // expected-error@+1 {{A10: blocks must be i32 of shape [batch, query heads, query blocks, list length] with block_size = [rows, keys], both at least 1}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) blocks(%b : tensor<2x4x?x?xi32>) scale 1.0 -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @block_size_zero(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>, %b: tensor<2x4x?x?xi32>) {
  // expected-error@+1 {{A10: blocks must be i32 of shape [batch, query heads, query blocks, list length] with block_size = [rows, keys], both at least 1}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) blocks(%b : tensor<2x4x?x?xi32>) scale 1.0 block_size [16, 0] -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @blocks_heads(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>, %b: tensor<2x2x?x?xi32>) {
  // expected-error@+1 {{A10: blocks must be i32 of shape [batch, query heads, query blocks, list length] with block_size = [rows, keys], both at least 1}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) blocks(%b : tensor<2x2x?x?xi32>) scale 1.0 block_size [16, 16] -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @block_size_alone(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A10: block_size needs the blocks operand}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 block_size [16, 16] -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @out_depth(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A12: result must have shape [batch, query heads, rows, value depth], got 'tensor<2x4x?x4xf32>'}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 -> tensor<2x4x?x4xf32>
  return
}

// -----

func.func @out_heads(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A12: result must have shape}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 -> tensor<2x2x?x8xf32>
  return
}

// -----

func.func @out_integers(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A12: out must hold floats, got 'tensor<2x4x?x8xi32>'}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xi32>
  return
}

// -----

func.func @lse_normaliser(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A13: lse needs out, the softmax normaliser and type f32 [batch, query heads, rows]}}
  %0:2 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 normaliser <relu> -> tensor<2x4x?x8xf32>, lse tensor<2x4x?xf32>
  return
}

// -----

func.func @lse_type(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A13: lse needs out, the softmax normaliser and type f32 [batch, query heads, rows]}}
  %0:2 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>, lse tensor<2x4x?xf16>
  return
}

// -----

func.func @lse_shape(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A13: lse needs out, the softmax normaliser and type f32 [batch, query heads, rows]}}
  %0:2 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 -> tensor<2x4x?x8xf32>, lse tensor<2x2x?xf32>
  return
}

// -----

func.func @too_few_arguments(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A14: region keep must have 5 arguments, got 4}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index):
    %c = arith.cmpi sle, %key, %row : index
    attn.yield %c : i1
  } -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @argument_type(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A14: argument 0 of region score must be 'f32', got 'f64'}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 score {
  ^bb0(%s: f64, %b: index, %h: index, %row: index, %key: index, %pos: index):
    %c = arith.truncf %s : f64 to f32
    attn.yield %c : f32
  } -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @capture_type(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>, %c: tensor<4xf32>) {
  // expected-error@+1 {{A14: argument 5 of region keep must be 'tensor<4xf32>', got 'tensor<4xf64>'}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) captures(%c : tensor<4xf32>) scale 1.0 keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index, %capture: tensor<4xf64>):
    %r = arith.cmpi sle, %key, %pos : index
    attn.yield %r : i1
  } -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @yielded_type(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  // expected-error@+1 {{A14: region keep must yield one 'i1'}}
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
    attn.yield %key : index
  } -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @body_with_loop(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>) {
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) scale 1.0 keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
    %r = arith.cmpi sle, %key, %pos : index
    // expected-error@+1 {{A14: not allowed in an attention region: only scalar arith, math and tensor.extract of a capture are}}
    %u = scf.if %r -> i1 {
      scf.yield %r : i1
    } else {
      scf.yield %r : i1
    }
    attn.yield %u : i1
  } -> tensor<2x4x?x8xf32>
  return
}

// -----

func.func @body_on_tensors(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>, %v: tensor<2x2x?x8xf32>, %c: tensor<4xf32>) {
  %0 = attn.attend query(%q : tensor<2x4x?x8xf32>) key(%k : tensor<2x2x?x8xf32>) value(%v : tensor<2x2x?x8xf32>) captures(%c : tensor<4xf32>) scale 1.0 score {
  ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %t: tensor<4xf32>):
    // expected-error@+1 {{A14: not allowed in an attention region}}
    %u = arith.addf %t, %t : tensor<4xf32>
    attn.yield %s : f32
  } -> tensor<2x4x?x8xf32>
  return
}

// -----

// A11: the syntax writes either; the generic form can write both.
func.func @out_and_state(%q: tensor<2x4x3x8xf32>) {
  // expected-error@+1 {{A11: must return either out or state}}
  %0:2 = "attn.attend"(%q, %q, %q) <{scale = 1.0 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 1>}> ({}, {}, {}) : (tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>) -> (tensor<2x4x3x8xf32>, !attn.row_state<tensor<2x4x3x8xf32>>)
  return
}

// -----

func.func @empty_region(%q: tensor<2x4x3x8xf32>) {
  // expected-error@+1 {{A14: region keep must yield one 'i1'}}
  %0 = "attn.attend"(%q, %q, %q) <{scale = 1.0 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0>}> ({}, {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
  }, {}) : (tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  return
}
