// RUN: bitpipe-opt %s --pipe-prune-parameters | FileCheck %s

// Parameters of the model are saved even if nothing reads them; constants go.
// CHECK: pipe.parameter @read
// CHECK: pipe.parameter @idle
// CHECK: pipe.parameter @frozen
// CHECK-NOT: pipe.parameter @constant
pipe.parameter @read : tensor<1xf32> trainable value dense<1.0> : tensor<1xf32>
pipe.parameter @idle : tensor<1xf32> trainable value dense<1.0> : tensor<1xf32>
pipe.parameter @frozen : tensor<1xf32> frozen value dense<1.0> : tensor<1xf32>
pipe.parameter @constant : tensor<1xf32> value dense<1.0> : tensor<1xf32>
func.func @forward() -> tensor<1xf32> {
  %0 = pipe.get_parameter @read : tensor<1xf32>
  return %0 : tensor<1xf32>
}
