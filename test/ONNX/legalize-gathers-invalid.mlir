// RUN: bitpipe-opt %s --pipe-legalize-gathers --split-input-file --verify-diagnostics

func.func @indices(%x: tensor<2x3xf32>, %i: tensor<4x2xi64>) -> tensor<4xf32> {
  // expected-error @+1 {{GatherND '?': its indices are not constant, expected ones that do not depend on inputs or parameters}}
  %0 = pipe.onnx_node "GatherND"(%x, %i) opset 23 present [true, true] {} : (tensor<2x3xf32>, tensor<4x2xi64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @range(%x: tensor<2x3xf32>) -> tensor<3xf32> {
  %i = arith.constant dense<2> : tensor<i64>
  // expected-error @+1 {{Gather '?': index 2 is out of range, expected one of 2}}
  %0 = pipe.onnx_node "Gather"(%x, %i) opset 23 present [true, true] {} : (tensor<2x3xf32>, tensor<i64>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// More positions than there are rows, as where a sequence is too long.
func.func @positions(%x: tensor<4x3xf32>) -> tensor<6x3xf32> {
  %i = arith.constant dense<[0, 1, 2, 3, 4, 5]> : tensor<6xi64>
  // expected-error @+1 {{Gather '?': index 4 is out of range, expected one of 4 (a sequence longer than the positions there are?)}}
  %0 = pipe.onnx_node "Gather"(%x, %i) opset 23 present [true, true] {} : (tensor<4x3xf32>, tensor<6xi64>) -> tensor<6x3xf32>
  return %0 : tensor<6x3xf32>
}

// -----

func.func @below(%x: tensor<4x3xf32>) -> tensor<4x2xf32> {
  %i = arith.constant dense<[2, -4]> : tensor<2xi64>
  // expected-error @+1 {{Gather '?': index -4 is out of range, expected one of 3}}
  %0 = pipe.onnx_node "Gather"(%x, %i) opset 23 present [true, true] {axis = 1 : i64} : (tensor<4x3xf32>, tensor<2xi64>) -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// -----

func.func @nd(%x: tensor<4x3xf32>) -> tensor<2xf32> {
  %i = arith.constant dense<[[3, 2], [1, 3]]> : tensor<2x2xi64>
  // expected-error @+1 {{GatherND '?': index 3 is out of range, expected one of 3}}
  %0 = pipe.onnx_node "GatherND"(%x, %i) opset 23 present [true, true] {} : (tensor<4x3xf32>, tensor<2x2xi64>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
