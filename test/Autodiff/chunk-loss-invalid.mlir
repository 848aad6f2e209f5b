// RUN: bitpipe-opt %s --pipe-chunk-loss=bytes=0 --verify-diagnostics

// expected-error @+1 {{bytes is 0, expected 1 or more}}
func.func @forward(%x: tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
