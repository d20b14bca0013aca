// Data that no caller may pass is an error of the oracle, never a silent result.

// RUN: not heed-interpret %s --entry=pages --input pages=1,5 --input length=4 2>&1 | FileCheck %s --check-prefix=PAGE
// PAGE: error: interpreter: page 5 is outside of the pool of 3
// A page that no key below the length needs may hold anything.
// RUN: heed-interpret %s --entry=pages --input pages=1,5 --input length=2 | FileCheck %s --check-prefix=FITS
// FITS: result 0
func.func @pages(%q: tensor<1x1x1x4xf32>, %k: tensor<3x1x2x4xf32>, %length: tensor<1xi32> {plan.name = "length"}, %pages: tensor<1x2xi32> {plan.name = "pages"}) -> tensor<1x1x1x4xf32> {
  %0 = attn.attend query(%q : tensor<1x1x1x4xf32>) key(%k : tensor<3x1x2x4xf32>) value(%k : tensor<3x1x2x4xf32>)
      kv_length(%length : tensor<1xi32>) pages(%pages : tensor<1x2xi32>) scale 1.0 -> tensor<1x1x1x4xf32>
  return %0 : tensor<1x1x1x4xf32>
}

// RUN: not heed-interpret %s --entry=blocks --input 2=0,0 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: error: interpreter: block 0 is listed twice
func.func @blocks(%q: tensor<1x1x4x4xf32>, %k: tensor<1x1x4x4xf32>, %list: tensor<1x1x1x2xi32>) -> tensor<1x1x4x4xf32> {
  %0 = attn.attend query(%q : tensor<1x1x4x4xf32>) key(%k : tensor<1x1x4x4xf32>) value(%k : tensor<1x1x4x4xf32>)
      blocks(%list : tensor<1x1x1x2xi32>) scale 1.0 block_size [4, 2] -> tensor<1x1x4x4xf32>
  return %0 : tensor<1x1x4x4xf32>
}

// RUN: not heed-interpret %s --entry=capture 2>&1 | FileCheck %s --check-prefix=CAPTURE
// CAPTURE: error: interpreter: index 2 of dimension 0 is outside of its 2 elements
func.func @capture(%q: tensor<1x1x4x4xf32>, %bias: tensor<2xf32>) -> tensor<1x1x4x4xf32> {
  %0 = attn.attend query(%q : tensor<1x1x4x4xf32>) key(%q : tensor<1x1x4x4xf32>) value(%q : tensor<1x1x4x4xf32>)
      captures(%bias : tensor<2xf32>) scale 1.0 score {
  ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index, %t: tensor<2xf32>):
    %e = tensor.extract %t[%key] : tensor<2xf32>
    attn.yield %e : f32
  } -> tensor<1x1x4x4xf32>
  return %0 : tensor<1x1x4x4xf32>
}

// RUN: not heed-interpret %s --entry=position --input 2=0,9 2>&1 | FileCheck %s --check-prefix=POSITION
// POSITION: error: interpreter: position 9 is outside of a table of 4
func.func @position(%x: tensor<1x1x2x4xf32>, %table: tensor<4x2xf32>, %positions: tensor<1x2xi64>) -> tensor<1x1x2x4xf32> {
  %0 = attn.rope %x : tensor<1x1x2x4xf32> cos(%table : tensor<4x2xf32>) sin(%table : tensor<4x2xf32>) positions(%positions : tensor<1x2xi64>) rotary_dim 4
  return %0 : tensor<1x1x2x4xf32>
}

// RUN: not heed-interpret %s --entry=index --input 2=-1 2>&1 | FileCheck %s --check-prefix=INDEX
// INDEX: error: interpreter: write index -1 is negative
func.func @index(%cache: tensor<1x1x4x2xf32>, %rows: tensor<1x1x1x2xf32>, %at: tensor<1xi64>) -> tensor<1x1x4x2xf32> {
  %0 = attn.append %rows : tensor<1x1x1x2xf32> into %cache : tensor<1x1x4x2xf32> at %at : tensor<1xi64>
  return %0 : tensor<1x1x4x2xf32>
}

// RUN: not heed-interpret %s --entry=sizes --shape 0=1x1x2x4 --shape 1=1x1x3x4 --shape 2=1x1x4x4 2>&1 | FileCheck %s --check-prefix=SIZES
// SIZES: error: interpreter: sizes of query, key and value do not fit
func.func @sizes(%q: tensor<?x1x?x4xf32>, %k: tensor<?x1x?x4xf32>, %v: tensor<?x1x?x4xf32>) -> tensor<?x1x?x4xf32> {
  %0 = attn.attend query(%q : tensor<?x1x?x4xf32>) key(%k : tensor<?x1x?x4xf32>) value(%v : tensor<?x1x?x4xf32>) scale 1.0 -> tensor<?x1x?x4xf32>
  return %0 : tensor<?x1x?x4xf32>
}
