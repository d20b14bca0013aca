// Two attentions that are alike are one kernel, launched twice; a module holds one variant of it.
// RUN: heedc %s --target=vulkan:32 --emit=spirv | FileCheck %s
// RUN: heedc %s --target=vulkan:32 -o %t.heed --dump-ir=%t.ir
// RUN: spirv-val --target-env vulkan1.3 %t.ir/vulkan-subgroup32/vulkan-subgroup32-k0_attend.spv
// RUN: spirv-val --target-env vulkan1.3 %t.ir/vulkan-subgroup32/vulkan-subgroup32-k0_attend_aligned.spv
// RUN: spirv-dis %t.ir/vulkan-subgroup32/vulkan-subgroup32-k0_attend.spv | FileCheck %s --check-prefix=MODULE
// MODULE-COUNT-1: OpEntryPoint
// MODULE-NOT: OpEntryPoint
// CHECK: // vulkan subgroup32
// CHECK-NOT: @k1_
// CHECK: spirv.EntryPoint "GLCompute" @k0_attend
// CHECK-NOT: @k1_
func.func @main(
    %query: tensor<?x8x?x64xf32> {plan.name = "query", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>},
    %key: tensor<?x8x?x64xf32> {plan.name = "key", plan.shape = affine_map<()[s0, s1] -> (s0, 8, s1, 64)>})
    -> (tensor<?x8x?x64xf32> {plan.name = "out"}) attributes {plan.symbols = ["batch", "sequence"]} {
  %first = attn.attend query(%query : tensor<?x8x?x64xf32>) key(%key : tensor<?x8x?x64xf32>)
      value(%key : tensor<?x8x?x64xf32>) scale 0.125 -> tensor<?x8x?x64xf32>
  %second = attn.attend query(%first : tensor<?x8x?x64xf32>) key(%key : tensor<?x8x?x64xf32>)
      value(%key : tensor<?x8x?x64xf32>) scale 0.125 -> tensor<?x8x?x64xf32>
  return %second : tensor<?x8x?x64xf32>
}
