// A loop whose visits are conditional, with its parts overlapped: the first visit is searched for with scalars only.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(schedule-parts{parts=load:0,add:1},lower-tiles)' | FileCheck %s

// CHECK: simt.kernel @conditional
// CHECK: %[[FIRST:.*]] = scf.while (%[[AT:.*]] = {{.*}}) : (i64) -> i64
// CHECK: scf.condition({{.*}}) %[[AT]] : i64
// CHECK: arith.addi {{.*}} : i64
// CHECK: scf.if
// CHECK: scf.for
tile.kernel @conditional(%a: memref<?xf32>, %seen: memref<?xi8>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %no = arith.constant 0 : i8
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %view = memref.reinterpret_cast %a to offset: [0], sizes: [%n], strides: [1] : memref<?xf32> to memref<?xf32, strided<[1]>>
  %flags = memref.reinterpret_cast %seen to offset: [0], sizes: [%n], strides: [1] : memref<?xi8> to memref<?xi8, strided<[1]>>
  %r = scf.for %i = %c0 to %n step %c8 iter_args(%sum = %zero) -> tensor<8xf32> {
    %flag = memref.load %flags[%i] : memref<?xi8, strided<[1]>>
    %may = arith.cmpi ne, %flag, %no : i8
    %next = scf.if %may -> tensor<8xf32> {
      %0 = tile.part "load" -> tensor<8xf32> {
        %t = tile.load %view[%i] dims [0] : memref<?xf32, strided<[1]>> -> tensor<8xf32>
        tile.yield %t : tensor<8xf32>
      }
      %1 = tile.part "add" -> tensor<8xf32> {
        %t = arith.addf %sum, %0 : tensor<8xf32>
        tile.yield %t : tensor<8xf32>
      }
      scf.yield %1 : tensor<8xf32>
    } else {
      scf.yield %sum : tensor<8xf32>
    }
    scf.yield %next : tensor<8xf32>
  }
  tile.store %r, %view[%c0] dims [0] : tensor<8xf32>, memref<?xf32, strided<[1]>>
  tile.return
}
