// Sums and scores that take more than two thirds of the registers leave none for what follows from the arguments: lanes
// that multiply read those anew for each program. At half of the width, and in a product alone, they keep it. Where lanes
// copy rows, what follows from extents and strides is too much to keep at any width, and each role counts the programs by
// itself: a number that both need would be kept from before they part.
// RUN: split-file %s %t
// RUN: heedc %t/wide.mlir --target=cuda:sm_90a --emit=llvm | FileCheck %s
// RUN: heedc %t/narrow.mlir --target=cuda:sm_90a --emit=llvm | FileCheck %s --check-prefix=NARROW
// RUN: heedc %S/copied-rows.mlir --target=cuda:sm_90a --emit=llvm | FileCheck %s --check-prefix=COPIED
// RUN: heedc %S/tensor-products.mlir --target=cuda:sm_90a --emit=llvm | FileCheck %s --check-prefix=PRODUCT

// CHECK-LABEL: define {{.*}}attend_128x64_aligned(
// CHECK: setmaxnreg.inc.sync.aligned.u32(i32 232)
// CHECK: asm sideeffect "mov.b32 $0, $1;"
// CHECK: wgmma.mma_async

// NARROW-LABEL: define {{.*}}attend_128x128_aligned(
// NARROW: setmaxnreg.inc.sync.aligned.u32(i32 232)
// NARROW-NOT: asm sideeffect "mov.b32 $0, $1;"
// NARROW: wgmma.mma_async

// COPIED-LABEL: define {{.*}}attend_{{[0-9xr_]+}}_aligned(
// COPIED: setmaxnreg.dec.sync.aligned.u32
// COPIED-NOT: cp.async
// COPIED-COUNT-3: asm sideeffect "mov.b32 $0, $1;"
// COPIED: icmp ult i32
// COPIED: cp.async
// COPIED: setmaxnreg.inc.sync.aligned.u32
// COPIED-NOT: wgmma.mma_async
// COPIED-COUNT-3: asm sideeffect "mov.b32 $0, $1;"
// COPIED: icmp ult i32
// COPIED-COUNT-2: asm sideeffect "mov.b32 $0, $1;"
// COPIED: wgmma.mma_async

// PRODUCT-LABEL: define {{.*}}matmul_128x256_aligned(
// PRODUCT-NOT: asm sideeffect "mov.b32 $0, $1;"
// PRODUCT: wgmma.mma_async
// PRODUCT-LABEL: define

//--- wide.mlir
func.func @main(%query: tensor<1x2x?x256xbf16> {plan.name = "query", plan.shape = affine_map<()[s0] -> (1, 2, s0, 256)>},
    %key: tensor<1x2x?x256xbf16> {plan.name = "key", plan.shape = affine_map<()[s0] -> (1, 2, s0, 256)>},
    %value: tensor<1x2x?x256xbf16> {plan.name = "value", plan.shape = affine_map<()[s0] -> (1, 2, s0, 256)>})
    -> (tensor<1x2x?x256xbf16> {plan.name = "out"}) attributes {plan.symbols = ["sequence"]} {
  %out = attn.attend query(%query : tensor<1x2x?x256xbf16>) key(%key : tensor<1x2x?x256xbf16>)
      value(%value : tensor<1x2x?x256xbf16>) scale 0.0625 -> tensor<1x2x?x256xbf16>
  return %out : tensor<1x2x?x256xbf16>
}

//--- narrow.mlir
func.func @main(%query: tensor<1x2x?x128xbf16> {plan.name = "query", plan.shape = affine_map<()[s0] -> (1, 2, s0, 128)>},
    %key: tensor<1x2x?x128xbf16> {plan.name = "key", plan.shape = affine_map<()[s0] -> (1, 2, s0, 128)>},
    %value: tensor<1x2x?x128xbf16> {plan.name = "value", plan.shape = affine_map<()[s0] -> (1, 2, s0, 128)>})
    -> (tensor<1x2x?x128xbf16> {plan.name = "out"}) attributes {plan.symbols = ["sequence"]} {
  %out = attn.attend query(%query : tensor<1x2x?x128xbf16>) key(%key : tensor<1x2x?x128xbf16>)
      value(%value : tensor<1x2x?x128xbf16>) scale 0.0625 -> tensor<1x2x?x128xbf16>
  return %out : tensor<1x2x?x128xbf16>
}
