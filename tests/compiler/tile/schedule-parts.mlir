// RUN: heed-opt %s --split-input-file --pass-pipeline='builtin.module(schedule-parts{parts=first:0,last:1,middle:0},canonicalize,cse)' | FileCheck %s
// RUN: heed-opt %s --split-input-file --pass-pipeline='builtin.module(schedule-parts{parts=first:0,middle:1,last:2},canonicalize,cse)' | FileCheck %s --check-prefix=THREE
// RUN: heed-opt %s --split-input-file --schedule-parts | FileCheck %s --check-prefix=NONE
// RUN: heed-opt %s --split-input-file --pass-pipeline='builtin.module(schedule-parts{parts=multiply:0:turn,add:1:turn})' | FileCheck %s --check-prefix=TURN
// RUN: not heed-opt %s --split-input-file --pass-pipeline='builtin.module(schedule-parts{parts=first})' 2>&1 | FileCheck %s --check-prefix=ERROR

// NONE-NOT: heed.note
// NONE-NOT: heed.site
// ERROR: a line of a schedule is PART:STAGE or PART:STAGE:turn with a stage up to 8, got 'first'

// What crosses from `middle` to `last` is carried; a load stands in the part that uses it, and its copies share a site.
// CHECK-LABEL: tile.kernel @overlap
// CHECK: %[[SOME:.*]] = arith.cmpi sgt, %[[N:.*]], %c0
// CHECK: %[[RESULT:.*]] = scf.if %[[SOME]] -> (tensor<8xf32>)
// CHECK: %[[A0:.*]] = tile.part "first"
// CHECK: tile.load {{.*}}[%c0] {{.*}}heed.site = 0
// CHECK: %[[M0:.*]] = tile.part "middle"
// CHECK-NEXT: math.exp2 %[[A0]]
// CHECK: %[[LOOP:.*]]:2 = scf.for %[[I:.*]] = %c8 to %[[N]] step %c8 iter_args(%[[M:.*]] = %[[M0]], %[[SUM:.*]] = %cst
// CHECK: %[[BEFORE:.*]] = arith.subi %[[I]], %c8
// CHECK: %[[A:.*]] = tile.part "first"
// CHECK: tile.load {{.*}}[%[[I]]] {{.*}}heed.site = 0
// CHECK: %[[V:.*]] = tile.load {{.*}}[%[[BEFORE]]] {{.*}}heed.site = 1
// CHECK: %[[NEXT:.*]] = tile.part "last"
// CHECK: arith.mulf %[[M]], %[[V]]
// CHECK: arith.addf %[[SUM]]
// CHECK: %[[MIDDLE:.*]] = tile.part "middle"
// CHECK-NEXT: math.exp2 %[[A]]
// CHECK: scf.yield %[[MIDDLE]], %[[NEXT]]
// CHECK: tile.load {{.*}}heed.site = 1
// CHECK: %[[LAST:.*]] = tile.part "last"
// CHECK: arith.addf %[[LOOP]]#1
// CHECK: scf.yield %[[LAST]]
// CHECK: else
// CHECK-NEXT: scf.yield %cst
// CHECK: tile.store %[[RESULT]]
// Two rounds ahead need two iterations; fewer take the loop as it was.
// THREE-LABEL: tile.kernel @overlap
// THREE: arith.cmpi sgt, %{{.*}}, %c8
// THREE: scf.if
// THREE-COUNT-3: tile.part
// THREE: scf.for {{.*}} = %c16 to
// THREE-COUNT-3: tile.part
// THREE: scf.yield
// THREE-COUNT-3: tile.part
// THREE: else
// THREE: scf.for {{.*}} = %c0 to
tile.kernel @overlap(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %r = scf.for %i = %c0 to %n step %c8 iter_args(%sum = %zero) -> tensor<8xf32> {
    %0 = tile.part "first" -> tensor<8xf32> {
      %t = tile.load %a[%i] dims [0] : memref<?xf32> -> tensor<8xf32>
      tile.yield %t : tensor<8xf32>
    }
    %1 = tile.part "middle" -> tensor<8xf32> {
      %t = math.exp2 %0 : tensor<8xf32>
      tile.yield %t : tensor<8xf32>
    }
    %v = tile.load %a[%i] dims [0] : memref<?xf32> -> tensor<8xf32>
    %2 = tile.part "last" -> tensor<8xf32> {
      %p = arith.mulf %1, %v : tensor<8xf32>
      %t = arith.addf %sum, %p : tensor<8xf32>
      tile.yield %t : tensor<8xf32>
    }
    scf.yield %2 : tensor<8xf32>
  }
  tile.store %r, %a[%c0] dims [0] : tensor<8xf32>, memref<?xf32>
  tile.return
}

