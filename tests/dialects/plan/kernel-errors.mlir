// Every constraint of the plan dialect, by its number in dialects/plan/SPEC.md.
// RUN: heed-opt %s -verify-diagnostics -split-input-file

// expected-error@+1 {{G1: plan.symbols is an array of strings on a function}}
module attributes {plan.symbols = ["rows"]} {
}

// -----

// expected-error@+1 {{G1: plan.symbols must be different strings, got "rows"}}
func.func private @f() attributes {plan.symbols = ["rows", "rows"]}

// -----

// expected-error@+1 {{G2: plan.shape of argument 0 must be an affine map over the 1 symbols of the graph with one result per dimension}}
func.func private @f(tensor<?x?xf32> {plan.shape = affine_map<()[s0] -> (s0)>}) attributes {plan.symbols = ["rows"]}

// -----

// expected-error@+1 {{G2: plan.strides of argument 0 must be an affine map over the 1 symbols}}
func.func private @f(tensor<?xf32> {plan.strides = affine_map<()[s0, s1] -> (s0)>}) attributes {plan.symbols = ["rows"]}

// -----

// expected-error@+1 {{G3: plan.shape of argument 0 disagrees with 'tensor<4xf32>'}}
func.func private @f(tensor<4xf32> {plan.shape = affine_map<()[s0] -> (s0)>}) attributes {plan.symbols = ["rows"]}

// -----

// expected-error@+1 {{G4: plan.host_scalar of argument 0 must name a symbol of the graph, on an integer tensor of rank 0, got "columns"}}
func.func private @f(tensor<i64> {plan.host_scalar = "columns"}) attributes {plan.symbols = ["rows"]}

// -----

// expected-error@+1 {{G4: plan.host_scalar of argument 0 must name a symbol}}
func.func private @f(tensor<1xf32> {plan.host_scalar = "rows"}) attributes {plan.symbols = ["rows"]}

// -----

