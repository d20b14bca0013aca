// Every constraint of the tile dialect, by its number in dialects/tile/SPEC.md.
// RUN: heed-opt %s -verify-diagnostics -split-input-file

// expected-error@+1 {{T1: grid_rank must be 1, 2 or 3, got 4}}
tile.kernel @grid_rank(%a: memref<?xf32>) attributes {grid_rank = 4 : i64} {
  tile.return
}

// -----

// expected-error@+1 {{T1: argument 1 must be a base memref<?xT> before all parameters of type index, got 'memref<?xf32>'}}
tile.kernel @base_after_parameter(%n: index, %a: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

// expected-error@+1 {{T1: argument 0 must be a base memref<?xT>}}
tile.kernel @base_rank(%a: memref<?x?xf32>) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

// expected-error@+1 {{T1: argument 0 must be a base memref<?xT> before all parameters of type index, got 'i64'}}
tile.kernel @parameter_type(%n: i64) attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

// expected-error@+1 {{T1: a kernel returns nothing}}
tile.kernel @result(%n: index) -> index attributes {grid_rank = 1 : i64} {
  tile.return
}

// -----

tile.kernel @share(%a: memref<?xf32>) attributes {grid_rank = 1 : i64} {
  // expected-error@+1 {{T16: a share is of at least one row, got 0}}
  %first, %rows = tile.share of 0
  tile.return
}

// -----

tile.kernel @counter_of_floats(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{T19: needs a view of i32 and one index per dimension, got 1 for 'memref<?xf32>'}}
  %last = tile.arrive %a[%c0] of %n : memref<?xf32>
  tile.return
}

// -----

tile.kernel @place_of_counter(%a: memref<?xi32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{T19: needs a view of i32 and one index per dimension, got 2 for 'memref<?xi32>'}}
  %last = tile.arrive %a[%c0, %c0] of %n : memref<?xi32>
  tile.return
}

// -----

tile.kernel @arrives_again(%a: memref<?xi32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    // expected-error@+1 {{T19: stands in no loop, since a program comes once}}
    %last = tile.arrive %a[%c0] of %n : memref<?xi32>
  }
  tile.return
}

// -----

tile.kernel @program_id(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  // expected-error@+1 {{T1: dimension must be within the grid rank 1, got 1}}
  %0 = tile.program_id 1
  tile.return
}

// -----

tile.kernel @indices(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{T2: needs one index per view dimension, got 2}}
  %0 = tile.load %a[%c0, %c0] dims [0] : memref<?xf32> -> tensor<8xf32>
  tile.return
}

// -----

tile.kernel @dims_range(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{T2: dims must be different dimensions of the view, got 1}}
  %0 = tile.load %a[%c0] dims [1] : memref<?xf32> -> tensor<8xf32>
  tile.return
}

// -----

tile.kernel @dims_twice(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %v = memref.reinterpret_cast %a to offset: [0], sizes: [%n, %n], strides: [%n, 1] : memref<?xf32> to memref<?x?xf32, strided<[?, 1]>>
  // expected-error@+1 {{T2: dims must be different dimensions of the view, got 1}}
  %0 = tile.load %v[%c0, %c0] dims [1, 1] : memref<?x?xf32, strided<[?, 1]>> -> tensor<8x8xf32>
  tile.return
}

// -----

tile.kernel @dims_count(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{T2: needs one entry of dims per tile dimension, got 1}}
  %0 = tile.load %a[%c0] dims [0] : memref<?xf32> -> tensor<8x8xf32>
  tile.return
}

// -----

tile.kernel @load_type(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{T2: view and tile must have one element type}}
  %0 = tile.load %a[%c0] dims [0] : memref<?xf32> -> tensor<8xf16>
  tile.return
}

// -----

tile.kernel @extents(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  // expected-error@+1 {{T3: needs no extents or one per tile dimension, got 2}}
  %0 = tile.load %a[%c0] dims [0] extents(%n, %n) fill %z : f32 : memref<?xf32> -> tensor<8xf32>
  tile.return
}

// -----

tile.kernel @store_extents(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %t = arith.constant dense<0.0> : tensor<8xf32>
  // expected-error@+1 {{T3: needs no extents or one per tile dimension, got 2}}
  tile.store %t, %a[%c0] dims [0] extents(%n, %n) : tensor<8xf32>, memref<?xf32>
  tile.return
}

// -----

