// State in place: a result that takes the storage of an input, when nothing needs the old value, and a copy when
// something does.
// RUN: split-file %s %t
// RUN: heedc %t/in-place.mlir -o %t/in-place.heed
// RUN: heed-dump %t/in-place.heed | FileCheck %t/in-place.mlir
// RUN: heedc %t/read-later.mlir -o %t/read-later.heed
// RUN: heed-dump %t/read-later.heed | FileCheck %t/read-later.mlir
// RUN: heedc %t/exchanged.mlir -o %t/exchanged.heed
// RUN: heed-dump %t/exchanged.heed | FileCheck %t/exchanged.mlir
// RUN: heedc %t/appended.mlir -o %t/appended.heed
// RUN: heed-dump %t/appended.heed | FileCheck %t/appended.mlir
// RUN: heed-run %t/appended.heed --device=cpu --input=cache=2x1x2x4xf32=0 --input=rows=2x1x1x4xf32=5 --input=at=2xi32=0,1 | FileCheck %t/appended.mlir --check-prefix=VALUES
// RUN: heedc %t/strided.mlir -o %t/strided.heed
// RUN: heed-dump %t/strided.heed | FileCheck %t/strided.mlir
// RUN: heedc %t/returned-twice.mlir -o %t/returned-twice.heed
// RUN: heed-dump %t/returned-twice.heed | FileCheck %t/returned-twice.mlir
// RUN: heedc %t/counters.mlir -o %t/counters.heed
// RUN: heed-dump %t/counters.heed | FileCheck %t/counters.mlir
// RUN: heedc %t/anywhere.mlir -o %t/anywhere.heed
// RUN: heed-run %t/anywhere.heed --device=cpu --input=cache=3x1x4x1xf32=0 --input=rows=3x1x2x1xf32=5 --input=at=3xi64=-1,-9223372036854775808,9223372036854775807 | FileCheck %t/anywhere.mlir --check-prefix=VALUES