// expected-error@+1 {{G4: plan.alias of result 0 must be the index of an argument with its element type, got 1}}
func.func private @f(tensor<4xf32>) -> (tensor<4xf32> {plan.alias = 1 : i64}) attributes {plan.symbols = []}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{K1: the body needs one argument per operand, got 2}}
  %0 = plan.kernel map "copy"(%x) views [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] stored [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    plan.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{K1: an argument is its operand through a view, so the element types agree; got 'tensor<4xf16>' for 'tensor<4xf32>'}}
  %0 = plan.kernel map "copy"(%x) views [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] stored [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf16>):
    plan.yield %a : tensor<4xf16>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{K2: needs one view and one map of sizes per operand, got 0}}
  %0 = plan.kernel map "copy"(%x) views [] sizes [] stored [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    plan.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{K2: the view of this operand must be ()[symbols] -> (offset, strides) for 'tensor<4xf32>'}}
  %0 = plan.kernel map "copy"(%x) views [affine_map<() -> (1)>] sizes [affine_map<() -> (4)>] stored [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    plan.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{K2: the sizes of this result must be ()[symbols] -> (sizes) for 'tensor<4xf32>'}}
  %0 = plan.kernel map "copy"(%x) views [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] stored [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (2, 2)>] : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    plan.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{K2: storage sizes must be ()[symbols] -> (sizes) for 'tensor<4xf32>'}}
  %0 = plan.kernel map "copy"(%x) views [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] stored [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] {storage_sizes = [affine_map<() -> (2, 2)>]} : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    plan.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{K3: the body must yield one value per result}}
  %0 = plan.kernel map "copy"(%x) views [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] stored [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    plan.yield %a, %a : tensor<4xf32>, tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{K3: a result stores what the body yields, so the element types agree; got 'tensor<4xf32>' for 'tensor<4xf16>'}}
  %0 = plan.kernel map "copy"(%x) views [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] stored [affine_map<() -> (0, 1)>] sizes [affine_map<() -> (4)>] : (tensor<4xf32>) -> tensor<4xf16> {
  ^bb0(%a: tensor<4xf32>):
    plan.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L1: no kernel named absent}}
  %0 = plan.launch map "copy" @absent(%x) grid affine_map<() -> (1)> params affine_map<() -> ()> shapes [affine_map<() -> (4)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> : (tensor<4xf32>) -> tensor<4xf32>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L1: kernel copy takes 2 arguments, got 2 bases and 1 parameters}}
  %0 = plan.launch map "copy" @copy(%x) grid affine_map<() -> (1)> params affine_map<() -> (3)> shapes [affine_map<() -> (4)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> : (tensor<4xf32>) -> tensor<4xf32>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L1: argument 1 of kernel copy is no base for 'tensor<4xf16>'}}
  %0 = plan.launch map "copy" @copy(%x) grid affine_map<() -> (1)> params affine_map<() -> ()> shapes [affine_map<() -> (4)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> : (tensor<4xf32>) -> tensor<4xf16>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L2: needs one shape per result, got 0}}
  %0 = plan.launch map "copy" @copy(%x) grid affine_map<() -> (1)> params affine_map<() -> ()> shapes [] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> : (tensor<4xf32>) -> tensor<4xf32>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L2: a result shape must be ()[symbols] -> (sizes) for 'tensor<4xf32>'}}
  %0 = plan.launch map "copy" @copy(%x) grid affine_map<() -> (1)> params affine_map<() -> ()> shapes [affine_map<() -> (2, 2)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> : (tensor<4xf32>) -> tensor<4xf32>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L2: grid must have 1 to 3 sizes, got 0}}
  %0 = plan.launch map "copy" @copy(%x) grid affine_map<() -> ()> params affine_map<() -> ()> shapes [affine_map<() -> (4)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> : (tensor<4xf32>) -> tensor<4xf32>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L2: maps have symbols and no dimensions, got affine_map<(d0) -> (d0)>}}
  %0 = plan.launch map "copy" @copy(%x) grid affine_map<() -> (1)> params affine_map<(d0) -> (d0)> shapes [affine_map<() -> (4)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> : (tensor<4xf32>) -> tensor<4xf32>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L5: needs a grid and conditions per alternative, got 1 kernels, 1 grids and 0 conditions}}
  %0 = plan.launch map "copy" @copy(%x) grid affine_map<() -> (1)> params affine_map<() -> ()> shapes [affine_map<() -> (4)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> {alternatives = [@copy], alternative_grids = [affine_map<() -> (1)>]} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L5: the grid of an alternative must be like affine_map<() -> (1)>, got affine_map<() -> (1, 1)>}}
  %0 = plan.launch map "copy" @copy(%x) grid affine_map<() -> (1)> params affine_map<() -> ()> shapes [affine_map<() -> (4)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> {alternatives = [@copy], alternative_grids = [affine_map<() -> (1, 1)>], alternative_conditions = [affine_map<() -> (8)>]} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L5: the alternative @other is no kernel with the arguments of copy}}
  %0 = plan.launch map "copy" @copy(%x) grid affine_map<() -> (1)> params affine_map<() -> ()> shapes [affine_map<() -> (4)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> {alternatives = [@other], alternative_grids = [affine_map<() -> (1)>], alternative_conditions = [affine_map<() -> (8)>]} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

tile.kernel @other(%a: memref<?xf32>, %b: memref<?xf16>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{L5: conditions have symbols and no dimensions, got affine_map<(d0) -> (d0)>}}
  %0 = plan.launch map "copy" @copy(%x) grid affine_map<() -> (1)> params affine_map<() -> ()> shapes [affine_map<() -> (4)>] flops affine_map<() -> (0)> bytes affine_map<() -> (0)> {alternatives = [@copy], alternative_grids = [affine_map<() -> (1)>], alternative_conditions = [affine_map<(d0) -> (d0)>]} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

tile.kernel @copy(%a: memref<?xf32>, %b: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}
