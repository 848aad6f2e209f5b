// RUN: bitpipe-opt %s --split-input-file --pipe-fold-nodes --pipe-legalize-dropout --verify-diagnostics

func.func @mode(%x: tensor<4xf32>, %on: tensor<i1>) -> !pipe.unknown {
  %ratio = arith.constant dense<0.5> : tensor<f32>
  // expected-error @+1 {{Dropout '?': its training mode is not constant}}
  %y = pipe.onnx_node "Dropout"(%x, %ratio, %on) opset 20 present [true, true, true] {} : (tensor<4xf32>, tensor<f32>, tensor<i1>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @ratio(%x: tensor<4xf32>, %ratio: tensor<f32>) -> !pipe.unknown {
  %on = arith.constant dense<true> : tensor<i1>
  // expected-error @+1 {{Dropout '?': its ratio is not constant}}
  %y = pipe.onnx_node "Dropout"(%x, %ratio, %on) opset 20 present [true, true, true] {} : (tensor<4xf32>, tensor<f32>, tensor<i1>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @everything(%x: tensor<4xf32>) -> !pipe.unknown {
  %on = arith.constant dense<true> : tensor<i1>
  %ratio = arith.constant dense<1.0> : tensor<f32>
  // expected-error @+1 {{Dropout '?': its ratio is 1.000000e+00, expected 0 or more and below 1}}
  %y = pipe.onnx_node "Dropout"(%x, %ratio, %on) opset 20 present [true, true, true] {} : (tensor<4xf32>, tensor<f32>, tensor<i1>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @nan(%x: tensor<4xf32>) -> !pipe.unknown {
  %on = arith.constant dense<true> : tensor<i1>
  %ratio = arith.constant dense<0x7FC00000> : tensor<f32>
  // expected-error @+1 {{Dropout '?': its ratio is nan, expected 0 or more and below 1}}
  %y = pipe.onnx_node "Dropout"(%x, %ratio, %on) opset 20 present [true, true, true] {} : (tensor<4xf32>, tensor<f32>, tensor<i1>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @integers(%x: tensor<4xi64>) -> !pipe.unknown {
  %on = arith.constant dense<true> : tensor<i1>
  %ratio = arith.constant dense<0.5> : tensor<f32>
  // expected-error @+1 {{Dropout '?': is not defined on 'i64'}}
  %y = pipe.onnx_node "Dropout"(%x, %ratio, %on) opset 20 present [true, true, true] {} : (tensor<4xi64>, tensor<f32>, tensor<i1>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @mask(%x: tensor<4xf32>) -> !pipe.unknown {
  %on = arith.constant dense<true> : tensor<i1>
  %ratio = arith.constant dense<0.5> : tensor<f32>
  // expected-error @+1 {{Dropout '?': its mask is used as a value, expected only its first output to be used}}
  %y, %m = pipe.onnx_node "Dropout"(%x, %ratio, %on) opset 20 present [true, true, true] {} : (tensor<4xf32>, tensor<f32>, tensor<i1>) -> (!pipe.unknown, !pipe.unknown)
  return %m : !pipe.unknown
}

// -----

func.func @seed(%x: tensor<4xf32>) -> !pipe.unknown {
  %on = arith.constant dense<true> : tensor<i1>
  // expected-error @+1 {{Dropout '?': has a seed of its own, expected none: masks follow from that of the run}}
  %y = pipe.onnx_node "Dropout"(%x, %on) opset 20 present [true, false, true] {seed = 3 : i64} : (tensor<4xf32>, tensor<i1>) -> !pipe.unknown
  return %y : !pipe.unknown
}
