// Three groups of 64 rows under a window of 1024 keys: each goes through the blocks of keys that its own rows see.
// RUN: heedc %s --target=cuda:sm_90a --emit=tile | FileCheck %s --check-prefix=TILE
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s

// The whole program's keys are bounded first, then those of a share; what it leaves out is skipped.
// TILE-LABEL: tile.kernel @{{.*}}attend_192x128(
// TILE: %[[FIRST:.*]], %[[ROWS:.*]] = tile.share of 192
// TILE: %[[SHARE:.*]] = arith.addi %{{.*}}, %[[FIRST]] : index
// TILE: arith.addi %[[SHARE]], %[[ROWS]] : index
// TILE: tile.skip
// TILE: scf.for
// TILE: tile.dot
// Of a block that is cut, the end of what rows see and the start are masked by themselves.
// TILE: tile.part "mask"
// TILE: scf.if
// TILE-NEXT: scf.if
// TILE: arith.cmpi sle
// TILE: arith.select
// TILE: } else {
// TILE: scf.if
// TILE-NOT: arith.cmpi sle
// TILE: arith.select
// TILE: tile.part "normalise"
// TILE: tile.skip
// TILE: tile.store
// Two groups over as many keys as rows go through the same blocks.
// TILE-LABEL: tile.kernel @{{.*}}attend_128x128(
// TILE-NOT: tile.share
// TILE-LABEL: tile.kernel @

// CHECK-LABEL: .entry {{.*}}attend_192x{{[0-9xr_]+}}_aligned(
// The warp's number is one for the warp.
// CHECK: redux.sync.max.u32
// CHECK: setmaxnreg.inc.sync.aligned.u32 160;
// Arguments are read anew for each program.
// CHECK: mov.b32 %{{r[0-9]+}}, %{{r[0-9]+}};
// Rounds before the share's: its turn, then a slot of keys and one of values, let go at once.
// CHECK: bar.sync %{{r[0-9]+}}, 256;
// CHECK: bar.arrive %{{r[0-9]+}}, 256;
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK-NOT: wgmma
// CHECK: mbarrier.arrive.shared::cta.b64
// CHECK: mbarrier.try_wait.parity.shared::cta.b64
// CHECK-NOT: wgmma
// CHECK: mbarrier.arrive.shared::cta.b64
// The share's own rounds.
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
// What the program's numbers are comes from the lanes where they waited.
// CHECK: shfl.sync.idx.b32
// Rounds behind.
// CHECK: bar.sync %{{r[0-9]+}}, 256;
// CHECK: bar.arrive %{{r[0-9]+}}, 256;
// CHECK: st.global
func.func @main(%query: tensor<1x2x?x64xbf16> {plan.name = "query", plan.shape = affine_map<()[s0] -> (1, 2, s0, 64)>},
    %key: tensor<1x2x?x64xbf16> {plan.name = "key", plan.shape = affine_map<()[s0] -> (1, 2, s0, 64)>},
    %value: tensor<1x2x?x64xbf16> {plan.name = "value", plan.shape = affine_map<()[s0] -> (1, 2, s0, 64)>})
    -> (tensor<1x2x?x64xbf16> {plan.name = "out"}) attributes {plan.symbols = ["sequence"]} {
  %out = attn.attend query(%query : tensor<1x2x?x64xbf16>) key(%key : tensor<1x2x?x64xbf16>)
      value(%value : tensor<1x2x?x64xbf16>) scale 0.125 keep {
    ^bb0(%b: index, %h: index, %row: index, %col: index, %pos: index):
      %width = arith.constant 1024 : index
      %past = arith.cmpi sle, %col, %pos : index
      %distance = arith.subi %pos, %col : index
      %near = arith.cmpi slt, %distance, %width : index
      %visible = arith.andi %past, %near : i1
      attn.yield %visible : i1
    } -> tensor<1x2x?x64xbf16>
  return %out : tensor<1x2x?x64xbf16>
}
