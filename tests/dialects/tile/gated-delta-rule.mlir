// The chunked gated delta rule as a tile program: one program per value head and block of value width, the state carried
// in registers from chunk to chunk, a triangular inverse per chunk, a tail chunk, value heads in groups of two per key
// head. It equals the recurrence, token by token. Heads of width 8, values of width 12 in blocks of 8, chunks of 16.
//
//   S <- exp(g) S;  r = beta (v - S^T k);  S <- S + k r^T;  o = scale q S
//
// Within a chunk, with b the inclusive running sum of g and everything in the order of the text:
//
//   A = strict lower part of beta_i <k_i, k_j> exp(b_i - b_j);  X = (I + A)^-1
//   R = X (beta v) - X (beta exp(b) k) S
//   o_i = scale (exp(b_i) q_i S + sum over j <= i of <q_i, k_j> exp(b_i - b_j) R_j)
//   S  <- exp(b_last) S + sum over j of exp(b_last - b_j) k_j R_j^T

// RUN: heed-opt %s | heed-opt | heed-interpret %s - --entry=recurrence --compare=chunked --dim batch=2 --dim rows=37 --input=gate=random:-2:0 --input=beta=random:0:2 --input=state=random:-1:1 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=recurrence --compare=chunked --dim batch=1 --dim rows=16 --input=gate=random:-0.1:0 --input=beta=random:0:1 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=recurrence --compare=chunked --dim batch=1 --dim rows=1 --input=gate=random:-30:-20 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=recurrence --compare=chunked --dim batch=3 --dim rows=50 --input=gate=random:-40:0 --input=beta=random:0:2 --tolerance=1e-12 | FileCheck %s
// CHECK: equal

#key_rows = affine_map<()[b, t] -> (b, 2, t, 8)>
#value_rows = affine_map<()[b, t] -> (b, 4, t, 12)>
#gates = affine_map<()[b, t] -> (b, 4, t)>
#state = affine_map<()[b, t] -> (b, 4, 8, 12)>
#work = affine_map<()[b, t] -> (b * t)>