// -----

// CHECK-LABEL: tile.kernel @unknown
// CHECK: heed.note = "not scheduled: the schedule has no line for part \22other\22"
tile.kernel @unknown(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %r = scf.for %i = %c0 to %n step %c8 iter_args(%sum = %zero) -> tensor<8xf32> {
    %0 = tile.part "other" -> tensor<8xf32> {
      %t = tile.load %a[%i] dims [0] : memref<?xf32> -> tensor<8xf32>
      %s = arith.addf %sum, %t : tensor<8xf32>
      tile.yield %s : tensor<8xf32>
    }
    scf.yield %0 : tensor<8xf32>
  }
  tile.store %r, %a[%c0] dims [0] : tensor<8xf32>, memref<?xf32>
  tile.return
}

// -----

// The next iteration's first part needs what the last part of this one gives: nothing can run ahead.
// CHECK-LABEL: tile.kernel @recurrence
// CHECK: heed.note = "not scheduled: part \22first\22 would run before part \22last\22, whose result it uses"
tile.kernel @recurrence(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %r = scf.for %i = %c0 to %n step %c8 iter_args(%sum = %zero) -> tensor<8xf32> {
    %0 = tile.part "first" -> tensor<8xf32> {
      %t = math.exp2 %sum : tensor<8xf32>
      tile.yield %t : tensor<8xf32>
    }
    %1 = tile.part "last" -> tensor<8xf32> {
      %t = arith.addf %0, %0 : tensor<8xf32>
      tile.yield %t : tensor<8xf32>
    }
    scf.yield %1 : tensor<8xf32>
  }
  tile.store %r, %a[%c0] dims [0] : tensor<8xf32>, memref<?xf32>
  tile.return
}

// -----

// Stores keep their place.
// CHECK-LABEL: tile.kernel @stores
// CHECK: heed.note = "not scheduled: it holds tile.store, which may not be moved"
tile.kernel @stores(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %r = scf.for %i = %c0 to %n step %c8 iter_args(%sum = %zero) -> tensor<8xf32> {
    %0 = tile.part "first" -> tensor<8xf32> {
      %t = tile.load %a[%i] dims [0] : memref<?xf32> -> tensor<8xf32>
      tile.yield %t : tensor<8xf32>
    }
    %1 = tile.part "last" -> tensor<8xf32> {
      %t = arith.addf %sum, %0 : tensor<8xf32>
      tile.store %t, %a[%i] dims [0] : tensor<8xf32>, memref<?xf32>
      tile.yield %t : tensor<8xf32>
    }
    scf.yield %1 : tensor<8xf32>
  }
  tile.store %r, %a[%c0] dims [0] : tensor<8xf32>, memref<?xf32>
  tile.return
}

// -----

