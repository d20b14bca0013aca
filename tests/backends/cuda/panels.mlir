// Rows of 160 bytes of queries and keys lie in two panels, of 128 and of 32 bytes. Values lie in panels of 128 bytes, the
// last of which they need not fill: one instruction has all of their width, be it a multiple of 8 only. A width of 72 is
// copied alike, and zero beyond its end. A third group fits beside blocks of 128 or 112 keys.
// RUN: sed s/WIDTH/80/g %s > %t.80.mlir
// RUN: sed s/WIDTH/72/g %s > %t.72.mlir
// RUN: sed s/WIDTH/104/g %s > %t.104.mlir
// RUN: sed s/WIDTH/40/g %s > %t.40.mlir
// RUN: env HEED_PTXAS= heedc %t.80.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefixes=CHECK,EIGHTY
// RUN: env HEED_PTXAS= heedc %t.72.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefixes=CHECK,SEVENTY
// RUN: env HEED_PTXAS= heedc %t.80.mlir --target=cuda:sm_90a -o %t.heed
// RUN: heed-dump %t.heed | FileCheck %s --check-prefixes=PLAN -DWIDTH=80 -DKEYS=112
// RUN: env HEED_PTXAS= heedc %t.72.mlir --target=cuda:sm_90a -o %t.heed
// RUN: heed-dump %t.heed | FileCheck %s --check-prefixes=PLAN -DWIDTH=72 -DKEYS=128
// RUN: env HEED_PTXAS= heedc %t.104.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefix=WIDE
// RUN: env HEED_PTXAS= heedc %t.40.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefix=NARROW

// EIGHTY-LABEL: .entry {{.*}}attend_192x112_aligned(
// SEVENTY-LABEL: .entry {{.*}}attend_192x128_aligned(
// Five maps: a wide and a narrow one of queries and keys, and one of values.
// CHECK-COUNT-5: .param .align 64 .b8
// CHECK-NOT: .param .align 64 .b8
// CHECK: .reqntid 512
// Queries of 192 rows, and keys and values.
// CHECK: expect_tx.shared::cta.b64 _, [%{{.*}}], 30720;
// CHECK-COUNT-2: cp.async.bulk.tensor
// EIGHTY: expect_tx.shared::cta.b64 _, [%{{.*}}], 17920;
// SEVENTY: expect_tx.shared::cta.b64 _, [%{{.*}}], 20480;
// CHECK-COUNT-2: cp.async.bulk.tensor
// EIGHTY: expect_tx.shared::cta.b64 _, [%{{.*}}], 28672;
// SEVENTY: expect_tx.shared::cta.b64 _, [%{{.*}}], 32768;
// CHECK-COUNT-2: cp.async.bulk.tensor
// CHECK: setmaxnreg.inc.sync.aligned.u32 160;
// Slots of 17920 bytes begin at multiples of 1024.
// EIGHTY: mul.lo.s32 %{{.*}}, %{{.*}}, 18432;
// In a round, five steps along the width, then seven or eight along the keys.
// CHECK: bar.sync %{{r[0-9]+}}, 256;
// EIGHTY-COUNT-5: wgmma.mma_async.sync.aligned.m64n112k16.f32.bf16.bf16 {{.*}}, 1, 1, 0, 0;
// SEVENTY-COUNT-5: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, 1, 1, 0, 0;
// CHECK-NEXT: end inline asm
// CHECK-NEXT: begin inline asm
// CHECK-NEXT: wgmma.commit_group.sync.aligned;
// EIGHTY-COUNT-7: wgmma.mma_async.sync.aligned.m64n80k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 1;
// SEVENTY-COUNT-8: wgmma.mma_async.sync.aligned.m64n72k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 1;
// CHECK-NEXT: end inline asm
// CHECK-NEXT: begin inline asm
// CHECK-NEXT: wgmma.commit_group.sync.aligned;

// PLAN: attend_192x[[KEYS]]_aligned grid
// PLAN-NEXT: tensor map of operand 0, {{.*}} by [[WIDTH]] (192) x [[WIDTH]] by 1 (64) swizzle 128
// PLAN-NEXT: tensor map of operand 0, {{.*}} by [[WIDTH]] (192) x [[WIDTH]] by 1 (16) swizzle 32
// PLAN-NEXT: tensor map of operand 1, {{.*}} by [[WIDTH]] ([[KEYS]]) x [[WIDTH]] by 1 (64) swizzle 128
// PLAN-NEXT: tensor map of operand 1, {{.*}} by [[WIDTH]] ([[KEYS]]) x [[WIDTH]] by 1 (16) swizzle 32
// PLAN-NEXT: tensor map of operand 2, {{.*}} by [[WIDTH]] ([[KEYS]]) x [[WIDTH]] by 1 (64) swizzle 128
// PLAN-NEXT: variant

// A rest of 80 bytes takes a whole panel also of keys; seven steps for scores.
// WIDE-LABEL: .entry {{.*}}attend_128x128_aligned(
// WIDE-COUNT-3: .param .align 64 .b8
// WIDE-NOT: .param .align 64 .b8
// WIDE: .reqntid 384
// WIDE-COUNT-7: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, 0, 0;
// WIDE-COUNT-8: wgmma.mma_async.sync.aligned.m64n104k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 1;
// WIDE: wgmma.wait_group

// The only panel need not be filled either.
// NARROW-LABEL: .entry {{.*}}attend_192x128_aligned(
// NARROW: wgmma.mma_async.sync.aligned.m64n40k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 1;
// NARROW-NOT: wgmma.mma_async.sync.aligned.m64n64k16
// NARROW: wgmma.wait_group
func.func @main(%query: tensor<1x2x?xWIDTHxbf16> {plan.name = "query", plan.shape = affine_map<()[s0] -> (1, 2, s0, WIDTH)>},
    %key: tensor<1x2x?xWIDTHxbf16> {plan.name = "key", plan.shape = affine_map<()[s0] -> (1, 2, s0, WIDTH)>},
    %value: tensor<1x2x?xWIDTHxbf16> {plan.name = "value", plan.shape = affine_map<()[s0] -> (1, 2, s0, WIDTH)>})
    -> (tensor<1x2x?xWIDTHxbf16> {plan.name = "out"}) attributes {plan.symbols = ["sequence"]} {
  %out = attn.attend query(%query : tensor<1x2x?xWIDTHxbf16>) key(%key : tensor<1x2x?xWIDTHxbf16>)
      value(%value : tensor<1x2x?xWIDTHxbf16>) scale 0.11 -> tensor<1x2x?xWIDTHxbf16>
  return %out : tensor<1x2x?xWIDTHxbf16>
}
