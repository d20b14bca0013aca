// A plan.kernel reads its operand through a transposing view of a strided input, stores through another view, and
// equals the plain graph. The storage has sizes of its own.
// RUN: heed-interpret %s --entry=graph --compare=@kernels --dim batch=2 --dim rows=3 --dim stride=70 | FileCheck %s
// CHECK: result 0: {{.*}} 384 elements
// CHECK: equal

#shape = affine_map<()[b, s, t] -> (b, s, 64)>
#strides = affine_map<()[b, s, t] -> (s * t, t, 1)>

func.func @graph(%x: tensor<?x?x64xf32> {plan.shape = #shape, plan.strides = #strides}) -> tensor<?x?x64xf32> attributes {plan.symbols = ["batch", "rows", "stride"]} {
  %b = plan.symbol "batch"
  %s = plan.symbol "rows"
  %e = tensor.empty(%b, %s) : tensor<?x?x64xf32>
  %0 = linalg.exp ins(%x : tensor<?x?x64xf32>) outs(%e : tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  return %0 : tensor<?x?x64xf32>
}

func.func @kernels(%x: tensor<?x?x64xf32> {plan.shape = #shape, plan.strides = #strides}) -> tensor<?x?x64xf32> attributes {plan.symbols = ["batch", "rows", "stride"]} {
  %0 = plan.kernel map "exponential"(%x) views [affine_map<()[b, s, t] -> (0, s * t, 16, t, 1)>] sizes [affine_map<()[b, s, t] -> (b, 4, s, 16)>]
      stored [affine_map<()[b, s, t] -> (0, s * 64, 16, 64, 1)>] sizes [affine_map<()[b, s, t] -> (b, 4, s, 16)>]
      {storage_sizes = [affine_map<()[b, s, t] -> (b, s, 64)>]} : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  ^bb0(%heads: tensor<?x4x?x16xf32>):
    %b = plan.symbol "batch"
    %s = plan.symbol "rows"
    %e = tensor.empty(%b, %s) : tensor<?x4x?x16xf32>
    %1 = linalg.exp ins(%heads : tensor<?x4x?x16xf32>) outs(%e : tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
    plan.yield %1 : tensor<?x4x?x16xf32>
  }
  return %0 : tensor<?x?x64xf32>
}
