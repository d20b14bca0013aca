// Programs arrive at counters that are zero before the launch and after it: the last of each row adds up what all of it have
// stored. Who leaves a counter behind, or comes once too often, is told.
// RUN: heed-interpret %s --entry=graph --compare=@sums --dim rows=3 | FileCheck %s
// CHECK: result 0: {{.*}} 3 elements
// CHECK: equal
// RUN: not heed-interpret %s --entry=graph --compare=@too_few --dim rows=3 2>&1 | FileCheck %s --check-prefix=FEW
// FEW: error: interpreter: result 2 is not zero when the launch has ended
// RUN: not heed-interpret %s --entry=graph --compare=@beside --dim rows=3 2>&1 | FileCheck %s --check-prefix=BESIDE
// BESIDE: error: interpreter: no counter at index 3 of dimension 0

#shape = affine_map<()[r] -> (r)>
#cost = affine_map<()[r] -> (r)>

// The sum of row, row + 1, .., row + 4.
func.func @graph() -> tensor<?xf32> attributes {plan.symbols = ["rows"]} {
  %rows = plan.symbol "rows"
  %e = tensor.empty(%rows) : tensor<?xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} outs(%e : tensor<?xf32>) {
  ^bb0(%none: f32):
    %c5 = arith.constant 5 : index
    %c10 = arith.constant 10 : index
    %row = linalg.index 0 : index
    %times = arith.muli %row, %c5 : index
    %sum = arith.addi %times, %c10 : index
    %i = arith.index_cast %sum : index to i32
    %f = arith.sitofp %i : i32 to f32
    linalg.yield %f : f32
  } -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

func.func @sums() -> tensor<?xf32> attributes {plan.symbols = ["rows"]} {
  %0:3 = plan.launch map "sums" @kernel() grid affine_map<()[r] -> (5, r)> params affine_map<()[r] -> (r, 5, 0)>
      shapes [#shape, affine_map<()[r] -> (r, 5)>, #shape] flops #cost bytes #cost {plan.zeroed = array<i64: 2>}
      : () -> (tensor<?xf32>, tensor<?x5xf32>, tensor<?xi32>)
  return %0#0 : tensor<?xf32>
}

func.func @too_few() -> tensor<?xf32> attributes {plan.symbols = ["rows"]} {
  %0:3 = plan.launch map "sums" @kernel() grid affine_map<()[r] -> (5, r)> params affine_map<()[r] -> (r, 6, 0)>
      shapes [#shape, affine_map<()[r] -> (r, 5)>, #shape] flops #cost bytes #cost {plan.zeroed = array<i64: 2>}
      : () -> (tensor<?xf32>, tensor<?x5xf32>, tensor<?xi32>)
  return %0#0 : tensor<?xf32>
}

func.func @beside() -> tensor<?xf32> attributes {plan.symbols = ["rows"]} {
  %0:3 = plan.launch map "sums" @kernel() grid affine_map<()[r] -> (5, r)> params affine_map<()[r] -> (r, 5, 1)>
      shapes [#shape, affine_map<()[r] -> (r, 5)>, #shape] flops #cost bytes #cost {plan.zeroed = array<i64: 2>}
      : () -> (tensor<?xf32>, tensor<?x5xf32>, tensor<?xi32>)
  return %0#0 : tensor<?xf32>
}

tile.kernel @kernel(%out: memref<?xf32>, %parts: memref<?xf32>, %counters: memref<?xi32>, %rows: index, %count: index, %shift: index) attributes {grid_rank = 2 : i64} {
  %part = tile.program_id 0
  %row = tile.program_id 1
  %c0 = arith.constant 0 : index
  %vo = memref.reinterpret_cast %out to offset: [0], sizes: [%rows], strides: [1] : memref<?xf32> to memref<?xf32, strided<[1]>>
  %vp = memref.reinterpret_cast %parts to offset: [0], sizes: [%rows, 5], strides: [5, 1] : memref<?xf32> to memref<?x5xf32, strided<[5, 1]>>
  %vc = memref.reinterpret_cast %counters to offset: [0], sizes: [%rows], strides: [1] : memref<?xi32> to memref<?xi32, strided<[1]>>
  %number = arith.addi %part, %row : index
  %tile = tile.index 0 from %number : tensor<1x1xi32>
  %value = arith.sitofp %tile : tensor<1x1xi32> to tensor<1x1xf32>
  tile.store %value, %vp[%row, %part] dims [0, 1] : tensor<1x1xf32>, memref<?x5xf32, strided<[5, 1]>>
  %counter = arith.addi %row, %shift : index
  %last = tile.arrive %vc[%counter] of %count : memref<?xi32, strided<[1]>>
  scf.if %last {
    %all = tile.load %vp[%row, %c0] dims [0, 1] : memref<?x5xf32, strided<[5, 1]>> -> tensor<1x5xf32>
    %sum = tile.reduce add %all along 1 : tensor<1x5xf32> -> tensor<1xf32>
    tile.store %sum, %vo[%row] dims [0] : tensor<1xf32>, memref<?xf32, strided<[1]>>
  }
  tile.return
}
