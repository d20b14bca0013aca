// Doubles by default; --rounded rounds every result to its type; bits and integers are those of their types in both.
// RUN: heed-interpret %s --digits=12 | FileCheck %s --check-prefixes=CHECK,EXACT
// RUN: heed-interpret %s --digits=12 --rounded | FileCheck %s --check-prefixes=CHECK,ROUNDED
func.func @main() -> (f32, f16, f32, i8, i32, i1) {
  %one = arith.constant 1.0 : f32
  %three = arith.constant 3.0 : f32
  // EXACT: result 0: f32 = 0.333333333333
  // ROUNDED: result 0: f32 = 0.333333343267
  %third = arith.divf %one, %three : f32
  // EXACT: result 1: f16 = 0.333333333333
  // ROUNDED: result 1: f16 = 0.333251953125
  %half = arith.truncf %third : f32 to f16
  // CHECK: result 2: f32 = 0.5
  %bits = arith.constant 0x3F000000 : i32
  %float = arith.bitcast %bits : i32 to f32
  // CHECK: result 3: i8 = -128
  %large = arith.constant 127 : i8
  %step = arith.constant 1 : i8
  %wrapped = arith.addi %large, %step : i8
  // CHECK: result 4: i32 = 128
  %unsigned = arith.extui %wrapped : i8 to i32
  // CHECK: result 5: i1 = 1
  %less = arith.cmpi ult, %large, %wrapped : i8
  return %third, %half, %float, %wrapped, %unsigned, %less : f32, f16, f32, i8, i32, i1
}
