// Every constraint of row states, finish, rope, append and norm, by its number in dialects/attn/SPEC.md.
// RUN: heed-opt %s -verify-diagnostics -split-input-file

// expected-error@+1 {{F1: a state's accumulator must be f32 of shape [batch, query heads, rows, value depth], got 'tensor<2x4x8xf32>'}}
func.func private @state_rank(!attn.row_state<tensor<2x4x8xf32>>)

// -----

// expected-error@+1 {{F1: a state's accumulator must be f32}}
func.func private @state_type(!attn.row_state<tensor<2x4x3x8xf16>>)

// -----

func.func @out_shape(%s: !attn.row_state<tensor<2x4x3x8xf32>>) {
  // expected-error@+1 {{F1: out must hold floats in the shape of the state's accumulator, got 'tensor<2x4x3x9xf32>'}}
  %0 = attn.finish %s : <tensor<2x4x3x8xf32>> -> tensor<2x4x3x9xf32>
  return
}

// -----

func.func @lse_shape(%s: !attn.row_state<tensor<2x4x3x8xf32>>) {
  // expected-error@+1 {{F2: lse needs the softmax normaliser and type f32 [batch, query heads, rows]}}
  %0:2 = attn.finish %s : <tensor<2x4x3x8xf32>> -> tensor<2x4x3x8xf32>, lse tensor<2x4xf32>
  return
}

// -----

func.func @lse_normaliser(%s: !attn.row_state<tensor<2x4x3x8xf32>>) {
  // expected-error@+1 {{F2: lse needs the softmax normaliser}}
  %0:2 = attn.finish %s normaliser <relu> : <tensor<2x4x3x8xf32>> -> tensor<2x4x3x8xf32>, lse tensor<2x4x3xf32>
  return
}

// -----

func.func @sink_size(%s: !attn.row_state<tensor<2x4x3x8xf32>>, %x: tensor<3xf32>) {
  // expected-error@+1 {{F3: sink needs the softmax normaliser and shape [query heads] of floats, got 'tensor<3xf32>'}}
  %0 = attn.finish %s sink(%x : tensor<3xf32>) : <tensor<2x4x3x8xf32>> -> tensor<2x4x3x8xf32>
  return
}

// -----

func.func @sink_normaliser(%s: !attn.row_state<tensor<2x4x3x8xf32>>, %x: tensor<4xf32>) {
  // expected-error@+1 {{F3: sink needs the softmax normaliser}}
  %0 = attn.finish %s sink(%x : tensor<4xf32>) normaliser <sigmoid> : <tensor<2x4x3x8xf32>> -> tensor<2x4x3x8xf32>
  return
}

// -----

func.func @rope_rank(%x: tensor<4x?x8xf32>, %c: tensor<?x4xf32>, %s: tensor<?x4xf32>) {
  // expected-error@+1 {{R1: input must hold floats of shape [batch, head, sequence, depth], got 'tensor<4x?x8xf32>'}}
  %0 = attn.rope %x : tensor<4x?x8xf32> cos(%c : tensor<?x4xf32>) sin(%s : tensor<?x4xf32>) rotary_dim 8
  return
}

// -----

func.func @rope_integers(%x: tensor<2x4x?x8xi32>, %c: tensor<?x4xf32>, %s: tensor<?x4xf32>) {
  // expected-error@+1 {{R1: input must hold floats}}
  %0 = attn.rope %x : tensor<2x4x?x8xi32> cos(%c : tensor<?x4xf32>) sin(%s : tensor<?x4xf32>) rotary_dim 8
  return
}

// -----

func.func @rope_odd(%x: tensor<2x4x?x8xf32>, %c: tensor<?x4xf32>, %s: tensor<?x4xf32>) {
  // expected-error@+1 {{R2: rotary_dim must be even, at least 2 and at most the head width, got 7}}
  %0 = attn.rope %x : tensor<2x4x?x8xf32> cos(%c : tensor<?x4xf32>) sin(%s : tensor<?x4xf32>) rotary_dim 7
  return
}

// -----

func.func @rope_wide(%x: tensor<2x4x?x8xf32>, %c: tensor<?x5xf32>, %s: tensor<?x5xf32>) {
  // expected-error@+1 {{R2: rotary_dim must be even, at least 2 and at most the head width, got 10}}
  %0 = attn.rope %x : tensor<2x4x?x8xf32> cos(%c : tensor<?x5xf32>) sin(%s : tensor<?x5xf32>) rotary_dim 10
  return
}

// -----

func.func @table_width(%x: tensor<2x4x?x8xf32>, %c: tensor<?x8xf32>, %s: tensor<?x8xf32>) {
  // expected-error@+1 {{R3: cos and sin must be of one type, floats of shape [.., rotary_dim / 2], got 'tensor<?x8xf32>'}}
  %0 = attn.rope %x : tensor<2x4x?x8xf32> cos(%c : tensor<?x8xf32>) sin(%s : tensor<?x8xf32>) rotary_dim 8
  return
}

// -----

func.func @table_rank(%x: tensor<2x4x?x8xf32>, %c: tensor<4xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{R3: cos and sin must be of one type}}
  %0 = attn.rope %x : tensor<2x4x?x8xf32> cos(%c : tensor<4xf32>) sin(%s : tensor<4xf32>) rotary_dim 8
  return
}

