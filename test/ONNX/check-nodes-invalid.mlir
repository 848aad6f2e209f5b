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
  // expected-error @+1 {{Cast '?': not supported: cast to ONNX element type 14}}
  %0 = pipe.onnx_node "Cast"(%x) opset 23 present [true] {to = 14} : (tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{Gelu '?': not supported: approximation fast}}
  %1 = pipe.onnx_node "Gelu"(%x) opset 23 present [true] {approximate = "fast"} : (tensor<2x4xf32>) -> !pipe.unknown
  // expected-error @+1 {{Attention '?': not supported: a softcap}}
  %2 = pipe.onnx_node "Attention"(%q, %q, %q) opset 23 present [true, true, true] {softcap = 30.0 : f32} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> !pipe.unknown
  // expected-error @+1 {{Attention '?': not supported: a cache of keys and values}}
  %3:3 = pipe.onnx_node "Attention"(%q, %q, %q) opset 23 present [true, true, true] {} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>) -> (!pipe.unknown, !pipe.unknown, !pipe.unknown)
  return
}
