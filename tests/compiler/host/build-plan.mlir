// RUN: heedc %s -o %t.heed --explain | FileCheck %s --check-prefix=EXPLAIN
// RUN: heed-dump %t.heed | FileCheck %s

tile.kernel @double(%x: memref<?xf32>, %y: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64, schedule = {block = 16 : i64, order = "rows"}} {
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %p = tile.program_id 0
  %i = arith.muli %p, %c16 : index
  %rest = arith.subi %n, %i : index
  %t = tile.load %x[%i] dims [0] extents(%rest) fill %zero : f32 : memref<?xf32> -> tensor<16xf32>
  %d = arith.addf %t, %t : tensor<16xf32>
  tile.store %d, %y[%i] dims [0] extents(%rest) : tensor<16xf32>, memref<?xf32>
  tile.return
}

func.func @main(%x: tensor<?x8xf32> {plan.name = "x", plan.shape = affine_map<()[s0] -> (s0, 8)>}) -> (tensor<?x8xf32> {plan.name = "y"}) attributes {plan.symbols = ["rows"]} {
  // Work is a formula over symbols; the schedule is what the kernel was built with.
  // EXPLAIN: kernel   1  first{{ +}}root map
  // EXPLAIN-NEXT: schedule map block=16 order=rows
  // EXPLAIN-NEXT: flops rows*8
  // EXPLAIN-NEXT: bytes rows*64
  // EXPLAIN-NEXT: note no neighbour to fuse with
  %a = plan.launch map "first" @double(%x) grid affine_map<()[s0] -> ((s0 * 8) ceildiv 16)> params affine_map<()[s0] -> (s0 * 8)> shapes [affine_map<()[s0] -> (s0 * 8)>] flops affine_map<()[s0] -> (s0 * 8)> bytes affine_map<()[s0] -> (s0 * 64)> notes ["no neighbour to fuse with"] : (tensor<?x8xf32>) -> tensor<?xf32>
  %b = plan.launch map "second" @double(%a) grid affine_map<()[s0] -> ((s0 * 8) ceildiv 16)> params affine_map<()[s0] -> (s0 * 8)> shapes [affine_map<()[s0] -> (s0 * 8)>] flops affine_map<()[s0] -> (s0 * 8)> bytes affine_map<()[s0] -> (s0 * 64)> : (tensor<?xf32>) -> tensor<?xf32>
  %rows = plan.symbol "rows"
  %y = tensor.expand_shape %b [[0, 1]] output_shape [%rows, 8] : tensor<?xf32> into tensor<?x8xf32>
  // EXPLAIN: cpu: 2 kernels, 0 attention kernels, 0 fallbacks, 0 copies
  return %y : tensor<?x8xf32>
}
