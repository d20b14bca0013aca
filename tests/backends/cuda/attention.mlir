// Attention of 16-bit tensors is made of matrix instructions, loads of matrices and copies that run ahead.
// RUN: heedc %s --target=cuda:sm_80 --emit=ptx | FileCheck %s

// CHECK-LABEL: .entry {{.*}}attend_aligned(
// The query is staged once; then the copies of the first blocks of keys and values start.
// CHECK: cp.async.cg.shared.global
// CHECK: cp.async.commit_group
// CHECK: cp.async.wait_group
// CHECK: bar.sync
// Keys are read as they lie, values transposed.
// CHECK-DAG: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-DAG: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-DAG: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK-DAG: ex2.approx
// CHECK-NOT: ld.local
// CHECK: ret
func.func @main(%query: tensor<?x8x?x64xf16> {plan.name = "query", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>},
    %key: tensor<?x8x?x64xf16> {plan.name = "key", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>},
    %value: tensor<?x8x?x64xf16> {plan.name = "value", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>})
    -> (tensor<?x8x?x64xf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence"]} {
  %out = attn.attend query(%query : tensor<?x8x?x64xf16>) key(%key : tensor<?x8x?x64xf16>)
      value(%value : tensor<?x8x?x64xf16>) scale 0.125 -> tensor<?x8x?x64xf16>
  return %out : tensor<?x8x?x64xf16>
}