tile.kernel @fill_type(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f64
  // expected-error@+1 {{T4: a fill of the tile's element type goes with extents}}
  %0 = tile.load %a[%c0] dims [0] extents(%n) fill %z : f64 : memref<?xf32> -> tensor<8xf32>
  tile.return
}

// -----

tile.kernel @copy_fill(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f64
  %r = tile.stage : !tile.ring<2 x tensor<8xf32>>
  // expected-error@+1 {{T4: a fill of the tile's element type goes with extents}}
  %0 = tile.copy %a[%c0] dims [0] extents(%n) fill %z : f64 into %r[%c0] : memref<?xf32>, !tile.ring<2 x tensor<8xf32>>
  tile.return
}

// -----

tile.kernel @gather_indices(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  // expected-error@+1 {{T5: needs one index per view dimension and one element type for view, fill and result}}
  %0 = tile.gather %a[%c0, %c0 : index, index] fill %z : f32 : memref<?xf32> -> tensor<8xf32>
  tile.return
}

// -----

tile.kernel @gather_tile(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %z = arith.constant 0.0 : f32
  %i = tile.index 0 from %c0 : tensor<4xi32>
  // expected-error@+1 {{T5: an index must be an index or an integer tile of the result's shape, got 'tensor<4xi32>'}}
  %0 = tile.gather %a[%i : tensor<4xi32>] fill %z : f32 : memref<?xf32> -> tensor<8xf32>
  tile.return
}

// -----

tile.kernel @index_type(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{T6: must have i32 elements and a dimension of the tile}}
  %0 = tile.index 0 from %c0 : tensor<4xi64>
  tile.return
}

// -----

tile.kernel @index_dim(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{T6: must have i32 elements and a dimension of the tile}}
  %0 = tile.index 1 from %c0 : tensor<4xi32>
  tile.return
}

// -----

tile.kernel @broadcast_order(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T7: dims must map the source's dimensions, in order, to result dimensions of the same size}}
  %0 = tile.broadcast %x dims [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  tile.return
}

// -----

tile.kernel @broadcast_size(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T7: dims must map the source's dimensions}}
  %0 = tile.broadcast %x dims [0, 2] : tensor<4x8xf32> -> tensor<4x2x9xf32>
  tile.return
}

// -----

tile.kernel @broadcast_count(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T7: dims must map the source's dimensions}}
  %0 = tile.broadcast %x dims [0] : tensor<4x8xf32> -> tensor<4x8xf32>
  tile.return
}

// -----

tile.kernel @toeplitz_length(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<12xf32>
  // expected-error@+1 {{T17: needs M + N - 1 elements for a result [M,N] of their type, got 'tensor<12xf32>' and 'tensor<4x8xf32>'}}
  %0 = tile.toeplitz %x : tensor<12xf32> -> tensor<4x8xf32>
  tile.return
}

// -----

tile.kernel @fold_shape(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T8: result must be the source with fewer elements along the dimension, got 'tensor<2x4xf32>'}}
  %0 = tile.fold add %x along 1 : tensor<4x8xf32> -> tensor<2x4xf32>
  tile.return
}

// -----

tile.kernel @fold_longer(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T8: result must be the source with fewer elements along the dimension, got 'tensor<4x16xf32>'}}
  %0 = tile.fold add %x along 1 : tensor<4x8xf32> -> tensor<4x16xf32>
  tile.return
}

// -----

tile.kernel @fold_elements(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T8: or cannot combine elements of 'tensor<4x8xf32>'}}
  %0 = tile.fold or %x along 1 : tensor<4x8xf32> -> tensor<4x2xf32>
  tile.return
}

// -----

tile.kernel @exceeds_limits(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  %y = arith.constant dense<0.0> : tensor<8xf32>
  // expected-error@+1 {{T18: needs floats, and a limit for each place across a dimension of the source, got 'tensor<4x8xf32>' and 'tensor<8xf32>'}}
  %0 = tile.exceeds %x, %y along 1 : tensor<4x8xf32>, tensor<8xf32>
  tile.return
}

// -----

tile.kernel @toeplitz_type(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<11xf32>
  // expected-error@+1 {{T17: needs M + N - 1 elements for a result [M,N] of their type}}
  %0 = tile.toeplitz %x : tensor<11xf32> -> tensor<4x8xf16>
  tile.return
}

// -----

tile.kernel @reduce_dim(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T8: dimension must be one of the source and the element types equal}}
  %0 = tile.reduce add %x along 2 : tensor<4x8xf32> -> tensor<4xf32>
  tile.return
}

// -----

