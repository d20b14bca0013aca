// Attention driven by block lists, as after a selection of key blocks: a list per query head and query block is read from
// memory and only the listed blocks are visited, in the order of the list; the own block is causal, earlier ones are seen
// whole. Grouped heads, a partial last block, stale keys past the length, a list that is empty, rows that see nothing.
// It equals attn.attend with the same lists. Query blocks of 16 rows, key blocks of 8 keys.

// RUN: heed-opt %s | heed-opt | heed-interpret %s - --entry=attend --compare=listed --counters --input=length=37 --tolerance=1e-12 | FileCheck %s
// RUN: heed-interpret %s --entry=attend --compare=listed --input=length=30 --tolerance=1e-12 | FileCheck %s --check-prefix=SHORT
// RUN: heed-interpret %s --entry=attend --compare=listed --input=length=0 --tolerance=1e-12 | FileCheck %s --check-prefix=SHORT
// Thirteen blocks are listed before the ends of the lists; each is visited once, and nothing else is.
// CHECK: @listed: launches 1, programs 6, key blocks 13,
// CHECK: equal
// SHORT: equal

!q = tensor<1x2x37x8xf32>
!k = tensor<1x1x40x8xf32>
!v = tensor<1x1x40x12xf32>
!out = tensor<1x2x37x12xf32>
!lse = tensor<1x2x37xf32>
!lists = tensor<1x2x3x4xi32>

func.func private @lists() -> !lists {
  %lists = arith.constant dense<[[[[0, 1, -1, -1], [3, 0, 2, -1], [4, 0, -1, 1]],
                                  [[1, 0, -1, -1], [-1, 2, 1, 0], [2, 4, 3, 1]]]]> : !lists
  return %lists : !lists
}

func.func @attend(%q: !q, %k: !k, %v: !v, %length: tensor<1xi32> {plan.name = "length"}) -> (!out, !lse) {
  %lists = call @lists() : () -> !lists
  %out, %lse = attn.attend query(%q : !q) key(%k : !k) value(%v : !v) kv_length(%length : tensor<1xi32>) blocks(%lists : !lists)
      scale 0.5 block_size [16, 8] keep {
  ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
    %c = arith.cmpi sle, %key, %pos : index
    attn.yield %c : i1
  } -> !out, lse !lse
  return %out, %lse : !out, !lse
}

#none = affine_map<() -> (0)>
func.func @listed(%q: !q, %k: !k, %v: !v, %length: tensor<1xi32>) -> (!out, !lse) {
  %lists = call @lists() : () -> !lists
  %out, %lse = plan.launch attend "listed blocks" @visit_lists(%q, %k, %v, %length, %lists) grid affine_map<() -> (3, 2)> params affine_map<() -> (37, 4)>
      shapes [affine_map<() -> (1, 2, 37, 12)>, affine_map<() -> (1, 2, 37)>] flops #none bytes #none : (!q, !k, !v, tensor<1xi32>, !lists) -> (!out, !lse)
  return %out, %lse : !out, !lse
}

!query_view = memref<?x8xf32, strided<[8, 1], offset: ?>>
!out_view = memref<?x12xf32, strided<[12, 1], offset: ?>>
!lse_view = memref<?xf32, strided<[1], offset: ?>>