//--- in-place.mlir
tile.kernel @append(%rows: memref<?xf32>, %cache: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}
// The kernel writes only new rows, so its result is tied to the cache: both are the output, and no step copies.
// CHECK: output after: f32[n, 8] strided in place of cache with room for [64, 8]
// CHECK: operands (read, read, read and write)
// CHECK: {{^}}steps
// CHECK-NEXT: 0 append(b0, b[[STATE:[0-9]+]], b[[STATE]]) []
// CHECK-NOT: copy
func.func @main(%rows: tensor<?x8xf32> {plan.name = "rows", plan.shape = affine_map<()[s0, s1] -> (s0, 8)>},
                %cache: tensor<?x8xf32> {plan.name = "cache", plan.shape = affine_map<()[s0, s1] -> (s0, 8)>, plan.strides = affine_map<()[s0, s1] -> (s1, 1)>})
    -> (tensor<?x8xf32> {plan.name = "after", plan.alias = 1 : i64, plan.capacity = affine_map<()[s0, s1] -> (64, 8)>}) attributes {plan.symbols = ["n", "stride(cache,0)"]} {
  %0 = plan.launch map "append" @append(%rows, %cache) grid affine_map<()[s0, s1] -> (s0)> params affine_map<()[s0, s1] -> ()>
      shapes [affine_map<()[s0, s1] -> (s0, 8)>] flops affine_map<()[s0, s1] -> (0)> bytes affine_map<()[s0, s1] -> (0)> {plan.tied = array<i64: 1>} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

//--- counters.mlir
tile.kernel @counting(%rows: memref<?xf32>, %y: memref<?xf32>, %counters: memref<?xi32>) attributes {grid_rank = 1 : i64} {
  tile.return
}
// What is zero before and after a launch is read, too, and lies in no place that other results take.
// CHECK: zeroed b[[ZEROED:[0-9]+]] = n*4 bytes{{$}}
// CHECK-NOT: slice
// CHECK: operands (read, write, read and write)
// CHECK: 0 counting(b{{[0-9]+}}, b{{[0-9]+}}, b[[ZEROED]]) []
func.func @main(%rows: tensor<?x8xf32> {plan.name = "rows", plan.shape = affine_map<()[s0] -> (s0, 8)>})
    -> (tensor<?x8xf32> {plan.name = "after"}) attributes {plan.symbols = ["n"]} {
  %0:2 = plan.launch map "counting" @counting(%rows) grid affine_map<()[s0] -> (s0)> params affine_map<()[s0] -> ()>
      shapes [affine_map<()[s0] -> (s0, 8)>, affine_map<()[s0] -> (s0)>] flops affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (0)>
      {plan.zeroed = array<i64: 1>} : (tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?xi32>)
  return %0#0 : tensor<?x8xf32>
}

//--- read-later.mlir
tile.kernel @append(%rows: memref<?xf32>, %cache: memref<?xf32>, %y: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}
// The second launch reads the old cache: the new one is made elsewhere, from a copy, and stored at the end.
// CHECK: {{^}}steps
// CHECK-NEXT: 0 copy b[[NEW:[0-9]+]] strides [1] = b[[CACHE:[0-9]+]] strides [1], sizes [n*8] of 4 bytes
// CHECK-NEXT: 1 append(b0, b[[NEW]], b[[NEW]]) []
// CHECK-NEXT: 2 old(b0, b[[CACHE]], b[[OLD:[0-9]+]]) []
// CHECK-NEXT: 3 copy b{{[0-9]+}} strides [1] = b[[NEW]] strides [1], sizes [n*8] of 4 bytes
func.func @main(%rows: tensor<?x8xf32> {plan.name = "rows", plan.shape = affine_map<()[s0] -> (s0, 8)>},
                %cache: tensor<?x8xf32> {plan.name = "cache", plan.shape = affine_map<()[s0] -> (s0, 8)>})
    -> (tensor<?x8xf32> {plan.name = "after", plan.alias = 1 : i64}, tensor<?x8xf32> {plan.name = "old"}) attributes {plan.symbols = ["n"]} {
  %0 = plan.launch map "append" @append(%rows, %cache) grid affine_map<()[s0] -> (s0)> params affine_map<()[s0] -> ()>
      shapes [affine_map<()[s0] -> (s0, 8)>] flops affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (0)> {plan.tied = array<i64: 1>} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = plan.launch map "old" @append(%rows, %cache) grid affine_map<()[s0] -> (s0)> params affine_map<()[s0] -> ()>
      shapes [affine_map<()[s0] -> (s0, 8)>] flops affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (0)> : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x8xf32>
}

//--- exchanged.mlir
// Two states change places: both are saved before either is overwritten.
// CHECK: {{^}}steps
// CHECK-NEXT: 0 copy b[[SAVED1:[0-9]+]] strides [1] = b{{[0-9]+}} strides [1], sizes [4]
// CHECK-NEXT: 1 copy b[[SAVED0:[0-9]+]] strides [1] = b{{[0-9]+}} strides [1], sizes [4]
// CHECK-NEXT: 2 copy b{{[0-9]+}} strides [1] = b[[SAVED1]] strides [1], sizes [4]
// CHECK-NEXT: 3 copy b{{[0-9]+}} strides [1] = b[[SAVED0]] strides [1], sizes [4]
func.func @main(%a: tensor<4xf32> {plan.name = "a"}, %b: tensor<4xf32> {plan.name = "b"})
    -> (tensor<4xf32> {plan.name = "a_after", plan.alias = 0 : i64}, tensor<4xf32> {plan.name = "b_after", plan.alias = 1 : i64}) {
  return %b, %a : tensor<4xf32>, tensor<4xf32>
}

//--- appended.mlir
// Rows are written into a cache: no program reads what another writes, so the kernel works in place.
// CHECK: operands (read, read, read, read and write)
// CHECK: {{^}}steps
// CHECK-NEXT: 0 append(b[[CACHE:[0-9]+]], b{{[0-9]+}}, b{{[0-9]+}}, b[[CACHE]])
// CHECK-NOT: copy
// VALUES: after: 2x1x2x4xf32 = 5 5 5 5 0 0 0 0 0 0 0 0 5 5 5 5{{$}}
func.func @main(%cache: tensor<2x1x?x4xf32> {plan.name = "cache", plan.shape = affine_map<()[s0] -> (2, 1, s0, 4)>},
                %rows: tensor<2x1x1x4xf32> {plan.name = "rows"}, %at: tensor<2xi32> {plan.name = "at"})
    -> (tensor<2x1x?x4xf32> {plan.name = "after", plan.alias = 0 : i64}) attributes {plan.symbols = ["capacity"]} {
  %0 = attn.append %rows : tensor<2x1x1x4xf32> into %cache : tensor<2x1x?x4xf32> at %at : tensor<2xi32>
  return %0 : tensor<2x1x?x4xf32>
}

//--- anywhere.mlir
// Rows without a place are dropped, however far away they are; around the end all have one.
// VALUES: linear: 3x1x4x1xf32 = 5 0 0 0 0 0 0 0 0 0 0 0{{$}}
// VALUES: around: 3x1x4x1xf32 = 5 0 0 5 5 5 0 0 5 0 0 5{{$}}
func.func @main(%cache: tensor<3x1x4x1xf32> {plan.name = "cache"}, %rows: tensor<3x1x2x1xf32> {plan.name = "rows"}, %at: tensor<3xi64> {plan.name = "at"})
    -> (tensor<3x1x4x1xf32> {plan.name = "linear"}, tensor<3x1x4x1xf32> {plan.name = "around"}) {
  %0 = attn.append %rows : tensor<3x1x2x1xf32> into %cache : tensor<3x1x4x1xf32> at %at : tensor<3xi64>
  %1 = attn.append circular %rows : tensor<3x1x2x1xf32> into %cache : tensor<3x1x4x1xf32> at %at : tensor<3xi64>
  return %0, %1 : tensor<3x1x4x1xf32>, tensor<3x1x4x1xf32>
}

//--- strided.mlir
// A cache of any strides that is the state of a result is changed where it lies.
// CHECK: output after: f32[2, 1, capacity, 4] strided in place of cache
// CHECK: {{^}}steps
// CHECK-NEXT: 0 append(b[[CACHE:[0-9]+]], b{{[0-9]+}}, b{{[0-9]+}}, b[[CACHE]]) [capacity, stride(cache, 0), stride(cache, 2)]
// CHECK-NOT: {{^ +[0-9]}}
func.func @main(%cache: tensor<2x1x?x4xf32> {plan.name = "cache", plan.shape = affine_map<()[s0, s1, s2] -> (2, 1, s0, 4)>, plan.strides = affine_map<()[s0, s1, s2] -> (s1, 1, s2, 1)>},
                %rows: tensor<2x1x1x4xf32> {plan.name = "rows"}, %at: tensor<2xi32> {plan.name = "at"})
    -> (tensor<2x1x?x4xf32> {plan.name = "after", plan.alias = 0 : i64}) attributes {plan.symbols = ["capacity", "stride(cache,0)", "stride(cache,2)"]} {
  %0 = attn.append %rows : tensor<2x1x1x4xf32> into %cache : tensor<2x1x?x4xf32> at %at : tensor<2xi32>
  return %0 : tensor<2x1x?x4xf32>
}

//--- returned-twice.mlir
// Two results cannot both be in its place: it is copied.
// CHECK: {{^}}steps
// CHECK-NEXT: 0 map(
// CHECK-NEXT: 1 append(
// CHECK: copy
func.func @main(%cache: tensor<2x1x?x4xf32> {plan.name = "cache", plan.shape = affine_map<()[s0, s1, s2] -> (2, 1, s0, 4)>, plan.strides = affine_map<()[s0, s1, s2] -> (s1, 1, s2, 1)>},
                %rows: tensor<2x1x1x4xf32> {plan.name = "rows"}, %at: tensor<2xi32> {plan.name = "at"})
    -> (tensor<2x1x?x4xf32> {plan.name = "other"}, tensor<2x1x?x4xf32> {plan.name = "after", plan.alias = 0 : i64}) attributes {plan.symbols = ["capacity", "stride(cache,0)", "stride(cache,2)"]} {
  %0 = attn.append %rows : tensor<2x1x1x4xf32> into %cache : tensor<2x1x?x4xf32> at %at : tensor<2xi32>
  return %0, %0 : tensor<2x1x?x4xf32>, tensor<2x1x?x4xf32>
}
