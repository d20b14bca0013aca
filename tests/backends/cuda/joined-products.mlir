// Products that share their left operand: a slot of it is read by the instructions of both, and free when the second's are
// finished.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s
// RUN: heedc %s --target=cuda:sm_90a -o %t.heed --explain | FileCheck %s --check-prefix=EXPLAIN

// EXPLAIN: schedule matmul block_k=32 block_m=64 block_n=32; {{.*}}for some sizes block_k=64 block_m=128 block_n=128; for some sizes block_k=64 block_m=128 block_n=64;
// EXPLAIN: note     joined: extf extf mulf addf
// EXPLAIN-NOT: kernel   2

// CHECK-LABEL: .entry {{.*}}matmul_128x128_aligned(
// CHECK-COUNT-3: .param .align 64 .b8 {{.*}}[128]
// Three slots are filled a round.
// CHECK-COUNT-3: mbarrier.arrive.expect_tx.shared::cta.b64
// CHECK-NOT: mbarrier.arrive.expect_tx
// CHECK: setmaxnreg.inc.sync.aligned.u32 232;
// The left operand and one of the others, then only the last.
// CHECK-COUNT-2: mbarrier.try_wait.parity.shared::cta.b64
// CHECK-COUNT-4: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK: wgmma.commit_group.sync.aligned;
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK-NOT: mbarrier.try_wait
// CHECK-COUNT-4: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK: wgmma.commit_group.sync.aligned;
// CHECK: wgmma.wait_group.sync.aligned 0;
// CHECK-COUNT-3: mbarrier.arrive.shared::cta.b64 _
// CHECK: ret;
#id = affine_map<(r, n) -> (r, n)>
func.func @main(%x: tensor<?x384xbf16> {plan.name = "x", plan.shape = affine_map<()[s0] -> (s0, 384)>},
                %v: tensor<384x1536xbf16> {plan.name = "v"}, %w: tensor<384x1536xbf16> {plan.name = "w"})
    -> (tensor<?x1536xbf16> {plan.name = "y"}) attributes {plan.symbols = ["rows"]} {
  %rows = plan.symbol "rows"
  %zero = arith.constant 0.0 : f32
  %wide = tensor.empty(%rows) : tensor<?x1536xf32>
  %narrow = tensor.empty(%rows) : tensor<?x1536xbf16>
  %fill = linalg.fill ins(%zero : f32) outs(%wide : tensor<?x1536xf32>) -> tensor<?x1536xf32>
  %up = linalg.matmul ins(%x, %v : tensor<?x384xbf16>, tensor<384x1536xbf16>) outs(%fill : tensor<?x1536xf32>) -> tensor<?x1536xf32>
  %gate = linalg.matmul ins(%x, %w : tensor<?x384xbf16>, tensor<384x1536xbf16>) outs(%fill : tensor<?x1536xf32>) -> tensor<?x1536xf32>
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%up, %gate : tensor<?x1536xf32>, tensor<?x1536xf32>) outs(%narrow : tensor<?x1536xbf16>) {
  ^bb0(%u: f32, %g: f32, %o: bf16):
    %product = arith.mulf %u, %g : f32
    %y = arith.truncf %product : f32 to bf16
    linalg.yield %y : bf16
  } -> tensor<?x1536xbf16>
  return %y : tensor<?x1536xbf16>
}