tile.kernel @reduce_shape(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T8: result must be the source without the reduced dimension, got 'tensor<4xf32>'}}
  %0 = tile.reduce add %x along 0 : tensor<4x8xf32> -> tensor<4xf32>
  tile.return
}

// -----

tile.kernel @reduce_kind(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T8: or cannot combine elements of 'tensor<4x8xf32>'}}
  %0 = tile.reduce or %x along 0 : tensor<4x8xf32> -> tensor<8xf32>
  tile.return
}

// -----

tile.kernel @scan_dim(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T8: dimension must be one of the source, got 2}}
  %0 = tile.scan add %x along 2 : tensor<4x8xf32>
  tile.return
}

// -----

tile.kernel @scan_kind(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T8: and cannot combine elements}}
  %0 = tile.scan and %x along 0 : tensor<4x8xf32>
  tile.return
}

// -----

tile.kernel @dot_shapes(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T9: needs left [M,K], right [K,N], accumulator [M,N]}}
  %0 = tile.dot %x, %x, %x : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  tile.return
}

// -----

tile.kernel @dot_sum(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %h = arith.constant dense<0.0> : tensor<4x4xf16>
  %i = arith.constant dense<0> : tensor<4x4xi32>
  %f = arith.constant dense<0.0> : tensor<4x4xf32>
  // expected-error@+1 {{T9: the accumulator must be f32, f64 or i32, got 'tensor<4x4xf16>'}}
  %0 = tile.dot %h, %h, %h : tensor<4x4xf16>, tensor<4x4xf16> -> tensor<4x4xf16>
  tile.return
}

// -----

tile.kernel @dot_kinds(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %h = arith.constant dense<0.0> : tensor<4x4xf16>
  %i = arith.constant dense<0> : tensor<4x4xi32>
  %f = arith.constant dense<0.0> : tensor<4x4xf32>
  // expected-error@+1 {{T9: floats are summed in floats and integers in i32, got 'tensor<4x4xi32>'}}
  %0 = tile.dot %f, %i, %f : tensor<4x4xf32>, tensor<4x4xi32> -> tensor<4x4xf32>
  tile.return
}

// -----

tile.kernel @transpose(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T10: needs source [M,N] and result [N,M] of one element type}}
  %0 = tile.transpose %x : tensor<4x8xf32> -> tensor<4x8xf32>
  tile.return
}

// -----

tile.kernel @convert(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T10: only the layout may change}}
  %0 = tile.convert %x : tensor<4x8xf32> -> tensor<4x8xf16>
  tile.return
}

// -----

tile.kernel @trinv_square(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T11: needs a square f32 or f64 tile, got 'tensor<4x8xf32>'}}
  %0 = tile.trinv %x : tensor<4x8xf32>
  tile.return
}

// -----

tile.kernel @trinv_type(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %h = arith.constant dense<0.0> : tensor<4x4xf16>
  %i = arith.constant dense<0> : tensor<4x4xi32>
  %f = arith.constant dense<0.0> : tensor<4x4xf32>
  // expected-error@+1 {{T11: needs a square f32 or f64 tile}}
  %0 = tile.trinv %h : tensor<4x4xf16>
  tile.return
}

// -----

// expected-error@+1 {{T12: a ring needs at least one slot and tiles of static shape, got 0 x 'tensor<4xf32>'}}
func.func private @no_slots(!tile.ring<0 x tensor<4xf32>>)

// -----

tile.kernel @read_type(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %c0 = arith.constant 0 : index
  %r = tile.stage : !tile.ring<2 x tensor<8xf32>>
  // expected-error@+1 {{T12: result must have the shape and elements of the ring's tile, got 'tensor<4xf32>'}}
  %0 = tile.read %r[%c0] : !tile.ring<2 x tensor<8xf32>> -> tensor<4xf32>
  tile.return
}

// -----

tile.kernel @wait_types(%a: memref<?xf32>, %n: index) attributes {grid_rank = 1 : i64} {
  %x = arith.constant dense<0.0> : tensor<4x8xf32>
  // expected-error@+1 {{T13: tied values pass through, so results must have their types}}
  %0 = "tile.wait"(%x) <{operandSegmentSizes = array<i32: 0, 1>}> : (tensor<4x8xf32>) -> tensor<8x4xf32>
  tile.return
}

// -----

tile.kernel @part_values(%n: index) attributes {grid_rank = 1 : i64} {
  // expected-error@+1 {{T14: must yield values of its result types}}
  %0 = tile.part "scores" -> tensor<4xf32> {
    tile.yield
  }
  tile.return
}
