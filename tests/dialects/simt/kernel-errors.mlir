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
