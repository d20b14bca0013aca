// RUN: heed-opt %s | heed-opt | FileCheck %s

// CHECK-LABEL: func.func @graph
func.func @graph(%x: tensor<?x?xf32> {plan.name = "x", plan.shape = affine_map<()[s0, s1] -> (s0, s1)>}) -> (tensor<?x?xf32> {plan.name = "y"}) attributes {plan.symbols = ["rows", "columns"]} {
  // CHECK: plan.kernel map "negate"(%{{.*}}) views [#{{.*}}] sizes [#{{.*}}] stored [#{{.*}}] sizes [#{{.*}}]
  %0 = plan.kernel map "negate"(%x) views [affine_map<()[s0, s1] -> (0, s1, 1)>] sizes [affine_map<()[s0, s1] -> (s0, s1)>] stored [affine_map<()[s0, s1] -> (0, s1, 1)>] sizes [affine_map<()[s0, s1] -> (s0, s1)>] : (tensor<?x?xf32>) -> tensor<?x?xf32> {
  ^bb0(%a: tensor<?x?xf32>):
    // CHECK: plan.symbol "rows"
    %rows = plan.symbol "rows"
    plan.yield %a : tensor<?x?xf32>
  }
  return %0 : tensor<?x?xf32>
}