tile.kernel @visit_lists(%q: memref<?xf32>, %k: memref<?xf32>, %v: memref<?xf32>, %lengths: memref<?xi32>, %lists: memref<?xi32>,
                         %out: memref<?xf32>, %lse: memref<?xf32>, %rows: index, %entries: index) attributes {grid_rank = 2 : i64, schedule = {block_m = 16 : i64, block_n = 8 : i64}} {
  %block = tile.program_id 0
  %head = tile.program_id 1
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c8 = arith.constant 8 : index
  %c12 = arith.constant 12 : index
  %c16 = arith.constant 16 : index
  %zero32 = arith.constant 0 : i32
  %zero = arith.constant 0.0 : f32
  %scale = arith.constant dense<0.5> : tensor<16x8xf32>
  %masked = arith.constant dense<-1.0e30> : tensor<16x8xf32>
  %visible_from = arith.constant dense<-0.99e30> : tensor<16x8xf32>
  %nothing = arith.constant dense<0.0> : tensor<16x8xf32>
  %zero_rows = arith.constant dense<0.0> : tensor<16xf32>
  %one_rows = arith.constant dense<1.0> : tensor<16xf32>
  %masked_rows = arith.constant dense<-1.0e30> : tensor<16xf32>
  %infinite = arith.constant dense<0xFF800000> : tensor<16xf32>
  %no_output = arith.constant dense<0.0> : tensor<16x12xf32>

  %row = arith.muli %block, %c16 : index
  %left = arith.subi %rows, %row : index
  %head_row = arith.muli %head, %rows : index
  %query_at = arith.muli %head_row, %c8 : index
  %out_at = arith.muli %head_row, %c12 : index
  %vq = memref.reinterpret_cast %q to offset: [%query_at], sizes: [%rows, 8], strides: [8, 1] : memref<?xf32> to !query_view
  %vk = memref.reinterpret_cast %k to offset: [%c0], sizes: [40, 8], strides: [8, 1] : memref<?xf32> to !query_view
  %vv = memref.reinterpret_cast %v to offset: [%c0], sizes: [40, 12], strides: [12, 1] : memref<?xf32> to !out_view
  %vo = memref.reinterpret_cast %out to offset: [%out_at], sizes: [%rows, 12], strides: [12, 1] : memref<?xf32> to !out_view
  %vl = memref.reinterpret_cast %lse to offset: [%head_row], sizes: [%rows], strides: [1] : memref<?xf32> to !lse_view
  %length32 = memref.load %lengths[%c0] : memref<?xi32>
  %length = arith.index_cast %length32 : i32 to index
  %list_block = arith.muli %head, %c3 : index
  %list_row = arith.addi %list_block, %block : index
  %list_at = arith.muli %list_row, %entries : index

  %query = tile.load %vq[%row, %c0] dims [0, 1] extents(%left, %c8) fill %zero : f32 : !query_view -> tensor<16x8xf32>
  // The list ends at its first negative entry.
  %end:4 = scf.while (%entry = %c0, %m = %masked_rows, %l = %zero_rows, %acc = %no_output)
      : (index, tensor<16xf32>, tensor<16xf32>, tensor<16x12xf32>) -> (index, tensor<16xf32>, tensor<16xf32>, tensor<16x12xf32>) {
    %more = arith.cmpi slt, %entry, %entries : index
    %goes_on = scf.if %more -> i1 {
      %at = arith.addi %list_at, %entry : index
      %id = memref.load %lists[%at] : memref<?xi32>
      %listed = arith.cmpi sge, %id, %zero32 : i32
      scf.yield %listed : i1
    } else {
      scf.yield %more : i1
    }
    scf.condition(%goes_on) %entry, %m, %l, %acc : index, tensor<16xf32>, tensor<16xf32>, tensor<16x12xf32>
  } do {
  ^bb0(%entry: index, %m: tensor<16xf32>, %l: tensor<16xf32>, %acc: tensor<16x12xf32>):
    %at = arith.addi %list_at, %entry : index
    %id32 = memref.load %lists[%at] : memref<?xi32>
    %id = arith.index_cast %id32 : i32 to index
    %first = arith.muli %id, %c8 : index
    %keys = arith.subi %length, %first : index
    %any = arith.cmpi sgt, %keys, %c0 : index
    %next:3 = scf.if %any -> (tensor<16xf32>, tensor<16xf32>, tensor<16x12xf32>) {
      tile.count key_blocks %c1
      %key = tile.load %vk[%first, %c0] dims [0, 1] extents(%keys, %c8) fill %zero : f32 : !query_view -> tensor<8x8xf32>
      %value = tile.load %vv[%first, %c0] dims [0, 1] extents(%keys, %c12) fill %zero : f32 : !out_view -> tensor<8x12xf32>
      %scores = tile.part "scores" -> tensor<16x8xf32> {
        %kt = tile.transpose %key : tensor<8x8xf32> -> tensor<8x8xf32>
        %dots = tile.dot %query, %kt, %nothing : tensor<16x8xf32>, tensor<8x8xf32> -> tensor<16x8xf32>
        %s = arith.mulf %dots, %scale : tensor<16x8xf32>
        %i = tile.index 0 from %row : tensor<16x8xi32>
        %j = tile.index 1 from %first : tensor<16x8xi32>
        %n = tile.splat %length32 : tensor<16x8xi32>
        %causal = arith.cmpi sle, %j, %i : tensor<16x8xi32>
        %inside = arith.cmpi slt, %j, %n : tensor<16x8xi32>
        %visible = arith.andi %causal, %inside : tensor<16x8xi1>
        %r = arith.select %visible, %s, %masked : tensor<16x8xi1>, tensor<16x8xf32>
        tile.yield %r : tensor<16x8xf32>
      }
      %new:3 = tile.part "normalise" -> tensor<16xf32>, tensor<16x8xf32>, tensor<16xf32> {
        %highest = tile.reduce max %scores along 1 : tensor<16x8xf32> -> tensor<16xf32>
        %m1 = arith.maximumf %m, %highest : tensor<16xf32>
        %fall = arith.subf %m, %m1 : tensor<16xf32>
        %factor = math.exp %fall : tensor<16xf32>
        %mb = tile.broadcast %m1 dims [0] : tensor<16xf32> -> tensor<16x8xf32>
        %d = arith.subf %scores, %mb : tensor<16x8xf32>
        %e = math.exp %d : tensor<16x8xf32>
        %visible = arith.cmpf ogt, %scores, %visible_from : tensor<16x8xf32>
        %w = arith.select %visible, %e, %nothing : tensor<16x8xi1>, tensor<16x8xf32>
        tile.yield %m1, %w, %factor : tensor<16xf32>, tensor<16x8xf32>, tensor<16xf32>
      }
      %updated:2 = tile.part "pv" -> tensor<16xf32>, tensor<16x12xf32> {
        %sum = tile.reduce add %new#1 along 1 : tensor<16x8xf32> -> tensor<16xf32>
        %kept = arith.mulf %l, %new#2 : tensor<16xf32>
        %l1 = arith.addf %kept, %sum : tensor<16xf32>
        %fb = tile.broadcast %new#2 dims [0] : tensor<16xf32> -> tensor<16x12xf32>
        %a = arith.mulf %acc, %fb : tensor<16x12xf32>
        %a1 = tile.dot %new#1, %value, %a : tensor<16x8xf32>, tensor<8x12xf32> -> tensor<16x12xf32>
        tile.yield %l1, %a1 : tensor<16xf32>, tensor<16x12xf32>
      }
      scf.yield %new#0, %updated#0, %updated#1 : tensor<16xf32>, tensor<16xf32>, tensor<16x12xf32>
    } else {
      scf.yield %m, %l, %acc : tensor<16xf32>, tensor<16xf32>, tensor<16x12xf32>
    }
    %following = arith.addi %entry, %c1 : index
    scf.yield %following, %next#0, %next#1, %next#2 : index, tensor<16xf32>, tensor<16xf32>, tensor<16x12xf32>
  }
  // A row that saw nothing: 0, and -inf where the lse is stored.
  %seen = arith.cmpf ogt, %end#2, %zero_rows : tensor<16xf32>
  %l = arith.select %seen, %end#2, %one_rows : tensor<16xi1>, tensor<16xf32>
  %lb = tile.broadcast %l dims [0] : tensor<16xf32> -> tensor<16x12xf32>
  %o = arith.divf %end#3, %lb : tensor<16x12xf32>
  tile.store %o, %vo[%row, %c0] dims [0, 1] extents(%left, %c12) : tensor<16x12xf32>, !out_view
  %log = math.log %l : tensor<16xf32>
  %sum = arith.addf %end#1, %log : tensor<16xf32>
  %stored = arith.select %seen, %sum, %infinite : tensor<16xi1>, tensor<16xf32>
  tile.store %stored, %vl[%row] dims [0] extents(%left) : tensor<16xf32>, !lse_view
  tile.return
}
