// RUN: heed-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{M1: argument 0 must be i64, got 'f32'}}
simt.kernel @float_argument(%base: f32, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  simt.return
}

// -----

// expected-error @+1 {{M1: needs 2 bases and 3 grid sizes, got 4 arguments}}
simt.kernel @too_few_arguments(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 2 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  simt.return
}

// -----

// expected-error @+1 {{M1: threads must be a multiple of lanes, a power of two; got 48 and 32}}
simt.kernel @half_a_warp(%x: i64, %y: i64, %z: i64)
    attributes {num_bases = 0 : i64, threads = 48 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  simt.return
}

// -----

simt.kernel @wrong_address(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  // expected-error @+1 {{M2: a global address is i64, a shared offset i32; got 'i64'}}
  %0 = simt.load shared %base align 4 : i64 -> f32
  simt.return
}

// -----

simt.kernel @too_wide(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  // expected-error @+1 {{M2: vectors have a power of two of elements and at most 16 bytes, got 'vector<8xf32>'}}
  %0 = simt.load global %base align 4 : i64 -> vector<8xf32>
  simt.return
}

// -----

simt.kernel @wrong_copy(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  // expected-error @+1 {{M4: copies 4, 8 or 16 bytes, got 2}}
  simt.copy %lane, %base bytes 2
  simt.return
}

// -----

simt.kernel @no_arrivals(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  // expected-error @+1 {{M6: counts 1 to 1048575 arrivals, got 0}}
  simt.barrier_init %lane count 0
  simt.return
}

// -----

simt.kernel @many_bytes(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  // expected-error @+1 {{M6: expects 0 to 1048575 bytes, got 1048576}}
  simt.barrier_arrive_expect %lane bytes 1048576
  simt.return
}

// -----

simt.kernel @half_a_warp_waits(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  // expected-error @+1 {{M7: takes whole warps of the kernel's, got 48 threads}}
  simt.named_barrier %lane threads 48
  simt.return
}

// -----

simt.kernel @more_than_all(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  // expected-error @+1 {{M7: takes whole warps of the kernel's, got 96 threads}}
  simt.named_barrier %lane threads 96
  simt.return
}

// -----

simt.kernel @odd_registers(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  // expected-error @+1 {{M7: a lane has 24 to 256 registers, a multiple of 8; got 100}}
  simt.set_registers increase 100
  simt.return
}

// -----

simt.kernel @barrier_of_all(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0 : i32
  // expected-error @+1 {{M7: named barriers are 1 to 15, got 0}}
  simt.named_barrier %zero threads 64
  simt.return
}

// -----

// expected-error @+3 {{M8: elements of tensor maps have 1, 2, 4 or 8 bytes, got 'i4'}}
simt.kernel @elements_of_bits(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of i4 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 1) box [8, 64] swizzle 128>]} {
  simt.return
}

// -----

// expected-error @+3 {{M8: a tensor map has an offset, and up to 5 sizes, strides and extents of its box; got 2, 1 and 2}}
simt.kernel @fewer_strides(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (1) box [8, 64] swizzle 128>]} {
  simt.return
}

// -----

// expected-error @+3 {{M8: boxes have 1 to 256 elements along a dimension}}
simt.kernel @large_box(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 1) box [257, 64] swizzle 128>]} {
  simt.return
}

// -----

// expected-error @+3 {{M8: the stride of the last dimension must be 1}}
simt.kernel @stride_inside(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 2) box [8, 64] swizzle 128>]} {
  simt.return
}

// -----

// expected-error @+3 {{M8: swizzles are 0, 32, 64 or 128 bytes, got 48}}
simt.kernel @odd_swizzle(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 1) box [8, 64] swizzle 48>]} {
  simt.return
}

// -----

// expected-error @+3 {{M8: a row of the box has a multiple of 16 bytes, and as many as its swizzle; got 256}}
simt.kernel @long_row(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 1) box [8, 128] swizzle 128>]} {
  simt.return
}

// -----

// expected-error @+3 {{M8: a row of the box has a multiple of 16 bytes, and as many as its swizzle; got 8}}
simt.kernel @short_row(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 1) box [8, 4] swizzle 0>]} {
  simt.return
}

// -----

