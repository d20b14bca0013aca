// Loops, branches, calls, affine, and insertion.
// RUN: heed-interpret %s --input 0=5 | FileCheck %s
// CHECK: result 0: 3xi32 = [10, 7, 1]
// CHECK: result 1: index = 3
// CHECK: result 2: index = 8
func.func @main(%n: index) -> (tensor<3xi32>, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant dense<0> : tensor<3xi32>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %c0) -> index {
    %next = arith.addi %acc, %i : index
    scf.yield %next : index
  }
  %sum32 = arith.index_cast %sum : index to i32
  %a = tensor.insert %sum32 into %zero[%c0] : tensor<3xi32>
  %seven = arith.constant 7 : i32
  %big = arith.cmpi sgt, %n, %c2 : index
  %b = scf.if %big -> tensor<3xi32> {
    %then = tensor.insert %seven into %a[%c1] : tensor<3xi32>
    scf.yield %then : tensor<3xi32>
  } else {
    scf.yield %a : tensor<3xi32>
  }
  %one = arith.constant dense<1> : tensor<1xi32>
  %c = tensor.insert_slice %one into %b[2] [1] [1] : tensor<1xi32> into tensor<3xi32>
  %blocks = affine.apply affine_map<(n)[size] -> (n ceildiv size)>(%n)[%c2]
  %power = func.call @power_above(%n) : (index) -> index
  return %c, %blocks, %power : tensor<3xi32>, index, index
}

func.func @power_above(%n: index) -> index {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %power = scf.while (%p = %c1) : (index) -> index {
    %small = arith.cmpi slt, %p, %n : index
    scf.condition(%small) %p : index
  } do {
  ^bb0(%p: index):
    %twice = arith.muli %p, %c2 : index
    scf.yield %twice : index
  }
  return %power : index
}