func.func @chunked(%q: tensor<?x2x?x8xf32> {plan.name = "q", plan.shape = #key_rows}, %k: tensor<?x2x?x8xf32> {plan.name = "k", plan.shape = #key_rows},
                   %v: tensor<?x4x?x12xf32> {plan.name = "v", plan.shape = #value_rows}, %g: tensor<?x4x?xf32> {plan.name = "gate", plan.shape = #gates},
                   %beta: tensor<?x4x?xf32> {plan.name = "beta", plan.shape = #gates}, %s: tensor<?x4x8x12xf32> {plan.name = "state", plan.shape = #state})
    -> (tensor<?x4x?x12xf32>, tensor<?x4x8x12xf32>) attributes {plan.symbols = ["batch", "rows"]} {
  %out, %last = plan.launch map "gated delta rule" @chunks(%q, %k, %v, %g, %beta, %s) grid affine_map<()[b, t] -> (2, b * 4)>
      params affine_map<()[b, t] -> (t)> shapes [#value_rows, #state] flops #work bytes #work
      : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x4x?x12xf32>, tensor<?x4x?xf32>, tensor<?x4x?xf32>, tensor<?x4x8x12xf32>) -> (tensor<?x4x?x12xf32>, tensor<?x4x8x12xf32>)
  return %out, %last : tensor<?x4x?x12xf32>, tensor<?x4x8x12xf32>
}

!rows = memref<?x8xf32, strided<[8, 1], offset: ?>>
!values = memref<?x12xf32, strided<[12, 1], offset: ?>>
!line = memref<?xf32, strided<[1], offset: ?>>
!states = memref<8x12xf32, strided<[12, 1], offset: ?>>

tile.kernel @chunks(%q: memref<?xf32>, %k: memref<?xf32>, %v: memref<?xf32>, %g: memref<?xf32>, %beta: memref<?xf32>, %s: memref<?xf32>,
                    %out: memref<?xf32>, %last: memref<?xf32>, %rows: index) attributes {grid_rank = 2 : i64, schedule = {chunk = 16 : i64, value_block = 8 : i64}} {
  %block = tile.program_id 0
  %head = tile.program_id 1
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c12 = arith.constant 12 : index
  %c16 = arith.constant 16 : index
  %c96 = arith.constant 96 : index
  %zero = arith.constant 0.0 : f32
  %zeros = arith.constant dense<0.0> : tensor<16x16xf32>
  %none = arith.constant dense<0.0> : tensor<16x8xf32>
  %low = arith.constant dense<-1.0e30> : tensor<16x16xf32>
  %scale = arith.constant dense<0.25> : tensor<16x8xf32>

  // Heads are (batch, head) flattened, so the key head of a value head is its half.
  %key_head = arith.divui %head, %c2 : index
  %key_rows = arith.muli %key_head, %rows : index
  %key_at = arith.muli %key_rows, %c8 : index
  %gate_at = arith.muli %head, %rows : index
  %value_at = arith.muli %gate_at, %c12 : index
  %state_at = arith.muli %head, %c96 : index
  %vq = memref.reinterpret_cast %q to offset: [%key_at], sizes: [%rows, 8], strides: [8, 1] : memref<?xf32> to !rows
  %vk = memref.reinterpret_cast %k to offset: [%key_at], sizes: [%rows, 8], strides: [8, 1] : memref<?xf32> to !rows
  %vv = memref.reinterpret_cast %v to offset: [%value_at], sizes: [%rows, 12], strides: [12, 1] : memref<?xf32> to !values
  %vg = memref.reinterpret_cast %g to offset: [%gate_at], sizes: [%rows], strides: [1] : memref<?xf32> to !line
  %vb = memref.reinterpret_cast %beta to offset: [%gate_at], sizes: [%rows], strides: [1] : memref<?xf32> to !line
  %vs = memref.reinterpret_cast %s to offset: [%state_at], sizes: [8, 12], strides: [12, 1] : memref<?xf32> to !states
  %vo = memref.reinterpret_cast %out to offset: [%value_at], sizes: [%rows, 12], strides: [12, 1] : memref<?xf32> to !values
  %vl = memref.reinterpret_cast %last to offset: [%state_at], sizes: [8, 12], strides: [12, 1] : memref<?xf32> to !states

  %column = arith.muli %block, %c8 : index
  %columns = arith.subi %c12, %column : index
  %row_index = tile.index 0 from %c0 : tensor<16x16xi32>
  %key_index = tile.index 1 from %c0 : tensor<16x16xi32>
  %past = arith.cmpi slt, %key_index, %row_index : tensor<16x16xi32>
  %seen = arith.cmpi sle, %key_index, %row_index : tensor<16x16xi32>

  %first = tile.load %vs[%c0, %column] dims [0, 1] extents(%c8, %columns) fill %zero : f32 : !states -> tensor<8x8xf32>
  %final = scf.for %t = %c0 to %rows step %c16 iter_args(%state = %first) -> tensor<8x8xf32> {
    %left = arith.subi %rows, %t : index
    // Rows past the end have key 0, beta 0 and gate 0: they change neither the state nor the rows before them.
    %tq = tile.load %vq[%t, %c0] dims [0, 1] extents(%left, %c8) fill %zero : f32 : !rows -> tensor<16x8xf32>
    %tk = tile.load %vk[%t, %c0] dims [0, 1] extents(%left, %c8) fill %zero : f32 : !rows -> tensor<16x8xf32>
    %tv = tile.load %vv[%t, %column] dims [0, 1] extents(%left, %columns) fill %zero : f32 : !values -> tensor<16x8xf32>
    %tg = tile.load %vg[%t] dims [0] extents(%left) fill %zero : f32 : !line -> tensor<16xf32>
    %tb = tile.load %vb[%t] dims [0] extents(%left) fill %zero : f32 : !line -> tensor<16xf32>
    %kt = tile.transpose %tk : tensor<16x8xf32> -> tensor<8x16xf32>

    // exp(b_i - b_j) where j <= i, else 0: the difference is masked before exp, so nothing overflows.
    %decay:4 = tile.part "decay" -> tensor<16x16xf32>, tensor<16x8xf32>, tensor<16x8xf32>, tensor<8x8xf32> {
      %b = tile.scan add %tg along 0 : tensor<16xf32>
      %sum = tile.reduce add %tg along 0 : tensor<16xf32> -> tensor<f32>
      %bi = tile.broadcast %b dims [0] : tensor<16xf32> -> tensor<16x16xf32>
      %bj = tile.broadcast %b dims [1] : tensor<16xf32> -> tensor<16x16xf32>
      %difference = arith.subf %bi, %bj : tensor<16x16xf32>
      %masked = arith.select %seen, %difference, %low : tensor<16x16xi1>, tensor<16x16xf32>
      %pair = math.exp %masked : tensor<16x16xf32>
      %from_start = math.exp %b : tensor<16xf32>
      %rise = tile.broadcast %from_start dims [0] : tensor<16xf32> -> tensor<16x8xf32>
      %total = tile.broadcast %sum dims [] : tensor<f32> -> tensor<16xf32>
      %rest = arith.subf %total, %b : tensor<16xf32>
      %to_end = math.exp %rest : tensor<16xf32>
      %fall = tile.broadcast %to_end dims [0] : tensor<16xf32> -> tensor<16x8xf32>
      %all = math.exp %sum : tensor<f32>
      %kept = tile.broadcast %all dims [] : tensor<f32> -> tensor<8x8xf32>
      tile.yield %pair, %rise, %fall, %kept : tensor<16x16xf32>, tensor<16x8xf32>, tensor<16x8xf32>, tensor<8x8xf32>
    }
    %inverse = tile.part "inverse" -> tensor<16x16xf32> {
      %kk = tile.dot %tk, %kt, %zeros : tensor<16x8xf32>, tensor<8x16xf32> -> tensor<16x16xf32>
      %decayed = arith.mulf %kk, %decay#0 : tensor<16x16xf32>
      %beta_rows = tile.broadcast %tb dims [0] : tensor<16xf32> -> tensor<16x16xf32>
      %weighted = arith.mulf %decayed, %beta_rows : tensor<16x16xf32>
      %lower = arith.select %past, %weighted, %zeros : tensor<16x16xi1>, tensor<16x16xf32>
      %x = tile.trinv %lower : tensor<16x16xf32>
      tile.yield %x : tensor<16x16xf32>
    }
    %written = tile.part "write" -> tensor<16x8xf32> {
      %beta_rows = tile.broadcast %tb dims [0] : tensor<16xf32> -> tensor<16x8xf32>
      %bv = arith.mulf %tv, %beta_rows : tensor<16x8xf32>
      %kb = arith.mulf %tk, %beta_rows : tensor<16x8xf32>
      %bk = arith.mulf %kb, %decay#1 : tensor<16x8xf32>
      %read = tile.dot %bk, %state, %none : tensor<16x8xf32>, tensor<8x8xf32> -> tensor<16x8xf32>
      %error = arith.subf %bv, %read : tensor<16x8xf32>
      %r = tile.dot %inverse, %error, %none : tensor<16x16xf32>, tensor<16x8xf32> -> tensor<16x8xf32>
      tile.yield %r : tensor<16x8xf32>
    }
    tile.part "output" {
      %risen = arith.mulf %tq, %decay#1 : tensor<16x8xf32>
      %old = tile.dot %risen, %state, %none : tensor<16x8xf32>, tensor<8x8xf32> -> tensor<16x8xf32>
      %qk = tile.dot %tq, %kt, %zeros : tensor<16x8xf32>, tensor<8x16xf32> -> tensor<16x16xf32>
      %p = arith.mulf %qk, %decay#0 : tensor<16x16xf32>
      %o = tile.dot %p, %written, %old : tensor<16x16xf32>, tensor<16x8xf32> -> tensor<16x8xf32>
      %scaled = arith.mulf %o, %scale : tensor<16x8xf32>
      tile.store %scaled, %vo[%t, %column] dims [0, 1] extents(%left, %columns) : tensor<16x8xf32>, !values
    }
    %next = tile.part "state" -> tensor<8x8xf32> {
      %fallen = arith.mulf %tk, %decay#2 : tensor<16x8xf32>
      %ft = tile.transpose %fallen : tensor<16x8xf32> -> tensor<8x16xf32>
      %kept = arith.mulf %state, %decay#3 : tensor<8x8xf32>
      %n = tile.dot %ft, %written, %kept : tensor<8x16xf32>, tensor<16x8xf32> -> tensor<8x8xf32>
      tile.yield %n : tensor<8x8xf32>
    }
    scf.yield %next : tensor<8x8xf32>
  }
  tile.store %final, %vl[%c0, %column] dims [0, 1] extents(%c8, %columns) : tensor<8x8xf32>, !states
  tile.return
}

// The recurrence, every head at once, one token after another.
#bhkv = affine_map<(b, h, k, v) -> (b, h, k, v)>
#bh_kv = affine_map<(b, h, k, v) -> (b, h)>
#key = affine_map<(b, h, k, v) -> (b, h floordiv 2, k)>
#value = affine_map<(b, h, k, v) -> (b, h, v)>
#bhv = affine_map<(b, h, v) -> (b, h, v)>
#bh_v = affine_map<(b, h, v) -> (b, h)>
#bhv_k = affine_map<(b, h, v, k) -> (b, h, v)>
#state_k = affine_map<(b, h, v, k) -> (b, h, k, v)>
#key_k = affine_map<(b, h, v, k) -> (b, h floordiv 2, k)>

// sum over the key width of state and a key-sized row.
func.func private @read(%state: tensor<?x4x8x12xf32>, %row: tensor<?x2x8xf32>) -> tensor<?x4x12xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %b = tensor.dim %state, %c0 : tensor<?x4x8x12xf32>
  %init = tensor.splat %zero[%b] : tensor<?x4x12xf32>
  %r = linalg.generic {indexing_maps = [#state_k, #key_k, #bhv_k], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%state, %row : tensor<?x4x8x12xf32>, tensor<?x2x8xf32>) outs(%init : tensor<?x4x12xf32>) {
  ^bb0(%x: f32, %y: f32, %acc: f32):
    %p = arith.mulf %x, %y : f32
    %n = arith.addf %acc, %p : f32
    linalg.yield %n : f32
  } -> tensor<?x4x12xf32>
  return %r : tensor<?x4x12xf32>
}

func.func @recurrence(%q: tensor<?x2x?x8xf32> {plan.name = "q", plan.shape = #key_rows}, %k: tensor<?x2x?x8xf32> {plan.name = "k", plan.shape = #key_rows},
                      %v: tensor<?x4x?x12xf32> {plan.name = "v", plan.shape = #value_rows}, %g: tensor<?x4x?xf32> {plan.name = "gate", plan.shape = #gates},
                      %beta: tensor<?x4x?xf32> {plan.name = "beta", plan.shape = #gates}, %s: tensor<?x4x8x12xf32> {plan.name = "state", plan.shape = #state})
    -> (tensor<?x4x?x12xf32>, tensor<?x4x8x12xf32>) attributes {plan.symbols = ["batch", "rows"]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %scale = arith.constant 0.25 : f32
  %b = plan.symbol "batch"
  %rows = plan.symbol "rows"
  %empty = tensor.empty(%b, %rows) : tensor<?x4x?x12xf32>
  %result:2 = scf.for %t = %c0 to %rows step %c1 iter_args(%out = %empty, %state = %s) -> (tensor<?x4x?x12xf32>, tensor<?x4x8x12xf32>) {
    %qt = tensor.extract_slice %q[0, 0, %t, 0] [%b, 2, 1, 8] [1, 1, 1, 1] : tensor<?x2x?x8xf32> to tensor<?x2x8xf32>
    %kt = tensor.extract_slice %k[0, 0, %t, 0] [%b, 2, 1, 8] [1, 1, 1, 1] : tensor<?x2x?x8xf32> to tensor<?x2x8xf32>
    %vt = tensor.extract_slice %v[0, 0, %t, 0] [%b, 4, 1, 12] [1, 1, 1, 1] : tensor<?x4x?x12xf32> to tensor<?x4x12xf32>
    %gt = tensor.extract_slice %g[0, 0, %t] [%b, 4, 1] [1, 1, 1] : tensor<?x4x?xf32> to tensor<?x4xf32>
    %bt = tensor.extract_slice %beta[0, 0, %t] [%b, 4, 1] [1, 1, 1] : tensor<?x4x?xf32> to tensor<?x4xf32>
    %decayed = linalg.generic {indexing_maps = [#bh_kv, #bhkv], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
        ins(%gt : tensor<?x4xf32>) outs(%state : tensor<?x4x8x12xf32>) {
    ^bb0(%gate: f32, %x: f32):
      %factor = math.exp %gate : f32
      %r = arith.mulf %factor, %x : f32
      linalg.yield %r : f32
    } -> tensor<?x4x8x12xf32>
    %read = func.call @read(%decayed, %kt) : (tensor<?x4x8x12xf32>, tensor<?x2x8xf32>) -> tensor<?x4x12xf32>
    %error = linalg.generic {indexing_maps = [#bhv, #bh_v, #bhv], iterator_types = ["parallel", "parallel", "parallel"]}
        ins(%vt, %bt : tensor<?x4x12xf32>, tensor<?x4xf32>) outs(%read : tensor<?x4x12xf32>) {
    ^bb0(%x: f32, %be: f32, %was: f32):
      %d = arith.subf %x, %was : f32
      %r = arith.mulf %be, %d : f32
      linalg.yield %r : f32
    } -> tensor<?x4x12xf32>
    %next = linalg.generic {indexing_maps = [#key, #value, #bhkv], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
        ins(%kt, %error : tensor<?x2x8xf32>, tensor<?x4x12xf32>) outs(%decayed : tensor<?x4x8x12xf32>) {
    ^bb0(%x: f32, %r: f32, %was: f32):
      %p = arith.mulf %x, %r : f32
      %n = arith.addf %was, %p : f32
      linalg.yield %n : f32
    } -> tensor<?x4x8x12xf32>
    %o = func.call @read(%next, %qt) : (tensor<?x4x8x12xf32>, tensor<?x2x8xf32>) -> tensor<?x4x12xf32>
    %scaled = linalg.generic {indexing_maps = [#bhv], iterator_types = ["parallel", "parallel", "parallel"]} outs(%o : tensor<?x4x12xf32>) {
    ^bb0(%x: f32):
      %r = arith.mulf %x, %scale : f32
      linalg.yield %r : f32
    } -> tensor<?x4x12xf32>
    %more = tensor.insert_slice %scaled into %out[0, 0, %t, 0] [%b, 4, 1, 12] [1, 1, 1, 1] : tensor<?x4x12xf32> into tensor<?x4x?x12xf32>
    scf.yield %more, %next : tensor<?x4x?x12xf32>, tensor<?x4x8x12xf32>
  }
  return %result#0, %result#1 : tensor<?x4x?x12xf32>, tensor<?x4x8x12xf32>
}
