// What cannot be run or compared is one clear line and a failing exit code.

// RUN: not heed-interpret %s --entry=two --compare=@three 2>&1 | FileCheck %s --check-prefix=DIFFERENT
// DIFFERENT: result 0: max error 1.00e+00, max value 2.00e+00, relative 5.00e-01, 1 elements
// DIFFERENT: error: result 0 differs: beyond the tolerance
// DIFFERENT: different
func.func @two() -> f32 {
  %r = arith.constant 2.0 : f32
  return %r : f32
}
func.func @three() -> f32 {
  %r = arith.constant 3.0 : f32
  return %r : f32
}

// RUN: not heed-interpret %s --entry=two --compare=@unwritten 2>&1 | FileCheck %s --check-prefix=UNWRITTEN
// UNWRITTEN: error: result 0 differs: element 0 is 2.000000 and nan
func.func @unwritten() -> f32 {
  %c0 = arith.constant 0 : index
  %e = tensor.empty() : tensor<1xf32>
  %r = tensor.extract %e[%c0] : tensor<1xf32>
  return %r : f32
}

// RUN: not heed-interpret %s --entry=absent 2>&1 | FileCheck %s --check-prefix=ABSENT
// ABSENT: heed-interpret: error: no function named absent

// RUN: not heed-interpret %s --entry=dynamic 2>&1 | FileCheck %s --check-prefix=DYNAMIC
// DYNAMIC: errors.mlir:[[#@LINE+5]]:1: error: argument 0: a symbol of its plan.shape has no value: give --dim NAME=SIZE
// RUN: not heed-interpret %s --entry=dynamic --dim rows=2 --input x=1,2,3 2>&1 | FileCheck %s --check-prefix=COUNT
// COUNT: error: argument 0: needs 2 numbers, got 3
// RUN: not heed-interpret %s --entry=dynamic --dim rows=two 2>&1 | FileCheck %s --check-prefix=DIM
// DIM: heed-interpret: error: --dim=rows=two is not of the form NAME=SIZE
func.func @dynamic(%x: tensor<?xf32> {plan.name = "x", plan.shape = affine_map<()[s0] -> (s0)>}) -> tensor<?xf32> attributes {plan.symbols = ["rows"]} {
  return %x : tensor<?xf32>
}

// RUN: not heed-interpret %s --entry=unsupported 2>&1 | FileCheck %s --check-prefix=VECTOR
func.func @unsupported(%x: vector<4xf32>) {
  return
}
// VECTOR: error: argument 0: values of this type cannot be made

// RUN: not heed-interpret %s --entry=unsupported_op 2>&1 | FileCheck %s --check-prefix=OP
func.func @unsupported_op() {
  // OP: errors.mlir:[[#@LINE+1]]:8: error: interpreter: memref.alloc is not supported
  %a = memref.alloc() : memref<4xf32>
  return
}

// RUN: not heed-interpret %s --entry=division --input 0=0 2>&1 | FileCheck %s --check-prefix=DIVISION
func.func @division(%x: i32) -> i32 {
  // DIVISION: error: interpreter: the operation has no value for these operands
  %r = arith.divsi %x, %x : i32
  return %r : i32
}

// RUN: not heed-interpret %s --entry=beyond 2>&1 | FileCheck %s --check-prefix=BEYOND
#one = affine_map<() -> (1)>
func.func @beyond(%x: tensor<6xf32>) -> tensor<8xf32> {
  %y = plan.launch map "beyond" @copy(%x) grid #one params affine_map<() -> ()> shapes [affine_map<() -> (8)>] flops #one bytes #one : (tensor<6xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}
tile.kernel @copy(%x: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  // BEYOND: error: interpreter: an element in bounds lies at index 6 of dimension 0 of the view, which has 6
  %t = tile.load %x[%c0] dims [0] : memref<?xf32> -> tensor<8xf32>
  tile.store %t, %y[%c0] dims [0] : tensor<8xf32>, memref<?xf32>
  tile.return
}

// RUN: not heed-interpret %s --entry=recursive 2>&1 | FileCheck %s --check-prefix=RECURSIVE
// RECURSIVE: error: interpreter: calls are nested deeper than 64
func.func @recursive() {
  call @recursive() : () -> ()
  return
}
