// Attention of one row: two or four warps a program, whose keys and values come ahead of their use, as boxes of tensors or, through
// a page table, row by row; matrix instructions of 16 rows, which the four heads of a key head share. On Hopper the last program of each key head merges all parts: one lane counts
// behind a barrier that stands behind the stores, and the others load behind another.
// RUN: split-file %s %t
// RUN: heedc %t/dense.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefixes=CHECK,BOXES,JOINED
// RUN: heedc %t/dense.mlir --target=cuda:sm_80 --emit=ptx | FileCheck %s --check-prefixes=CHECK,PIECES,APART --implicit-check-not=atom.
// RUN: heedc %t/paged.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefixes=CHECK,PIECES,JOINED

// CHECK-LABEL: .entry k0_attend_parts_aligned(
// APART: .reqntid 64
// JOINED: .reqntid 128
// PIECES: cp.async.cg.shared.global [%{{.*}}], [%{{.*}}], 16, %{{.*}};
// BOXES: cp.async.bulk.tensor
// PIECES: cp.async.wait_group {{[01]}};
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// JOINED: st.global
// JOINED: bar.sync 0;
// JOINED-NOT: st.global
// JOINED: atom.acq_rel.gpu.global.inc.u32
// JOINED: bar.sync 0;
// JOINED: ld.global
// CHECK-LABEL: .entry k0_attend_parts(
// APART-LABEL: .entry k0_attend_merge_aligned(
// JOINED-NOT: .entry k0_attend_merge

//--- dense.mlir
func.func @main(%query: tensor<?x32x1x128xbf16> {plan.name = "query", plan.shape = affine_map<()[b, n] -> (b, 32, 1, 128)>},
    %key: tensor<?x8x?x128xbf16> {plan.name = "key", plan.shape = affine_map<()[b, n] -> (b, 8, n, 128)>},
    %value: tensor<?x8x?x128xbf16> {plan.name = "value", plan.shape = affine_map<()[b, n] -> (b, 8, n, 128)>})
    -> (tensor<?x32x1x128xbf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "keys"]} {
  %out = attn.attend query(%query : tensor<?x32x1x128xbf16>) key(%key : tensor<?x8x?x128xbf16>)
      value(%value : tensor<?x8x?x128xbf16>) scale 0.0883 -> tensor<?x32x1x128xbf16>
  return %out : tensor<?x32x1x128xbf16>
}

//--- paged.mlir
func.func @main(%query: tensor<?x32x1x128xbf16> {plan.name = "query", plan.shape = affine_map<()[b, n, p] -> (b, 32, 1, 128)>},
    %key: tensor<?x8x16x128xbf16> {plan.name = "key", plan.shape = affine_map<()[b, n, p] -> (p, 8, 16, 128)>},
    %value: tensor<?x8x16x128xbf16> {plan.name = "value", plan.shape = affine_map<()[b, n, p] -> (p, 8, 16, 128)>},
    %length: tensor<?xi32> {plan.name = "length", plan.shape = affine_map<()[b, n, p] -> (b)>},
    %pages: tensor<?x?xi32> {plan.name = "pages", plan.shape = affine_map<()[b, n, p] -> (b, n)>})
    -> (tensor<?x32x1x128xbf16> {plan.name = "out"}) attributes {plan.symbols = ["batch", "entries", "pages"]} {
  %out = attn.attend query(%query : tensor<?x32x1x128xbf16>) key(%key : tensor<?x8x16x128xbf16>)
      value(%value : tensor<?x8x16x128xbf16>) kv_length(%length : tensor<?xi32>) pages(%pages : tensor<?x?xi32>)
      scale 0.0883 -> tensor<?x32x1x128xbf16>
  return %out : tensor<?x32x1x128xbf16>
}
