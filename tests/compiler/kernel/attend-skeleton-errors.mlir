// What the attend skeleton refuses, and what to do instead.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels)' -split-input-file -verify-diagnostics

func.func @main(%q: tensor<1x2x8x8xf32>, %blocks: tensor<1x2x2x3xi32>) -> tensor<1x2x8x8xf32> {
  // expected-error @+1 {{with block lists has no kernel yet}}
  %out = attn.attend query(%q : tensor<1x2x8x8xf32>) key(%q : tensor<1x2x8x8xf32>) value(%q : tensor<1x2x8x8xf32>)
      blocks(%blocks : tensor<1x2x2x3xi32>) scale 0.3 block_size [4, 4] -> tensor<1x2x8x8xf32>
  return %out : tensor<1x2x8x8xf32>
}

// -----

func.func @main(%q: tensor<1x2x8x8xf64>) -> tensor<1x2x8x8xf64> {
  // expected-error @+1 {{in f64 has no kernel}}
  %out = attn.attend query(%q : tensor<1x2x8x8xf64>) key(%q : tensor<1x2x8x8xf64>) value(%q : tensor<1x2x8x8xf64>)
      scale 0.3 -> tensor<1x2x8x8xf64>
  return %out : tensor<1x2x8x8xf64>
}