// expected-error @+1 {{M8: tensor map 0 is of base 1 of 1}}
simt.kernel @map_of_no_base(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 1 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 1) box [8, 64] swizzle 128>]} {
  simt.return
}

// -----

// expected-error @+1 {{M8: maps of tensor map 0 are over the kernel's 1 parameters, got affine_map<()[s0, s1] -> (0)>}}
simt.kernel @maps_over_parameters(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of f16 offset ()[s0, s1] -> (0) sizes ()[s0, s1] -> (s0, 64) strides ()[s0, s1] -> (64, 1) box [8, 64] swizzle 128>]} {
  simt.return
}

// -----

simt.kernel @no_such_map(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 1) box [8, 64] swizzle 128>]} {
  %zero = arith.constant 0 : i32
  %place = arith.constant 128 : i32
  // expected-error @+1 {{M9: no tensor map 1; the kernel has 1}}
  simt.copy_tensor %zero, 1[%zero, %zero] barrier %zero
  simt.return
}

// -----

simt.kernel @missing_coordinate(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 1) box [8, 64] swizzle 128>]} {
  %zero = arith.constant 0 : i32
  %place = arith.constant 128 : i32
  // expected-error @+1 {{M9: tensor map 0 has 2 dimensions, got 1 coordinates}}
  simt.copy_tensor %zero, 0[%zero] barrier %zero
  simt.return
}

// -----

simt.kernel @misplaced_box(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64, tensor_maps = [
    #simt.tensor_map<base 0 of f16 offset ()[s0] -> (0) sizes ()[s0] -> (s0, 64) strides ()[s0] -> (64, 1) box [8, 64] swizzle 128>]} {
  %zero = arith.constant 0 : i32
  %place = arith.constant 128 : i32
  // expected-error @+1 {{M9: the destination must be a multiple of 1024, got 128}}
  simt.copy_tensor %place, 0[%zero, %zero] barrier %zero
  simt.return
}

// -----

simt.kernel @no_left_operand(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1.0 : f32
  // expected-error @+1 {{M10: the left operand is either a fragment or an offset with its matrix}}
  %r = simt.mma_async "rows" right %zero <row = 128, group = 1024, panel = 0, across = false> -> f32
  simt.return
}

// -----

simt.kernel @few_accumulators(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1.0 : f32
  // expected-error @+1 {{M10: 1 accumulators for 2 results}}
  %r:2 = simt.mma_async "rows" fragment(%zero) right %zero <row = 128, group = 1024, panel = 0, across = false> accumulator(%one) -> f32, f32
  simt.return
}

// -----

simt.kernel @odd_rows(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1.0 : f32
  // expected-error @+1 {{M10: rows of a matrix have 32, 64 or 128 bytes, got 48}}
  %r = simt.mma_async "rows" fragment(%zero) right %zero <row = 48, group = 1024, panel = 0, across = false> -> f32
  simt.return
}

// -----

simt.kernel @odd_groups(%base: i64, %n: i64, %x: i64, %y: i64, %z: i64) attributes {num_bases = 1 : i64,
    threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1.0 : f32
  // expected-error @+1 {{M10: group and panel are multiples of 16 bytes, got 1000 and 0}}
  %r = simt.mma_async "rows" fragment(%zero) right %zero <row = 64, group = 1000, panel = 0, across = false> -> f32
  simt.return
}

// -----

simt.kernel @late_wait(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  simt.admit_next
  %0 = simt.load global %base align 4 : i64 -> f32
  simt.store global %0, %base align 4 : f32, i64
  // expected-error @+1 {{M11: stands before all accesses to memory but loads, not behind 'simt.store'}}
  simt.await_previous
  simt.return
}

// -----

simt.kernel @first_of_a_call_loads(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %0 = simt.load global %base align 4 : i64 -> f32
  // expected-error @+1 {{M11: stands before all accesses to memory, not behind 'simt.load'}}
  simt.await_previous opens unwritten [0]
  simt.return
}

// -----

simt.kernel @first_of_a_call_admits_early(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  simt.admit_next
  // expected-error @+1 {{M11: stands before all accesses to memory, not behind 'simt.admit_next'}}
  simt.await_previous opens
  simt.return
}
