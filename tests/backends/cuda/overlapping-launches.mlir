// Launches overlap where chips can do that: all wait for the one before, before they touch any memory, and let the next
// start. The first of a plan, behind a launch of any other, lets the next start only when it has waited, so that what that
// loads early no call before still writes.
// RUN: split-file %s %t
// Products in blocks ask for no weights before that: many programs read the same.
// RUN: heedc %t/chain.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --implicit-check-not=prefetch
// RUN: heedc %t/chain.mlir --target=cuda:sm_90a -o %t/chain.heed && heed-dump %t/chain.heed | FileCheck %s --check-prefix=PLAN
// RUN: heedc %t/chain.mlir --target=cuda:sm_80 --emit=ptx | FileCheck %s --check-prefix=NONE --implicit-check-not=griddepcontrol
// RUN: heedc %t/single.mlir --target=cuda:sm_90a --emit=ptx | FileCheck %s --check-prefix=FIRST
// NONE: .entry

// CHECK-LABEL: .entry k0_row_aligned(
// CHECK-NOT: {{ld|st|async}}{{.*}}.global
// CHECK: griddepcontrol.wait;
// CHECK-NOT: {{ld|st|async}}{{.*}}.global
// CHECK: griddepcontrol.launch_dependents;
// CHECK-NOT: griddepcontrol
// CHECK: ld.global
// The same kernel for two launches.
// CHECK-LABEL: .entry k1_matmul{{.*}}_aligned(
// CHECK-NOT: {{ld|st|async}}{{.*}}.global
// CHECK: griddepcontrol.launch_dependents;
// CHECK-NOT: {{ld|st|async}}{{.*}}.global
// CHECK: griddepcontrol.wait;
// CHECK: ld.global
// CHECK-NOT: .entry k2
// CHECK-LABEL: .entry k3_row_aligned(
// CHECK-NOT: {{ld|st|async}}{{.*}}.global
// CHECK: griddepcontrol.launch_dependents;
// CHECK-NOT: {{ld|st|async}}{{.*}}.global
// CHECK: griddepcontrol.wait;
// CHECK-NOT: griddepcontrol
// CHECK: ret;

// FIRST-LABEL: .entry k0_row_aligned(
// FIRST-NOT: {{ld|st|async}}{{.*}}.global
// FIRST: griddepcontrol.wait;
// FIRST-NOT: {{ld|st|async}}{{.*}}.global
// FIRST: griddepcontrol.launch_dependents;
// FIRST: ld.global

// PLAN: variant [{{.*}}] {{.*}}:k0_row_aligned {{.*}} awaits opens{{$}}
// PLAN: variant [{{.*}}] {{.*}}:k1_matmul{{.*}} awaits{{$}}
// PLAN: variant [{{.*}}] {{.*}}:k3_row_aligned {{.*}} awaits{{$}}

//--- chain.mlir
func.func @main(%x: tensor<64x256xf32> {plan.name = "x"}, %v: tensor<256x256xf32> {plan.name = "v"},
                %w: tensor<256x256xf32> {plan.name = "w"}) -> (tensor<64x256xf32> {plan.name = "y"}) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<64x256xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<64x256xf32>) -> tensor<64x256xf32>
  %0 = linalg.softmax dimension(1) ins(%x : tensor<64x256xf32>) outs(%empty : tensor<64x256xf32>) -> tensor<64x256xf32>
  %1 = linalg.matmul ins(%0, %v : tensor<64x256xf32>, tensor<256x256xf32>) outs(%fill : tensor<64x256xf32>) -> tensor<64x256xf32>
  %2 = linalg.matmul ins(%1, %w : tensor<64x256xf32>, tensor<256x256xf32>) outs(%fill : tensor<64x256xf32>) -> tensor<64x256xf32>
  %3 = linalg.softmax dimension(0) ins(%2 : tensor<64x256xf32>) outs(%empty : tensor<64x256xf32>) -> tensor<64x256xf32>
  return %3 : tensor<64x256xf32>
}

//--- single.mlir
func.func @main(%x: tensor<64x256xf32> {plan.name = "x"}) -> (tensor<64x256xf32> {plan.name = "y"}) {
  %empty = tensor.empty() : tensor<64x256xf32>
  %0 = linalg.softmax dimension(1) ins(%x : tensor<64x256xf32>) outs(%empty : tensor<64x256xf32>) -> tensor<64x256xf32>
  return %0 : tensor<64x256xf32>
}
