// Constants of every kind and element type, in both precisions the values their bits say.
// RUN: heed-interpret %s --digits=10 | FileCheck %s
// CHECK: result 0: 2xf32 = [1, -2.5]
// CHECK: result 1: 3xi1 = [1, 0, 1]
// CHECK: result 2: 2xf16 = [0.3332519531, inf]
// CHECK: result 3: 2xbf16 = [1.0078125, -3]
// CHECK: result 4: 2xf32 = [0.1000000015, 0.1000000015]
// CHECK: result 5: 0x3xi64 = []
// CHECK: result 6: f32 = 7
func.func @main() -> (tensor<2xf32>, tensor<3xi1>, tensor<2xf16>, tensor<2xbf16>, tensor<2xf32>, tensor<0x3xi64>, tensor<f32>) {
  %0 = arith.constant dense_resource<pair> : tensor<2xf32>
  %1 = arith.constant dense<[true, false, true]> : tensor<3xi1>
  %2 = arith.constant dense<[0x3555, 0x7C00]> : tensor<2xf16>
  %3 = arith.constant dense_resource<brains> : tensor<2xbf16>
  %4 = arith.constant dense<0.1> : tensor<2xf32>
  %5 = arith.constant dense<1> : tensor<0x3xi64>
  %6 = arith.constant dense<7.0> : tensor<f32>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<2xf32>, tensor<3xi1>, tensor<2xf16>, tensor<2xbf16>, tensor<2xf32>, tensor<0x3xi64>, tensor<f32>
}

{-#
  dialect_resources: {
    builtin: {
      pair: "0x040000000000803F000020C0",
      brains: "0x02000000813F40C0"
    }
  }
#-}
