// Products of 16-bit operands, with what follows them, in blocks for many programs: one lane has boxes of both operands
// copied into rings of slots, and groups of warps multiply them.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s
// RUN: heedc %s --target=cuda:sm_90a -o %t.heed --explain | FileCheck %s --check-prefix=EXPLAIN
// RUN: heed-dump %t.heed | FileCheck %s --check-prefix=PLAN
// RUN: heedc %s --target=cuda:sm_80 --explain -o %t.heed | FileCheck %s --check-prefix=OTHER

// CHECK-LABEL: .entry {{.*}}matmul_128x256_aligned(
// CHECK-COUNT-2: .param .align 64 .b8 {{.*}}[128]
// CHECK: .reqntid 384
// CHECK: setmaxnreg.dec.sync.aligned.u32 40;
// The weights as they lie, columns in four panels. The rows: one panel.
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 32768;
// CHECK-COUNT-4: cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes
// CHECK: mbarrier.arrive.expect_tx.shared::cta.b64 _, [%{{.*}}], 16384;
// CHECK: cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes
// CHECK: setmaxnreg.inc.sync.aligned.u32 232;
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK: wgmma.fence.sync.aligned;
// CHECK-COUNT-4: wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 0, 1;
// CHECK: wgmma.commit_group.sync.aligned;
// CHECK: mbarrier.arrive.shared::cta.b64 _, [%{{.*}}];
// The bias and the residual are read in pieces, between the stores. Lanes exchange pairs, so that each stores a vector.
// CHECK: shfl.sync.bfly.b32
// CHECK: st.global.v4.b32
// CHECK: ld.global
// CHECK: st.global.v4.b32
// CHECK: ret;
// Such blocks come without a variant for any operands.
// CHECK-NOT: .entry {{.*}}matmul_128x256(
// CHECK-NOT: .entry {{.*}}matmul_128x128(

// EXPLAIN: schedule matmul block_k=32 block_m=64 block_n=64; for some sizes block_k=512 block_n=16 rows=1; for some sizes block_k=64 block_m=128 block_n=256; for some sizes block_k=64 block_m=128 block_n=128; for some sizes block_k=64 block_m=128 block_n=64
// OTHER: schedule matmul block_k=32 block_m=64 block_n=64; for some sizes block_k=512 block_n=16 rows=1{{$}}

// Few rows, any operands; then the blocks whose rounds are over first: each is compared with the others.
// PLAN: variant [sm_90a if rows*-1 + 4 >= 0 {{.*}}aligned to 16] {{.*}}matmul_1x16_aligned grid rows x 96 x 1
// PLAN: variant [sm_90a if rows*-1 + 4 >= 0] {{.*}}matmul_1x16 grid rows x 96 x 1
// PLAN: variant [{{.*}}if ceildiv(ceildiv(rows, 128)*12, 132)*{{[0-9]+}} + ceildiv(ceildiv(rows, 128)*6, 132)*-{{[0-9]+}} >= 0 {{.*}} aligned to 16] {{.*}}matmul_128x256_aligned grid ceildiv(rows, 128)*6 x 1 x 1
// PLAN-NEXT: tensor map of operand {{.*}} swizzle 128
// PLAN-NEXT: tensor map of operand {{.*}} swizzle 128
// PLAN: variant [{{.*}}] {{.*}}matmul_128x128_aligned grid ceildiv(rows, 128)*12 x 1 x 1
// PLAN: variant [{{.*}}] {{.*}}matmul_128x64_aligned grid ceildiv(rows, 128)*24 x 1 x 1
// PLAN: variant [{{.*}}aligned to 16] {{.*}}matmul_aligned grid ceildiv(rows, 64)*24 x 1 x 1
// PLAN: variant [sm_90a] {{.*}}matmul grid ceildiv(rows, 64)*24 x 1 x 1
#id = affine_map<(r, n) -> (r, n)>
#column = affine_map<(r, n) -> (n)>
func.func @main(%x: tensor<?x384xbf16> {plan.name = "x", plan.shape = affine_map<()[s0] -> (s0, 384)>},
                %w: tensor<384x1536xbf16> {plan.name = "w"}, %bias: tensor<1536xbf16> {plan.name = "bias"},
                %residual: tensor<?x1536xbf16> {plan.name = "r", plan.shape = affine_map<()[s0] -> (s0, 1536)>})
    -> (tensor<?x1536xbf16> {plan.name = "y"}) attributes {plan.symbols = ["rows"]} {
  %rows = plan.symbol "rows"
  %zero = arith.constant 0.0 : f32
  %wide = tensor.empty(%rows) : tensor<?x1536xf32>
  %narrow = tensor.empty(%rows) : tensor<?x1536xbf16>
  %fill = linalg.fill ins(%zero : f32) outs(%wide : tensor<?x1536xf32>) -> tensor<?x1536xf32>
  %product = linalg.matmul ins(%x, %w : tensor<?x384xbf16>, tensor<384x1536xbf16>) outs(%fill : tensor<?x1536xf32>) -> tensor<?x1536xf32>
  %y = linalg.generic {indexing_maps = [#id, #column, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%product, %bias, %residual : tensor<?x1536xf32>, tensor<1536xbf16>, tensor<?x1536xbf16>) outs(%narrow : tensor<?x1536xbf16>) {
  ^bb0(%p: f32, %c: bf16, %r: bf16, %o: bf16):
    %cw = arith.extf %c : bf16 to f32
    %rw = arith.extf %r : bf16 to f32
    %s = arith.addf %p, %cw : f32
    %t = arith.addf %s, %rw : f32
    %n = arith.truncf %t : f32 to bf16
    linalg.yield %n : bf16
  } -> tensor<?x1536xbf16>
  return %y : tensor<?x1536xbf16>
}
