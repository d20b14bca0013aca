// What a lane knows of itself, and what it hears from others.
// RUN: sed s/LANES/64/ %s | heed-simt --target=rocm:gfx942 --emit=isa | FileCheck %s --check-prefixes=CHECK,CDNA
// RUN: sed s/LANES/32/ %s | heed-simt --target=rocm:gfx1100 --emit=isa | FileCheck %s --check-prefixes=CHECK,RDNA
// RUN: sed s/LANES/32/ %s | heed-simt --target=rocm:gfx1201 --emit=isa | FileCheck %s --check-prefixes=CHECK,RDNA4

// CDNA: .amdgcn_target "amdgcn-amd-amdhsa--gfx942"
// RDNA: .amdgcn_target "amdgcn-amd-amdhsa--gfx1100"
// CHECK: .amdhsa_code_object_version 5
// CHECK-LABEL: reverse:
// CHECK: v_readfirstlane_b32
// CDNA: ds_write_b32
// CDNA: s_barrier
// CDNA: ds_read_b32
// CDNA: v_mov_b32_dpp {{.*}} quad_perm:[1,0,3,2]
// CDNA: ds_swizzle_b32 {{.*}} offset:swizzle(SWAP,16)
// RDNA: ds_store_b32
// RDNA: s_barrier
// RDNA: ds_load_b32
// RDNA: v_mov_b32_dpp {{.*}} quad_perm:[1,0,3,2]
// RDNA: v_permlanex16_b32
// RDNA4: s_barrier_signal -1
// RDNA4: s_barrier_wait -1
// RDNA4: v_permlanex16_b32
// CHECK: ds_bpermute_b32
// Waves are in step: between lanes of one there is nothing to wait for but their own accesses.
// CDNA: ds_write_b32
// CDNA-NOT: s_barrier
// CDNA: ds_read_b32
// RDNA: ds_store_b32
// RDNA-NOT: s_barrier
// RDNA: ds_load_b32
// RDNA4: ds_store_b32
// RDNA4-NOT: s_barrier
// RDNA4: ds_load_b32
// CHECK: .amdhsa_private_segment_fixed_size 0
// RDNA: .amdhsa_wavefront_size32 1
// CHECK: .max_flat_workgroup_size: 128
simt.kernel @reverse(%out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 128 : i64, lanes = LANES : i64, shared_bytes = 512 : i64} {
  %program = simt.program
  %lane = simt.lane
  %warp = simt.warp
  %lanes = arith.constant LANES : i32
  %c2 = arith.constant 2 : i32
  %c127 = arith.constant 127 : i32
  %c1 = arith.constant 1 : i32
  %c16 = arith.constant 16 : i32
  %first = arith.muli %warp, %lanes : i32
  %thread = arith.addi %first, %lane : i32
  %offset = arith.shli %thread, %c2 : i32
  simt.store shared %program, %offset align 4 : i32, i32
  simt.barrier
  %other = arith.subi %c127, %thread : i32
  %from = arith.shli %other, %c2 : i32
  %value = simt.load shared %from align 4 : i32 -> i32
  %neighbour = simt.shuffle xor %value, %c1 : i32
  %far = simt.shuffle xor %neighbour, %c16 : i32
  %chosen = simt.shuffle index %far, %program : i32
  simt.warp_barrier
  simt.store shared %chosen, %offset align 4 : i32, i32
  simt.warp_barrier
  %mirrored = arith.xori %thread, %c1 : i32
  %beside = arith.shli %mirrored, %c2 : i32
  %handed = simt.load shared %beside align 4 : i32 -> i32
  %wide = arith.extsi %offset : i32 to i64
  %place = arith.addi %out, %wide : i64
  simt.store global %handed, %place align 4 : i32, i64
  simt.return
}