// Iterations of a conditional loop are those for which the condition holds: the first is searched for, and how far apart
// others are is carried.
// CHECK-LABEL: tile.kernel @conditional
// CHECK: %[[FIRST:.*]] = scf.while
// CHECK: scf.if
// CHECK: memref.load
// CHECK: scf.condition
// CHECK: arith.addi {{.*}}, %c8
// CHECK: scf.if
// CHECK: tile.load {{.*}}[%[[FIRST]]] {{.*}}heed.site = 0
// CHECK: %[[START:.*]] = arith.addi %[[FIRST]], %c8
// CHECK: scf.for %[[I:.*]] = %[[START]] to {{.*}} iter_args(
// CHECK-SAME: %[[BEFORE:.*]] = %[[FIRST]]
// CHECK: arith.select {{.*}}, %[[I]], %[[BEFORE]]
// CHECK: scf.if
// CHECK: tile.load {{.*}}[%[[I]]] {{.*}}heed.site = 0
// CHECK: tile.load {{.*}}[%[[BEFORE]]] {{.*}}heed.site = 1
// THREE-LABEL: tile.kernel @conditional
// THREE: heed.note = "not scheduled: its work is conditional and the schedule has more than two stages"
tile.kernel @conditional(%a: memref<?xf32>, %seen: memref<?xi1>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant dense<0.0> : tensor<8xf32>
  %r = scf.for %i = %c0 to %n step %c8 iter_args(%sum = %zero) -> tensor<8xf32> {
    %may = memref.load %seen[%i] : memref<?xi1>
    %next = scf.if %may -> tensor<8xf32> {
      %0 = tile.part "first" -> tensor<8xf32> {
        %t = tile.load %a[%i] dims [0] : memref<?xf32> -> tensor<8xf32>
        tile.yield %t : tensor<8xf32>
      }
      %1 = tile.part "middle" -> tensor<8xf32> {
        %t = math.exp2 %0 : tensor<8xf32>
        tile.yield %t : tensor<8xf32>
      }
      %2 = tile.part "last" -> tensor<8xf32> {
        %v = tile.load %a[%i] dims [0] : memref<?xf32> -> tensor<8xf32>
        %p = arith.mulf %1, %v : tensor<8xf32>
        %t = arith.addf %sum, %p : tensor<8xf32>
        tile.yield %t : tensor<8xf32>
      }
      scf.yield %2 : tensor<8xf32>
    } else {
      scf.yield %sum : tensor<8xf32>
    }
    scf.yield %next : tensor<8xf32>
  }
  tile.store %r, %a[%c0] dims [0] : tensor<8xf32>, memref<?xf32>
  tile.return
}

// -----

// Products of the rounds in which all parts work are started in turns, those before and after are not.
// TURN-LABEL: tile.kernel @turns
// TURN: tile.dot
// TURN-NOT: heed.turn
// TURN: scf.for
// TURN: tile.part "multiply"
// TURN: tile.dot {{.*}}heed.turn
// TURN: tile.part "add"
// TURN: scf.yield
// TURN-NOT: heed.turn
// TURN: tile.return
tile.kernel @turns(%base: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant dense<0.0> : tensor<4x4xf32>
  %a = memref.reinterpret_cast %base to offset: [0], sizes: [%n, 4], strides: [4, 1] : memref<?xf32> to memref<?x4xf32, strided<[4, 1]>>
  %r = scf.for %i = %c0 to %n step %c4 iter_args(%sum = %zero) -> tensor<4x4xf32> {
    %0 = tile.part "multiply" -> tensor<4x4xf32> {
      %t = tile.load %a[%i, %c0] dims [0, 1] : memref<?x4xf32, strided<[4, 1]>> -> tensor<4x4xf32>
      %p = tile.dot %t, %t, %zero : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
      tile.yield %p : tensor<4x4xf32>
    }
    %1 = tile.part "add" -> tensor<4x4xf32> {
      %t = arith.addf %sum, %0 : tensor<4x4xf32>
      tile.yield %t : tensor<4x4xf32>
    }
    scf.yield %1 : tensor<4x4xf32>
  }
  tile.store %r, %a[%c0, %c0] dims [0, 1] : tensor<4x4xf32>, memref<?x4xf32, strided<[4, 1]>>
  tile.return
}
