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

// Work is a formula over symbols; the schedule is what the kernel was built with.
// EXPLAIN: kernel   1  block{{ +}}root map
// EXPLAIN-NEXT: schedule map block=16 order=rows
// EXPLAIN-NEXT: fused pulled in: bias; gelu
// EXPLAIN-NEXT: flops rows*8
// EXPLAIN-NEXT: bytes rows*64
// EXPLAIN-NEXT: note no neighbour to fuse with
// EXPLAIN: kernel   2  block#2{{ +}}root map FALLBACK
// EXPLAIN: flops 5000000000 (5 G)
// EXPLAIN: cpu: 2 kernels, 0 attention kernels, 1 fallbacks, 0 copies

// CHECK: symbols rows
// CHECK-NEXT: input x: f32[rows, 8]
// CHECK-NEXT: output y: f32[rows, 8]
// CHECK: input b[[X:[0-9]+]] = x
// CHECK: slice b[[A:[0-9]+]] = rows*32 bytes, steps 0 to 1
// CHECK: output b[[Y:[0-9]+]] = y
// CHECK-NOT: slice
// CHECK: block: map
// CHECK: operands (read, write), 1 parameters
// CHECK: cpu:{{.*}} grid ceildiv(rows*8, 16) x 1 x 1
// CHECK: block#2: map (fallback)
// A result that is returned goes straight into the output, also through a reshape; a launch nobody needs is left out.
// CHECK: {{^}}steps
// CHECK-NEXT: 0 block(b[[X]], b[[A]]) [rows*8]
// CHECK-NEXT: 1 block#2(b[[A]], b[[Y]]) [rows*8]
// CHECK-NOT: 2
func.func @main(%x: tensor<?x8xf32> {plan.name = "x", plan.shape = affine_map<()[s0] -> (s0, 8)>}) -> (tensor<?x8xf32> {plan.name = "y"}) attributes {plan.symbols = ["rows"]} {
  %a = plan.launch map "block" @double(%x) grid affine_map<()[s0] -> ((s0 * 8) ceildiv 16)> params affine_map<()[s0] -> (s0 * 8)> shapes [affine_map<()[s0] -> (s0 * 8)>] flops affine_map<()[s0] -> (s0 * 8)> bytes affine_map<()[s0] -> (s0 * 64)> notes ["pulled in: bias", "fused: gelu", "no neighbour to fuse with"] : (tensor<?x8xf32>) -> tensor<?xf32>
  %b = plan.launch map "block" @double(%a) grid affine_map<()[s0] -> ((s0 * 8) ceildiv 16)> params affine_map<()[s0] -> (s0 * 8)> shapes [affine_map<()[s0] -> (s0 * 8)>] flops affine_map<()[s0] -> (5000000000)> bytes affine_map<()[s0] -> (s0 * 64)> notes ["fallback: no room"] : (tensor<?xf32>) -> tensor<?xf32>
  %unused = plan.launch map "unused" @double(%a) grid affine_map<()[s0] -> ((s0 * 8) ceildiv 16)> params affine_map<()[s0] -> (s0 * 8)> shapes [affine_map<()[s0] -> (s0 * 8)>] flops affine_map<()[s0] -> (s0)> bytes affine_map<()[s0] -> (s0 * 64)> : (tensor<?xf32>) -> tensor<?xf32>
  %rows = plan.symbol "rows"
  %y = tensor.expand_shape %b [[0, 1]] output_shape [%rows, 8] : tensor<?xf32> into tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
