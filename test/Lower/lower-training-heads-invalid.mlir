// RUN: bitpipe-opt %s --verify-diagnostics --pipe-lower-training=target=cuda
// RUN: grep -v expected-error %s | bitpipe-opt --pipe-lower-training | FileCheck %s

// A GPU's kernels hold a row of a head in registers; a processor's take heads of any size.
// CHECK: pipe.training
pipe.model @forward inputs ["x"] outputs ["loss"] loss "labels" bounds [-1]
func.func @f(%x: tensor<1x4x1x320xf32>) -> tensor<1x4x1x320xf32> {
  %eo = tensor.empty() : tensor<1x4x1x320xf32>
  %el = tensor.empty() : tensor<1x1x4xf32>
  // expected-error @+1 {{attention has heads of size 320, expected at most 256 on a GPU; --attention=decomposed computes it in several operations}}
  %o, %lse = pipe.attention ins(%x, %x, %x : tensor<1x4x1x320xf32>, tensor<1x4x1x320xf32>, tensor<1x4x1x320xf32>)
    outs(%eo, %el : tensor<1x4x1x320xf32>, tensor<1x1x4xf32>) -> tensor<1x4x1x320xf32>, tensor<1x1x4xf32>
  return %o : tensor<1x4x1x320xf32>
}
pipe.stage 0 forward @f inputs ["x"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
}
