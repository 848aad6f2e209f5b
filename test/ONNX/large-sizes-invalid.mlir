// RUN: bitpipe-opt %s --pipe-fold-nodes --split-input-file --verify-diagnostics

// Sizes from a file are any numbers; sums and products of them overflow nowhere.

func.func @reshape(%x: tensor<4xf32>) {
  %s = arith.constant dense<[2, 4611686018427387904]> : tensor<2xi64>
  // expected-error @+1 {{Reshape '?': cannot give 'tensor<4xf32>' the shape it asks for}}
  %0 = pipe.onnx_node "Reshape"(%x, %s) opset 23 present [true, true] {} : (tensor<4xf32>, tensor<2xi64>) -> !pipe.unknown
  return
}

// -----

func.func @expand(%x: tensor<4xf32>) {
  %s = arith.constant dense<[1099511627776, 4]> : tensor<2xi64>
  // expected-error @+1 {{Expand '?': its result is 'tensor<1099511627776x4xf32>', expected at most 2^40 elements}}
  %0 = pipe.onnx_node "Expand"(%x, %s) opset 23 present [true, true] {} : (tensor<4xf32>, tensor<2xi64>) -> !pipe.unknown
  return
}

// -----

func.func @tile(%x: tensor<4xf32>) {
  %s = arith.constant dense<[4611686018427387904]> : tensor<1xi64>
  // expected-error @+1 {{Tile '?': its number of repeats does not fit or is not constant}}
  %0 = pipe.onnx_node "Tile"(%x, %s) opset 23 present [true, true] {} : (tensor<4xf32>, tensor<1xi64>) -> !pipe.unknown
  return
}

// -----

func.func @pad(%x: tensor<4xf32>) {
  %s = arith.constant dense<[9223372036854775807, 9223372036854775807]> : tensor<2xi64>
  // expected-error @+1 {{Pad '?': its result is 'tensor<2199023255558xf32>', expected at most 2^40 elements}}
  %0 = pipe.onnx_node "Pad"(%x, %s) opset 23 present [true, true] {} : (tensor<4xf32>, tensor<2xi64>) -> !pipe.unknown
  return
}

// -----

// Places beyond all tensors are the last ones.
func.func @slice(%x: tensor<4xf32>) {
  %s = arith.constant dense<-9223372036854775808> : tensor<1xi64>
  %e = arith.constant dense<9223372036854775807> : tensor<1xi64>
  %a = arith.constant dense<0> : tensor<1xi64>
  %0 = pipe.onnx_node "Slice"(%x, %s, %e, %a, %e) opset 23 present [true, true, true, true, true] {} : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> !pipe.unknown
  %1 = pipe.onnx_node "Slice"(%0, %e, %s, %a, %s) opset 23 present [true, true, true, true, true] {} : (!pipe.unknown, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> !pipe.unknown
  %two = arith.constant dense<2> : tensor<1xi64>
  // expected-error @+1 {{Reshape '?': cannot give 'tensor<1xf32>' the shape it asks for}}
  %2 = pipe.onnx_node "Reshape"(%1, %two) opset 23 present [true, true] {} : (!pipe.unknown, tensor<1xi64>) -> !pipe.unknown
  return
}

// -----

func.func @constant() {
  %s = arith.constant dense<[65536, 65536]> : tensor<2xi64>
  // expected-error @+1 {{ConstantOfShape '?': its result is a constant 'tensor<65536x65536xf32>', expected at most 2^30 elements}}
  %0 = pipe.onnx_node "ConstantOfShape"(%s) opset 23 present [true] {} : (tensor<2xi64>) -> !pipe.unknown
  return
}

// -----

func.func @range() {
  %a = arith.constant dense<0.0> : tensor<f32>
  %b = arith.constant dense<3.0e38> : tensor<f32>
  %c = arith.constant dense<1.0e-38> : tensor<f32>
  // expected-error @+1 {{Range '?': its result is 'tensor<1125899906842624xf32>', expected at most 2^40 elements}}
  %0 = pipe.onnx_node "Range"(%a, %b, %c) opset 23 present [true, true, true] {} : (tensor<f32>, tensor<f32>, tensor<f32>) -> !pipe.unknown
  return
}

// -----

func.func @one_hot(%x: tensor<4xi64>, %v: tensor<2xf32>) {
  %d = arith.constant dense<0x7FC00000> : tensor<f32>
  // expected-error @+1 {{OneHot '?': its depth does not fit or is not constant}}
  %0 = pipe.onnx_node "OneHot"(%x, %d, %v) opset 23 present [true, true, true] {} : (tensor<4xi64>, tensor<f32>, tensor<2xf32>) -> !pipe.unknown
  return
}

// -----

func.func @block(%x: tensor<1x4x2x2xf32>) {
  // expected-error @+1 {{DepthToSpace '?': blocks of 1099511627777 do not fit to 'tensor<1x4x2x2xf32>'}}
  %0 = pipe.onnx_node "DepthToSpace"(%x) opset 23 present [true] {blocksize = 4611686018427387904} : (tensor<1x4x2x2xf32>) -> !pipe.unknown
  return
}

// -----

func.func @kernel(%x: tensor<1x1x8x8xf32>) {
  // expected-error @+1 {{AveragePool '?': its windows are [200, 200], expected at most 16384 elements}}
  %0 = pipe.onnx_node "AveragePool"(%x) opset 23 present [true] {kernel_shape = [200, 200], pads = [199, 199, 199, 199]} : (tensor<1x1x8x8xf32>) -> !pipe.unknown
  return
}

// -----

func.func @dilation(%x: tensor<1x1x8xf32>, %w: tensor<1x1x3xf32>) {
  // expected-error @+1 {{Conv '?': its dilations do not fit, expected 1 numbers from 1 to 2147483647}}
  %0 = pipe.onnx_node "Conv"(%x, %w) opset 23 present [true, true] {dilations = [4611686018427387904]} : (tensor<1x1x8xf32>, tensor<1x1x3xf32>) -> !pipe.unknown
  return
}

// -----

func.func @mask(%x: tensor<65536x65536xf32>) {
  // expected-error @+1 {{Trilu '?': needs a mask for 'tensor<65536x65536xf32>', expected a matrix of at most 2^30 elements}}
  %0 = pipe.onnx_node "Trilu"(%x) opset 23 present [true] {} : (tensor<65536x65536xf32>) -> !pipe.unknown
  return
}
