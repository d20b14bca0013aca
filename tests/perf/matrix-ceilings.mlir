// Products of 16-bit tiles that stay on the chip, for heed-bench --ceilings: every target makes of them what it makes of
// any tile program, its own matrix instructions. See ceilings.mlir.
#nothing = affine_map<()[programs, rounds] -> (0)>
#grid = affine_map<()[programs, rounds] -> (programs)>

func.func @main(%left: tensor<128x64xbf16> {plan.name = "left"}, %right: tensor<64x128xbf16> {plan.name = "right"},
    %programs: tensor<i64> {plan.name = "programs", plan.host_scalar = "programs"},
    %rounds: tensor<i64> {plan.name = "rounds", plan.host_scalar = "rounds"})
    -> (tensor<?x128x128xf32> {plan.name = "products"}) attributes {plan.symbols = ["programs", "rounds"]} {
  %products = plan.launch matmul "bf16 products" @products(%left, %right) grid #grid
      params affine_map<()[programs, rounds] -> (rounds)>
      shapes [affine_map<()[programs, rounds] -> (programs, 128, 128)>]
      flops affine_map<()[programs, rounds] -> (programs * rounds * 2097152)> bytes #nothing
      : (tensor<128x64xbf16>, tensor<64x128xbf16>) -> tensor<?x128x128xf32>
  return %products : tensor<?x128x128xf32>
}

tile.kernel @products(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>, %rounds: index) attributes {grid_rank = 1 : i64} {
  %p = tile.program_id 0
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c128 = arith.constant 128 : index
  %row = arith.muli %p, %c128 : index
  %none = arith.constant dense<0.0> : tensor<128x128xf32>
  %va = memref.reinterpret_cast %a to offset: [0], sizes: [128, 64], strides: [64, 1] : memref<?xbf16> to memref<128x64xbf16, strided<[64, 1]>>
  %vb = memref.reinterpret_cast %b to offset: [0], sizes: [64, 128], strides: [128, 1] : memref<?xbf16> to memref<64x128xbf16, strided<[128, 1]>>
  %rows = arith.addi %row, %c128 : index
  %vc = memref.reinterpret_cast %c to offset: [0], sizes: [%rows, 128], strides: [128, 1] : memref<?xf32> to memref<?x128xf32, strided<[128, 1]>>
  %left = tile.load %va[%c0, %c0] dims [0, 1] : memref<128x64xbf16, strided<[64, 1]>> -> tensor<128x64xbf16>
  %right = tile.load %vb[%c0, %c0] dims [0, 1] : memref<64x128xbf16, strided<[128, 1]>> -> tensor<64x128xbf16>
  %all = scf.for %i = %c0 to %rounds step %c1 iter_args(%sum = %none) -> tensor<128x128xf32> {
    %next = tile.dot %left, %right, %sum : tensor<128x64xbf16>, tensor<64x128xbf16> -> tensor<128x128xf32>
    scf.yield %next : tensor<128x128xf32>
  }
  tile.store %all, %vc[%row, %c0] dims [0, 1] : tensor<128x128xf32>, memref<?x128xf32, strided<[128, 1]>>
  tile.return
}
