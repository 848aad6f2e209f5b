// RUN: bitpipe-opt %s --pipe-fold-nodes --split-input-file --verify-diagnostics

func.func @product(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{MatMul '?': operands of 'tensor<2x4xf32>' and 'tensor<2x4xf32>' do not fit together}}
  %0 = pipe.onnx_node "MatMul"(%x, %x) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<2x4xf32>) -> !pipe.unknown
  return
}

// -----

func.func @broadcast(%x: tensor<2x4xf32>, %y: tensor<3xf32>) {
  // expected-error @+1 {{Add '?': inputs of 'tensor<2x4xf32>' and 'tensor<3xf32>' cannot be broadcast together}}
  %0 = pipe.onnx_node "Add"(%x, %y) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<3xf32>) -> !pipe.unknown
  return
}

// -----

func.func @reshape(%x: tensor<2x4xf32>) {
  %s = arith.constant dense<[3, -1]> : tensor<2xi64>
  // expected-error @+1 {{Reshape '?': cannot give 'tensor<2x4xf32>' the shape it asks for}}
  %0 = pipe.onnx_node "Reshape"(%x, %s) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<2xi64>) -> !pipe.unknown
  return
}

// -----

func.func @data_dependent_shape(%x: tensor<2x4xf32>, %s: tensor<1xi64>) {
  // expected-error @+1 {{Reshape '?': its shape does not fit or is not constant, expected one that does not depend on inputs or parameters}}
  %0 = pipe.onnx_node "Reshape"(%x, %s) opset 23 present [true, true] {} : (tensor<2x4xf32>, tensor<1xi64>) -> !pipe.unknown
  return
}

// -----

func.func @index() {
  %t = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %i = arith.constant dense<2> : tensor<i64>
  // expected-error @+1 {{Gather '?': index 2 is out of range, expected one of 2}}
  %0 = pipe.onnx_node "Gather"(%t, %i) opset 23 present [true, true] {} : (tensor<2xf32>, tensor<i64>) -> !pipe.unknown
  return
}

// -----

func.func @sequence(%x: tensor<2x6xf32>) {
  %two = arith.constant dense<2> : tensor<i64>
  %s = pipe.onnx_node "SplitToSequence"(%x) opset 23 present [true] {axis = 0} : (tensor<2x6xf32>) -> !pipe.unknown
  // expected-error @+1 {{SequenceAt '?': position 2 is out of range, expected one of 2}}
  %0 = pipe.onnx_node "SequenceAt"(%s, %two) opset 23 present [true, true] {} : (!pipe.unknown, tensor<i64>) -> !pipe.unknown
  return
}

// -----

// expected-error @+1 {{cannot read parameter 'c' from 'no-such-file': No such file or directory}}
pipe.parameter @c : tensor<4xf32> file "no-such-file" offset 0
func.func @file() {
  %c = pipe.get_parameter @c : tensor<4xf32>
  %0 = pipe.onnx_node "Neg"(%c) opset 23 present [true] {} : (tensor<4xf32>) -> !pipe.unknown
  return
}
