// What any device can do at most, for heed-bench --ceilings: f32 products of tiles that stay on the chip, and a copy of
// what they wrote, 16 KiB a program, beyond all caches. matrix-ceilings.mlir is for devices with matrix instructions.
//   heedc tests/perf/ceilings.mlir --target=cuda:sm_90a,vulkan -o ceilings.heed
#nothing = affine_map<()[programs, rounds] -> (0)>
#grid = affine_map<()[programs, rounds] -> (programs)>

func.func @main(%left: tensor<64x32xf32> {plan.name = "left"}, %right: tensor<32x64xf32> {plan.name = "right"},
    %programs: tensor<i64> {plan.name = "programs", plan.host_scalar = "programs"},
    %rounds: tensor<i64> {plan.name = "rounds", plan.host_scalar = "rounds"})
    -> (tensor<?x64x64xf32> {plan.name = "copies"}) attributes {plan.symbols = ["programs", "rounds"]} {
  %products = plan.launch matmul "f32 products" @products(%left, %right) grid #grid
      params affine_map<()[programs, rounds] -> (rounds)>
      shapes [affine_map<()[programs, rounds] -> (programs, 64, 64)>]
      flops affine_map<()[programs, rounds] -> (programs * rounds * 262144)> bytes #nothing
      : (tensor<64x32xf32>, tensor<32x64xf32>) -> tensor<?x64x64xf32>
  %copies = plan.launch map "copy" @copy(%products) grid affine_map<()[programs, rounds] -> (programs * 4)>
      params affine_map<()[programs, rounds] -> (programs * 4)>
      shapes [affine_map<()[programs, rounds] -> (programs, 64, 64)>]
      flops #nothing bytes affine_map<()[programs, rounds] -> (programs * 32768)>
      : (tensor<?x64x64xf32>) -> tensor<?x64x64xf32>
  return %copies : tensor<?x64x64xf32>
}

tile.kernel @products(%a: memref<?xf32>, %b: memref<?xf32>, %c: memref<?xf32>, %rounds: index) attributes {grid_rank = 1 : i64} {
  %p = tile.program_id 0
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %row = arith.muli %p, %c64 : index
  %none = arith.constant dense<0.0> : tensor<64x64xf32>
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [64, 32], strides: [32, 1] : memref<?xf32> to memref<64x32xf32, strided<[32, 1]>>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [32, 64], strides: [64, 1] : memref<?xf32> to memref<32x64xf32, strided<[64, 1]>>
  %rows = arith.addi %row, %c64 : index
  %vc = memref.reinterpret_cast %c to offset: [0], sizes: [%rows, 64], strides: [64, 1] : memref<?xf32> to memref<?x64xf32, strided<[64, 1]>>
  %left = tile.load %va[%c0, %c0] dims [0, 1] : memref<64x32xf32, strided<[32, 1]>> -> tensor<64x32xf32>
  %right = tile.load %vb[%c0, %c0] dims [0, 1] : memref<32x64xf32, strided<[64, 1]>> -> tensor<32x64xf32>
  %all = scf.for %i = %c0 to %rounds step %c1 iter_args(%sum = %none) -> tensor<64x64xf32> {
    %next = tile.dot %left, %right, %sum : tensor<64x32xf32>, tensor<32x64xf32> -> tensor<64x64xf32>
    scf.yield %next : tensor<64x64xf32>
  }
  tile.store %all, %vc[%row, %c0] dims [0, 1] : tensor<64x64xf32>, memref<?x64xf32, strided<[64, 1]>>
  tile.return
}

tile.kernel @copy(%x: memref<?xf32>, %y: memref<?xf32>, %rows: index) attributes {grid_rank = 1 : i64} {
  %p = tile.program_id 0
  %c0 = arith.constant 0 : index
  %vx = memref.reinterpret_cast %x to offset: [0], sizes: [%rows, 1024], strides: [1024, 1] : memref<?xf32> to memref<?x1024xf32, strided<[1024, 1]>>
  %vy = memref.reinterpret_cast %y to offset: [0], sizes: [%rows, 1024], strides: [1024, 1] : memref<?xf32> to memref<?x1024xf32, strided<[1024, 1]>>
  %row = tile.load %vx[%p, %c0] dims [0, 1] : memref<?x1024xf32, strided<[1024, 1]>> -> tensor<1x1024xf32>
  tile.store %row, %vy[%p, %c0] dims [0, 1] : tensor<1x1024xf32>, memref<?x1024xf32, strided<[1024, 1]>>
  tile.return
}
