// RUN: bitpipe-opt %s --pipe-fold-nodes --split-input-file --verify-diagnostics

// Every input of an operator is checked before it is expanded.

func.func @clip_bound(%0: tensor<2x4xf32>, %1: tensor<2xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Clip '?': a bound is 'tensor<2xf32>', expected one number of the type of 'tensor<2x4xf32>'}}
  %y = pipe.onnx_node "Clip"(%0, %1) opset 13 present [true, true] {} : (tensor<2x4xf32>, tensor<2xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @prelu_slope(%0: tensor<2x4xf32>, %1: tensor<3x2x4xf32>) -> !pipe.unknown {
  // expected-error @+1 {{PRelu '?': a slope of 'tensor<3x2x4xf32>' does not fit to 'tensor<2x4xf32>'}}
  %y = pipe.onnx_node "PRelu"(%0, %1) opset 16 present [true, true] {} : (tensor<2x4xf32>, tensor<3x2x4xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @integers(%0: tensor<4xi64>) -> !pipe.unknown {
  // expected-error @+1 {{Softplus '?': is of 'tensor<4xi64>', expected floats}}
  %y = pipe.onnx_node "Softplus"(%0) opset 13 present [true] {} : (tensor<4xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @mixed_types(%0: tensor<4xf32>, %1: tensor<4xi64>) -> !pipe.unknown {
  // expected-error @+1 {{Sum '?': input 1 is 'tensor<4xi64>', expected floats of one type}}
  %y = pipe.onnx_node "Sum"(%0, %1) opset 13 present [true, true] {} : (tensor<4xf32>, tensor<4xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @no_axes(%0: tensor<4xf32>) -> !pipe.unknown {
  // expected-error @+1 {{ReduceL2 '?': noop_with_empty_axes without axes is not supported, expected axes}}
  %y = pipe.onnx_node "ReduceL2"(%0) opset 18 present [true] {noop_with_empty_axes = 1} : (tensor<4xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @softmax_axis(%0: tensor<2x4xf32>) -> !pipe.unknown {
  // expected-error @+1 {{LogSoftmax '?': has no axis in 'tensor<2x4xf32>'}}
  %y = pipe.onnx_node "LogSoftmax"(%0) opset 13 present [true] {axis = 2} : (tensor<2x4xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @groups(%0: tensor<1x6x2xf32>, %1: tensor<6xf32>, %2: tensor<6xf32>) -> !pipe.unknown {
  // expected-error @+1 {{GroupNormalization '?': num_groups is 4, expected a divisor of 6 channels}}
  %y = pipe.onnx_node "GroupNormalization"(%0, %1, %2) opset 21 present [true, true, true] {num_groups = 4} : (tensor<1x6x2xf32>, tensor<6xf32>, tensor<6xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @group_scale(%0: tensor<1x6x2xf32>, %1: tensor<6xf32>, %2: tensor<6xf32>) -> !pipe.unknown {
  // expected-error @+1 {{GroupNormalization '?': input 1 is 'tensor<6xf32>', expected 2 elements}}
  %y = pipe.onnx_node "GroupNormalization"(%0, %1, %2) opset 20 present [true, true, true] {num_groups = 2} : (tensor<1x6x2xf32>, tensor<6xf32>, tensor<6xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @instance_rank(%0: tensor<1x6xf32>, %1: tensor<6xf32>, %2: tensor<6xf32>) -> !pipe.unknown {
  // expected-error @+1 {{InstanceNormalization '?': is of 'tensor<1x6xf32>', expected at least 3 dimensions}}
  %y = pipe.onnx_node "InstanceNormalization"(%0, %1, %2) opset 13 present [true, true, true] {} : (tensor<1x6xf32>, tensor<6xf32>, tensor<6xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @norm_scale(%0: tensor<2x4xf32>, %1: tensor<3xf32>) -> !pipe.unknown {
  // expected-error @+1 {{LayerNormalization '?': input 1 is 'tensor<3xf32>', expected what can be repeated to 'tensor<2x4xf32>'}}
  %y = pipe.onnx_node "LayerNormalization"(%0, %1) opset 17 present [true, true] {} : (tensor<2x4xf32>, tensor<3xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @tile(%0: tensor<2x4xf32>) -> !pipe.unknown {
  %1 = arith.constant dense<[2, 0]> : tensor<2xi64>
  // expected-error @+1 {{Tile '?': its number of repeats does not fit or is not constant}}
  %y = pipe.onnx_node "Tile"(%0, %1) opset 13 present [true, true] {} : (tensor<2x4xf32>, tensor<2xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @pads(%0: tensor<2x4xf32>) -> !pipe.unknown {
  %1 = arith.constant dense<[0, -3, 0, -2]> : tensor<4xi64>
  // expected-error @+1 {{Pad '?': pads of -3 and -2 do not fit to a dimension of 4 in mode constant}}
  %y = pipe.onnx_node "Pad"(%0, %1) opset 13 present [true, true] {} : (tensor<2x4xf32>, tensor<4xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @pads_reflect(%0: tensor<2x4xf32>) -> !pipe.unknown {
  %1 = arith.constant dense<[0, 4, 0, 0]> : tensor<4xi64>
  // expected-error @+1 {{Pad '?': pads of 4 and 0 do not fit to a dimension of 4 in mode reflect}}
  %y = pipe.onnx_node "Pad"(%0, %1) opset 13 present [true, true] {mode = "reflect"} : (tensor<2x4xf32>, tensor<4xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @pads_unknown(%0: tensor<2x4xf32>, %1: tensor<4xi64>) -> !pipe.unknown {
  // expected-error @+1 {{Pad '?': its pads or axes do not fit to 'tensor<2x4xf32>' or are not constant}}
  %y = pipe.onnx_node "Pad"(%0, %1) opset 13 present [true, true] {} : (tensor<2x4xf32>, tensor<4xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @diagonal(%0: tensor<2x4xf32>, %1: tensor<1xi64>) -> !pipe.unknown {
  // expected-error @+1 {{Trilu '?': its diagonal does not fit or is not constant}}
  %y = pipe.onnx_node "Trilu"(%0, %1) opset 14 present [true, true] {} : (tensor<2x4xf32>, tensor<1xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @depth(%0: tensor<4xi64>, %1: tensor<1xi64>, %2: tensor<2xf32>) -> !pipe.unknown {
  // expected-error @+1 {{OneHot '?': its depth does not fit or is not constant}}
  %y = pipe.onnx_node "OneHot"(%0, %1, %2) opset 13 present [true, true, true] {} : (tensor<4xi64>, tensor<1xi64>, tensor<2xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @top_k(%0: tensor<2x4xf32>) -> !pipe.unknown {
  %1 = arith.constant dense<5> : tensor<1xi64>
  // expected-error @+1 {{TopK '?': its axis or k does not fit to 'tensor<2x4xf32>' or is not constant}}
  %y:2 = pipe.onnx_node "TopK"(%0, %1) opset 13 present [true, true] {} : (tensor<2x4xf32>, tensor<1xi64>) -> (!pipe.unknown, !pipe.unknown)
  return %y#0 : !pipe.unknown
}

// -----

func.func @top_k_large(%0: tensor<2x40000xf32>) -> !pipe.unknown {
  %1 = arith.constant dense<5> : tensor<1xi64>
  // expected-error @+1 {{TopK '?': would compare 40000 elements with each other, expected fewer}}
  %y:2 = pipe.onnx_node "TopK"(%0, %1) opset 13 present [true, true] {} : (tensor<2x40000xf32>, tensor<1xi64>) -> (!pipe.unknown, !pipe.unknown)
  return %y#0 : !pipe.unknown
}

// -----

func.func @elements(%0: tensor<2x4xf32>, %1: tensor<3x4xi64>) -> !pipe.unknown {
  // expected-error @+1 {{GatherElements '?': indices of 'tensor<3x4xi64>' do not fit to 'tensor<2x4xf32>'}}
  %y = pipe.onnx_node "GatherElements"(%0, %1) opset 13 present [true, true] {axis = 1} : (tensor<2x4xf32>, tensor<3x4xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @scatter(%0: tensor<2x4xf32>, %1: tensor<2x3xi64>, %2: tensor<2x2xf32>) -> !pipe.unknown {
  // expected-error @+1 {{ScatterElements '?': indices of 'tensor<2x3xi64>' and updates of 'tensor<2x2xf32>' do not fit to 'tensor<2x4xf32>'}}
  %y = pipe.onnx_node "ScatterElements"(%0, %1, %2) opset 18 present [true, true, true] {axis = 1} : (tensor<2x4xf32>, tensor<2x3xi64>, tensor<2x2xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @scatter_rows(%0: tensor<2x4xf32>, %1: tensor<3x1xi64>, %2: tensor<3x2xf32>) -> !pipe.unknown {
  // expected-error @+1 {{ScatterND '?': indices of 'tensor<3x1xi64>' and updates of 'tensor<3x2xf32>' do not fit to 'tensor<2x4xf32>'}}
  %y = pipe.onnx_node "ScatterND"(%0, %1, %2) opset 18 present [true, true, true] {} : (tensor<2x4xf32>, tensor<3x1xi64>, tensor<3x2xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @scatter_large(%0: tensor<9000x4xf32>, %1: tensor<9000x1xi64>, %2: tensor<9000x4xf32>) -> !pipe.unknown {
  // expected-error @+1 {{ScatterND '?': would compare 9000 places with 9000 indices, expected at most 67108864 pairs}}
  %y = pipe.onnx_node "ScatterND"(%0, %1, %2) opset 18 present [true, true, true] {} : (tensor<9000x4xf32>, tensor<9000x1xi64>, tensor<9000x4xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @einsum_diagonal(%0: tensor<4x4xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Einsum '?': the equation 'aa->a' takes a diagonal, which is not supported}}
  %y = pipe.onnx_node "Einsum"(%0) opset 13 present [true] {equation = "aa->a"} : (tensor<4x4xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @einsum_rank(%0: tensor<4xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Einsum '?': the equation 'ab->a' does not fit to its operands}}
  %y = pipe.onnx_node "Einsum"(%0) opset 13 present [true] {equation = "ab->a"} : (tensor<4xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @einsum_sizes(%0: tensor<2x3xf32>, %1: tensor<4x5xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Einsum '?': the equation 'ab,bc->ac' does not fit to its operands}}
  %y = pipe.onnx_node "Einsum"(%0, %1) opset 13 present [true, true] {equation = "ab,bc->ac"} : (tensor<2x3xf32>, tensor<4x5xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @einsum_result(%0: tensor<2x3xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Einsum '?': the equation 'ab->ac' has a label in its result only}}
  %y = pipe.onnx_node "Einsum"(%0) opset 13 present [true] {equation = "ab->ac"} : (tensor<2x3xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @einsum_text(%0: tensor<2x3xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Einsum '?': the equation 'a;b->a' does not fit to its operands}}
  %y = pipe.onnx_node "Einsum"(%0) opset 13 present [true] {equation = "a;b->a"} : (tensor<2x3xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @conv_groups(%0: tensor<1x4x8xf32>, %1: tensor<3x2x3xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Conv '?': a weight of 'tensor<3x2x3xf32>' in 2 groups does not fit to 'tensor<1x4x8xf32>'}}
  %y = pipe.onnx_node "Conv"(%0, %1) opset 13 present [true, true] {group = 2} : (tensor<1x4x8xf32>, tensor<3x2x3xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @conv_kernel(%0: tensor<1x4x8xf32>, %1: tensor<3x4x3xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Conv '?': its kernel_shape is not that of 'tensor<3x4x3xf32>'}}
  %y = pipe.onnx_node "Conv"(%0, %1) opset 13 present [true, true] {kernel_shape = [2]} : (tensor<1x4x8xf32>, tensor<3x4x3xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @conv_large(%0: tensor<1x4x2xf32>, %1: tensor<3x4x3xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Conv '?': no window of 3 fits into 'tensor<1x4x2xf32>'}}
  %y = pipe.onnx_node "Conv"(%0, %1) opset 13 present [true, true] {} : (tensor<1x4x2xf32>, tensor<3x4x3xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @conv_pads(%0: tensor<1x4x8xf32>, %1: tensor<3x4x3xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Conv '?': its pads do not fit, expected 2 numbers from 0 to 2147483647}}
  %y = pipe.onnx_node "Conv"(%0, %1) opset 13 present [true, true] {pads = [1]} : (tensor<1x4x8xf32>, tensor<3x4x3xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @auto_pad(%0: tensor<1x4x8xf32>, %1: tensor<3x4x3xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Conv '?': auto_pad is SAME, expected NOTSET, SAME_UPPER, SAME_LOWER or VALID}}
  %y = pipe.onnx_node "Conv"(%0, %1) opset 13 present [true, true] {auto_pad = "SAME"} : (tensor<1x4x8xf32>, tensor<3x4x3xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @pool_pads(%0: tensor<1x4x8xf32>) -> !pipe.unknown {
  // expected-error @+1 {{MaxPool '?': pads of 2 and 0 leave windows of padding only}}
  %y = pipe.onnx_node "MaxPool"(%0) opset 13 present [true] {kernel_shape = [2], pads = [2, 0]} : (tensor<1x4x8xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @squeeze_axes(%0: tensor<1x4xf32>, %1: tensor<1xi64>) -> !pipe.unknown {
  // expected-error @+1 {{Squeeze '?': its list of axes does not fit or is not constant}}
  %y = pipe.onnx_node "Squeeze"(%0, %1) opset 13 present [true, true] {} : (tensor<1x4xf32>, tensor<1xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @expand_shape(%0: tensor<1x4xf32>) -> !pipe.unknown {
  %1 = arith.constant dense<[-1, 4]> : tensor<2xi64>
  // expected-error @+1 {{Expand '?': its shape does not fit or is not constant}}
  %y = pipe.onnx_node "Expand"(%0, %1) opset 13 present [true, true] {} : (tensor<1x4xf32>, tensor<2xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @split_outputs(%0: tensor<4xf32>) -> !pipe.unknown {
  // expected-error @+1 {{Split '?': its list of sizes does not fit or is not constant}}
  %y:2 = pipe.onnx_node "Split"(%0) opset 18 present [true] {num_outputs = 3} : (tensor<4xf32>) -> (!pipe.unknown, !pipe.unknown)
  return %y#0 : !pipe.unknown
}

// -----

func.func @concat_types(%0: tensor<4xf32>, %1: tensor<4xi64>) -> !pipe.unknown {
  // expected-error @+1 {{Concat '?': input 1 is 'tensor<4xi64>', expected the element type of 'tensor<4xf32>'}}
  %y = pipe.onnx_node "Concat"(%0, %1) opset 13 present [true, true] {axis = 0} : (tensor<4xf32>, tensor<4xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @non_zero(%0: tensor<4xf32>) -> !pipe.unknown {
  // expected-error @+1 {{NonZero '?': its input of 'tensor<4xf32>' is not constant or has no dimension}}
  %y = pipe.onnx_node "NonZero"(%0) opset 13 present [true] {} : (tensor<4xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @where_types(%c: tensor<4xi1>, %0: tensor<4xf32>, %1: tensor<i64>) -> !pipe.unknown {
  // expected-error @+1 {{Where '?': input 2 is 'tensor<i64>', expected the element type of 'tensor<4xf32>'}}
  %y = pipe.onnx_node "Where"(%c, %0, %1) opset 16 present [true, true, true] {} : (tensor<4xi1>, tensor<4xf32>, tensor<i64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @add_types(%0: tensor<4xf32>, %1: tensor<4xi64>) -> !pipe.unknown {
  // expected-error @+1 {{Add '?': input 1 is 'tensor<4xi64>', expected the element type of 'tensor<4xf32>'}}
  %y = pipe.onnx_node "Add"(%0, %1) opset 14 present [true, true] {} : (tensor<4xf32>, tensor<4xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

func.func @cumsum_axis() -> !pipe.unknown {
  %0 = arith.constant dense<1> : tensor<3xi64>
  %1 = arith.constant dense<> : tensor<0xi64>
  // expected-error @+1 {{CumSum '?': its axis is not constant or not one of 'tensor<3xi64>'}}
  %y = pipe.onnx_node "CumSum"(%0, %1) opset 14 present [true, true] {} : (tensor<3xi64>, tensor<0xi64>) -> !pipe.unknown
  return %y : !pipe.unknown
}
