// What the attend skeleton refuses, and what to do instead.
//
// RUN: heed-opt %s --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels)' -split-input-file -verify-diagnostics

func.func @main(%q: tensor<1x2x8x8xf64>) -> tensor<1x2x8x8xf64> {
  // expected-error @+1 {{in f64 has no kernel}}
  %out = attn.attend query(%q : tensor<1x2x8x8xf64>) key(%q : tensor<1x2x8x8xf64>) value(%q : tensor<1x2x8x8xf64>)
      scale 0.3 -> tensor<1x2x8x8xf64>
  return %out : tensor<1x2x8x8xf64>
}
