// RUN: bitpipe-opt %s --pipe-check-nodes --split-input-file --verify-diagnostics

func.func @everything_at_once(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{Det '?': not supported: this operator}}
  %0 = pipe.onnx_node "Det"(%x) opset 23 present [true] {} : (tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{FastGelu '?': not supported: operators of domain 'com.microsoft'}}
  %1 = pipe.onnx_node "FastGelu"(%0) opset 1 domain "com.microsoft" present [true] {} : (!pipe.unknown) -> !pipe.unknown
  // expected-error @+1 {{Add '?': not supported: operator set 12, expected 13 to 23}}
  %2 = pipe.onnx_node "Add"(%1, %x) opset 12 present [true, true] {} : (!pipe.unknown, tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{Add '?': not supported: 1 inputs}}
  %3 = pipe.onnx_node "Add"(%2) opset 23 present [true] {} : (!pipe.unknown) -> !pipe.unknown
  // expected-error @+1 {{Add '?': not supported: leaving out input 0}}
  %4 = pipe.onnx_node "Add"(%3) opset 23 present [false, true] {} : (!pipe.unknown) -> !pipe.unknown
  return
}

// -----

func.func @attributes(%x: tensor<2x4xf32>, %q: tensor<1x2x4x8xf32>) {
  // expected-error @+1 {{Cast '?': not supported: cast to complex64}}
  %0 = pipe.onnx_node "Cast"(%x) opset 23 present [true] {to = 14} : (tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{Gelu '?': not supported: approximation fast}}
  %1 = pipe.onnx_node "Gelu"(%x) opset 23 present [true] {approximate = "fast"} : (tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{Attention '?': not supported: a softcap}}
  %2 = pipe.onnx_node "Attention"(%q, %q, %q) opset 23 present [true, true, true] {softcap = 30.0 : f32} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> !pipe.unknown
  // expected-error @+1 {{Attention '?': not supported: a cache of keys and values}}
  %3:3 = pipe.onnx_node "Attention"(%q, %q, %q) opset 23 present [true, true, true] {} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> (!pipe.unknown, !pipe.unknown, !pipe.unknown)
  return
}

// -----

// An attribute that is not read is refused.
func.func @attribute_table(%x: tensor<2x4xf32>, %q: tensor<1x2x4x8xf32>, %i: tensor<2xi64>) {
  // expected-error @+1 {{Softmax '?': not supported: attribute 'temperature'}}
  %0 = pipe.onnx_node "Softmax"(%x) opset 23 present [true] {temperature = 2.0 : f32} : (tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{Softmax '?': not supported: attribute 'axis' of another type}}
  %1 = pipe.onnx_node "Softmax"(%x) opset 23 present [true] {axis = 1.0 : f32} : (tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{Transpose '?': not supported: attribute 'perm' of another type}}
  %2 = pipe.onnx_node "Transpose"(%x) opset 23 present [true] {perm = [0, 1.0]} : (tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{Concat '?': not supported: leaving out attribute 'axis'}}
  %3 = pipe.onnx_node "Concat"(%x, %x) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{Squeeze '?': not supported: axes as an attribute and as an input}}
  %4 = pipe.onnx_node "Squeeze"(%x, %i) opset 23 present [true, true] {axes = [0]} : (tensor<2x4xf32>, tensor<2xi64>) -> !pipe.unknown
  // expected-error @+1 {{Sum '?': not supported: leaving out input 1}}
  %5 = pipe.onnx_node "Sum"(%x, %x) opset 23 present [true, false, true] {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{Attention '?': not supported: a softmax_precision other than float}}
  %6 = pipe.onnx_node "Attention"(%q, %q, %q) opset 23 present [true, true, true] {softmax_precision = 11} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> !pipe.unknown
  // expected-error @+1 {{ScatterND '?': not supported: reduction mul}}
  %7 = pipe.onnx_node "ScatterND"(%x, %i, %x) opset 18 present [true, true, true] {reduction = "mul"} : (tensor<2x4xf32>, tensor<2xi64>, tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{MaxPool '?': not supported: indices as an output}}
  %8:2 = pipe.onnx_node "MaxPool"(%q) opset 13 present [true] {kernel_shape = [2, 2]} : (tensor<1x2x4x8xf32>) -> (!pipe.unknown, !pipe.unknown)
  // expected-error @+1 {{Pad '?': not supported: mode mirror}}
  %9 = pipe.onnx_node "Pad"(%x, %i) opset 13 present [true, true] {mode = "mirror"} : (tensor<2x4xf32>, tensor<2xi64>) -> !pipe.unknown
  // expected-error @+1 {{Resize '?': not supported: this operator}}
  %10 = pipe.onnx_node "Resize"(%x) opset 13 present [true] {} : (tensor<2x4xf32>) -> !pipe.unknown
  return
}
