// RUN: split-file %s %t
// RUN: not heed-simt %t/shared.mlir --target=vulkan:32 2>&1 | FileCheck %s --check-prefix=SHARED
// SHARED: shared.mlir:1:1: error: needs 65536 bytes of shared memory, subgroup32 has 32768
// RUN: not heed-simt %t/lanes.mlir --target=vulkan:32 2>&1 | FileCheck %s --check-prefix=LANES
// LANES: lanes.mlir:1:1: error: is made for 8 lanes, subgroup32 has 32
// RUN: not heed-simt %t/threads.mlir --target=vulkan:64 2>&1 | FileCheck %s --check-prefix=THREADS
// THREADS: threads.mlir:1:1: error: has 2048 threads, subgroup64 takes 1024
// RUN: not heed-simt %t/copy.mlir --target=vulkan:32 2>&1 | FileCheck %s --check-prefix=COPY
// COPY: copy.mlir:4:3: error: subgroup32 has no asynchronous copies
// RUN: not heed-simt %t/mma.mlir --target=vulkan:32 2>&1 | FileCheck %s --check-prefix=MMA
// MMA: mma.mlir:4:8: error: subgroup32 has no matrix instruction 'fma'
// RUN: not heed-simt %t/narrow.mlir --target=vulkan:32 2>&1 | FileCheck %s --check-prefix=NARROW
// NARROW: error: 'simt.load' op accesses 'f16' aligned to 2 bytes; shared memory in Vulkan is accessed in aligned 32-bit words
// RUN: not heed-simt %t/no-shared.mlir --target=vulkan:32 2>&1 | FileCheck %s --check-prefix=NOSHARED
// NOSHARED: error: 'simt.load' op accesses shared memory, of which the kernel has 0 bytes
// RUN: not heed-simt %t/math.mlir --target=vulkan:32 2>&1 | FileCheck %s --check-prefix=MATH
// MATH: math.mlir:4:8: error: no machine has this function: expand it before
// RUN: not heed-simt %t/halves.mlir --target=vulkan:32 2>&1 | FileCheck %s --check-prefix=HALVES
// HALVES: error: 'arith.addf' op cannot be had in Vulkan kernels for 'f16', 'f16'
// RUN: not heed-simt %t/math.mlir --target=vulkan:7 2>&1 | FileCheck %s --check-prefix=CHIP
// CHIP: target 'vulkan:7': vulkan knows these chips: 8, 16, 32, 64

//--- shared.mlir
simt.kernel @shared(%x: i64, %y: i64, %z: i64)
    attributes {num_bases = 0 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 65536 : i64} {
  simt.return
}
//--- lanes.mlir
simt.kernel @lanes(%x: i64, %y: i64, %z: i64)
    attributes {num_bases = 0 : i64, threads = 32 : i64, lanes = 8 : i64, shared_bytes = 0 : i64} {
  simt.return
}
//--- threads.mlir
simt.kernel @threads(%x: i64, %y: i64, %z: i64)
    attributes {num_bases = 0 : i64, threads = 2048 : i64, lanes = 64 : i64, shared_bytes = 0 : i64} {
  simt.return
}
//--- copy.mlir
simt.kernel @copy(%base: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 64 : i64} {
  %lane = simt.lane
  simt.copy %lane, %base bytes 4
  simt.return
}
//--- mma.mlir
simt.kernel @mma(%x: i64, %y: i64, %z: i64)
    attributes {num_bases = 0 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 64 : i64} {
  %a = arith.constant 0.0 : f32
  %b = simt.mma "fma" left(%a : f32) right(%a : f32) accumulator(%a : f32) -> f32
  simt.return
}
//--- narrow.mlir
simt.kernel @narrow(%x: i64, %y: i64, %z: i64)
    attributes {num_bases = 0 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 64 : i64} {
  %lane = simt.lane
  %a = simt.load shared %lane align 2 : i32 -> f16
  simt.return
}
//--- no-shared.mlir
simt.kernel @no_shared(%x: i64, %y: i64, %z: i64)
    attributes {num_bases = 0 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  %a = simt.load shared %lane align 4 : i32 -> f32
  simt.return
}
//--- math.mlir
simt.kernel @math(%x: i64, %y: i64, %z: i64)
    attributes {num_bases = 0 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %a = arith.constant 0.5 : f32
  %b = math.tanh %a : f32
  simt.return
}
//--- halves.mlir
simt.kernel @halves(%x: i64, %y: i64, %z: i64)
    attributes {num_bases = 0 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %a = arith.constant 0.5 : f16
  %b = arith.addf %a, %a : f16
  simt.return
}
