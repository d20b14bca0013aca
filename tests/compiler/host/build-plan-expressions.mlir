// Everything an affine map can say reaches the plan; strides of inputs, fixed dimensions and host scalars bind symbols.
// RUN: heedc %s -o %t.heed
// RUN: heed-dump %t.heed | FileCheck %s
// RUN: heedc %s -o %t.fixed.heed --dim seq=128
// RUN: heed-dump %t.fixed.heed | FileCheck %s --check-prefix=FIXED

tile.kernel @all(%q: memref<?xf16>, %mask: memref<?xi8>, %y: memref<?xf32>, %a: index, %b: index, %c: index, %d: index, %e: index) attributes {grid_rank = 2 : i64} {
  tile.return
}

// CHECK: symbols batch, seq, window
// CHECK-NEXT: input q: f16[batch, seq] strided
// CHECK-NEXT: input mask: bool[seq]
// CHECK-NEXT: input window: i64[] gives window
// CHECK-NEXT: input unused: u8[3]
// CHECK-NEXT: output y: f32[batch*(seq + 1), 2]
// CHECK-NEXT: require stride(q, 1) == 1
// CHECK-NEXT: require seq == window*2 + 1  (seq must equal window*2 + 1)
// CHECK-NEXT: require batch >= 1  (at least one sentence)
// CHECK: grid batch*seq x ceildiv(seq, 64) x 1
// CHECK: [batch - seq, floordiv(seq, window), mod(seq, 32), stride(q, 0), batch*seq*2]

// FIXED: symbols batch, window
// FIXED: input q: f16[batch, 128]
// FIXED: grid batch*128 x 2 x 1
func.func @main(
    %q: tensor<?x?xf16> {plan.name = "q", plan.shape = affine_map<()[s0, s1, s2, s3] -> (s0, s1)>, plan.strides = affine_map<()[s0, s1, s2, s3] -> (s3, 1)>},
    %mask: tensor<?xi1> {plan.name = "mask", plan.shape = affine_map<()[s0, s1, s2, s3] -> (s1)>},
    %window: tensor<i64> {plan.name = "window", plan.host_scalar = "window"},
    %unused: tensor<3xi8> {plan.name = "unused", plan.unsigned})
    -> (tensor<?x2xf32> {plan.name = "y"}) attributes {plan.symbols = ["batch", "seq", "window", "stride(q,0)"],
        plan.constraints = [affine_set<()[s0, s1, s2, s3] : (s1 - s2 * 2 - 1 == 0)>,
                            {set = affine_set<()[s0, s1, s2, s3] : (s0 - 1 >= 0)>, message = "at least one sentence"}]} {
  %0 = plan.launch attend "all" @all(%q, %mask) grid affine_map<()[s0, s1, s2, s3] -> (s0 * s1, s1 ceildiv 64)>
      params affine_map<()[s0, s1, s2, s3] -> (s0 - s1, s1 floordiv s2, s1 mod 32, s3, s0 * s1 * 2)>
      shapes [affine_map<()[s0, s1, s2, s3] -> (s0, s1 + 1, 2)>] flops affine_map<()[s0, s1, s2, s3] -> (s0)>
      bytes affine_map<()[s0, s1, s2, s3] -> (s0)> : (tensor<?x?xf16>, tensor<?xi1>) -> tensor<?x?x2xf32>
  %1 = tensor.collapse_shape %0 [[0, 1], [2]] : tensor<?x?x2xf32> into tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}
