// Products of f32 by multiply-adds: with many programs, lanes have 64 or 48 sums, so that what they read from shared memory
// is used often enough. Operands that lie aligned are copied ahead as they lie; what is a vector along the depth there is one
// of four depths for its reader.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s
// RUN: heedc %s --target=cuda:sm_90a -o %t.heed --explain | FileCheck %s --check-prefix=EXPLAIN
// RUN: heedc %s --target=cuda:sm_80 -o %t.heed --explain | FileCheck %s --check-prefix=FOUR
// RUN: heedc %s --target=cuda:sm_86 -o %t.heed --explain | FileCheck %s --check-prefix=LITTLE
// RUN: sed s/1536/256/g %s > %t.mlir && heedc %t.mlir --target=cuda:sm_90a -o %t.heed --explain | FileCheck %s --check-prefix=WHOLE
// RUN: sed s/384x/33x/g %s | sed s/384/33/g > %t.mlir && heedc %t.mlir --target=cuda:sm_90a -o %t.heed --explain | FileCheck %s --check-prefix=SHORT

// EXPLAIN: schedule matmul block_k=32 block_m=64 block_n=64 workgroups=2; {{.*}}for some sizes block_k=32 block_m=128 block_n=128 workgroups=2; for some sizes block_k=32 block_m=128 block_n=96 workgroups=2
// FOUR: schedule matmul block_k=32 block_m=64 block_n=64 workgroups=4; {{.*}}for some sizes block_k=32 block_m=128 block_n=64 workgroups=3
// LITTLE: schedule matmul block_k=16 block_m=64 block_n=64 workgroups=4; {{.*}}for some sizes block_k=16 block_m=128 block_n=64 workgroups=3
// Narrower blocks only where they waste nothing; large ones only where steps along the depth waste little.
// WHOLE: schedule matmul {{.*}}block_m=128 block_n=128
// WHOLE-NOT: block_n=96
// SHORT: schedule matmul {{.*}}block_m=64 block_n=64
// SHORT-NOT: block_m=128

// Two such workgroups share a processor, whatever stands behind the loop: 128 registers for a lane of 16 warps.
// CHECK-LABEL: .entry {{.*}}matmul_128x128_aligned(
// CHECK: .maxnreg 128
// CHECK-COUNT-4: cp.async.cg.shared.global
// CHECK: cp.async.bulk.tensor
// CHECK: cp.async.wait_group
// CHECK: bar.sync
// CHECK-COUNT-4: cp.async.cg.shared.global
// CHECK: cp.async.bulk.tensor
// A lane has 8 rows and 8 columns: vectors of its rows, each four depths, then two vectors of columns a depth.
// CHECK-COUNT-10: ld.shared.v4
// CHECK-COUNT-64: fma.rn.f32
// CHECK-COUNT-2: ld.shared.v4
// CHECK-NOT: .entry {{.*}}matmul_128x128(
// CHECK-LABEL: .entry {{.*}}matmul_128x96_aligned(
// CHECK-LABEL: .entry {{.*}}matmul_aligned(
// CHECK-LABEL: .entry {{.*}}matmul(
func.func @main(%x: tensor<?x384xf32> {plan.name = "x", plan.shape = affine_map<()[s0] -> (s0, 384)>}, %w: tensor<384x1536xf32> {plan.name = "w"})
    -> (tensor<?x1536xf32> {plan.name = "y"}) attributes {plan.symbols = ["rows"]} {
  %rows = plan.symbol "rows"
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty(%rows) : tensor<?x1536xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x1536xf32>) -> tensor<?x1536xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x384xf32>, tensor<384x1536xf32>) outs(%fill : tensor<?x1536xf32>) -> tensor<?x1536xf32>
  return %y : tensor<?x1536xf32>
}
