// RUN: bitpipe-opt %s --pipe-prune-parameters | FileCheck %s

// CHECK: pipe.parameter @read
// CHECK-NOT: pipe.parameter @idle
pipe.parameter @read : tensor<1xf32> trainable value dense<1.0> : tensor<1xf32>
pipe.parameter @idle : tensor<1xf32> trainable value dense<1.0> : tensor<1xf32>
func.func @forward() -> tensor<1xf32> {
  %0 = pipe.get_parameter @read : tensor<1xf32>
  return %0 : tensor<1xf32>
}