// -----

func.func @tables_differ(%x: tensor<2x4x?x8xf32>, %c: tensor<?x4xf32>, %s: tensor<?x4xf16>) {
  // expected-error@+1 {{R3: cos and sin must be of one type}}
  %0 = attn.rope %x : tensor<2x4x?x8xf32> cos(%c : tensor<?x4xf32>) sin(%s : tensor<?x4xf16>) rotary_dim 8
  return
}

// -----

func.func @positions_type(%x: tensor<2x4x?x8xf32>, %c: tensor<?x4xf32>, %s: tensor<?x4xf32>, %p: tensor<2x?xf32>) {
  // expected-error@+1 {{R4: positions must be i32 or i64 of shape [batch, sequence], with tables of rank 2}}
  %0 = attn.rope %x : tensor<2x4x?x8xf32> cos(%c : tensor<?x4xf32>) sin(%s : tensor<?x4xf32>) positions(%p : tensor<2x?xf32>) rotary_dim 8
  return
}

// -----

func.func @positions_table(%x: tensor<2x4x?x8xf32>, %c: tensor<2x?x4xf32>, %s: tensor<2x?x4xf32>, %p: tensor<2x?xi64>) {
  // expected-error@+1 {{R4: positions must be i32 or i64 of shape [batch, sequence], with tables of rank 2}}
  %0 = attn.rope %x : tensor<2x4x?x8xf32> cos(%c : tensor<2x?x4xf32>) sin(%s : tensor<2x?x4xf32>) positions(%p : tensor<2x?xi64>) rotary_dim 8
  return
}

// -----

func.func @append_rank(%c: tensor<2x4x16x8xf32>, %r: tensor<2x4x8xf32>, %i: tensor<2xi64>) {
  // expected-error@+1 {{P1: cache and rows must have rank 4 and one element type}}
  %0 = attn.append %r : tensor<2x4x8xf32> into %c : tensor<2x4x16x8xf32> at %i : tensor<2xi64>
  return
}

// -----

func.func @append_type(%c: tensor<2x4x16x8xf32>, %r: tensor<2x4x?x8xf16>, %i: tensor<2xi64>) {
  // expected-error@+1 {{P1: cache and rows must have rank 4 and one element type}}
  %0 = attn.append %r : tensor<2x4x?x8xf16> into %c : tensor<2x4x16x8xf32> at %i : tensor<2xi64>
  return
}

// -----

func.func @append_depth(%c: tensor<2x4x16x8xf32>, %r: tensor<2x4x?x4xf32>, %i: tensor<2xi64>) {
  // expected-error@+1 {{P2: cache and rows must agree in batch, head and depth}}
  %0 = attn.append %r : tensor<2x4x?x4xf32> into %c : tensor<2x4x16x8xf32> at %i : tensor<2xi64>
  return
}

// -----

func.func @append_index(%c: tensor<2x4x16x8xf32>, %r: tensor<2x4x?x8xf32>, %i: tensor<3xi64>) {
  // expected-error@+1 {{P3: index must be i32 or i64 of shape [batch], got 'tensor<3xi64>'}}
  %0 = attn.append %r : tensor<2x4x?x8xf32> into %c : tensor<2x4x16x8xf32> at %i : tensor<3xi64>
  return
}

// -----

func.func @append_index_type(%c: tensor<2x4x16x8xf32>, %r: tensor<2x4x?x8xf32>, %i: tensor<2xf32>) {
  // expected-error@+1 {{P3: index must be i32 or i64 of shape [batch], got 'tensor<2xf32>'}}
  %0 = attn.append %r : tensor<2x4x?x8xf32> into %c : tensor<2x4x16x8xf32> at %i : tensor<2xf32>
  return
}

// -----

func.func @norm_first(%x: tensor<2x8xf32>) {
  // expected-error@+1 {{N1: input must hold floats and first_dim lie within its rank, got 'tensor<2x8xf32>', 2}}
  %0 = attn.norm layer %x : tensor<2x8xf32> from 2 epsilon 1.0e-5
  return
}

// -----

func.func @norm_integers(%x: tensor<2x8xi32>) {
  // expected-error@+1 {{N1: input must hold floats}}
  %0 = attn.norm rms %x : tensor<2x8xi32> from 1 epsilon 1.0e-5
  return
}

// -----

func.func @norm_scale(%x: tensor<2x8xf32>, %s: tensor<2x8xf32>) {
  // expected-error@+1 {{N2: scale and bias must hold floats in the shape of the normalised dimensions}}
  %0 = attn.norm rms %x : tensor<2x8xf32> scale(%s : tensor<2x8xf32>) from 1 epsilon 1.0e-5
  return
}

// -----

func.func @norm_bias(%x: tensor<2x8xf32>, %s: tensor<9xf32>) {
  // expected-error@+1 {{N2: scale and bias must hold floats in the shape of the normalised dimensions}}
  %0 = attn.norm layer %x : tensor<2x8xf32> bias(%s : tensor<9xf32>) from 1 epsilon 1.0e-5
  return
}
