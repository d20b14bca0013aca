// Where a program lies and which keys its rows see is made by warps that have nothing to copy, for all others.
// RUN: heedc %s --target=cuda:sm_90a --emit=ptx | FileCheck %s

// CHECK-LABEL: .entry {{.*}}attend_192x{{[0-9xr_]+}}_aligned(
// Two slots: full when three warps have written, empty when the twelve that multiply and the one that copies have read.
// CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 3;
// CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 13;
// CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 3;
// CHECK: mbarrier.init.shared::cta.b64 [%r{{[0-9]+}}], 13;
// Those that multiply divide nothing, and know what they read to be the same in all lanes.
// CHECK: setmaxnreg.inc.sync.aligned.u32 160;
// CHECK-NOT: div.
// CHECK: mbarrier.try_wait.parity.shared::cta.b64 complete, [%r{{[0-9]+}}], %r{{[0-9]+}};
// CHECK-NOT: div.
// CHECK: ld.shared.b32 [[WORD:%r[0-9]+]], [%rd{{[0-9]+}}];
// CHECK: redux.sync.max.u32 %r{{[0-9]+}}, [[WORD]], %r{{[0-9]+}};
// CHECK-NOT: div.
// CHECK: wgmma.mma_async
// What is used behind the loop only is read again there.
// CHECK: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
// CHECK-NOT: div.
// CHECK: ld.shared.b32
// CHECK: st.global
// A warp for each group waits for the slot, and writes each number when it has it, the first also what groups have in common.
// CHECK: setmaxnreg.dec.sync.aligned.u32 32;
// CHECK: mbarrier.try_wait.parity.shared::cta.b64 complete, [%r{{[0-9]+}}], %r{{[0-9]+}}, 1000000;
// CHECK: div.u32
// CHECK: @[[FIRST:%p[0-9]+]] st.shared.b32
// CHECK: @[[EACH:%p[0-9]+]] st.shared.b32
// CHECK: mbarrier.arrive.shared::cta.b64
// The warp that copies reads them, too.
// CHECK-NOT: div.
// CHECK: mbarrier.try_wait.parity.shared::cta.b64 complete, [%r{{[0-9]+}}], %r{{[0-9]+}}, 1000000;
// CHECK-NOT: div.
// CHECK: ld.shared.b32
// CHECK-NOT: div.
// CHECK: cp.async.bulk.tensor
// CHECK-NOT: div.
// CHECK: ret;
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
