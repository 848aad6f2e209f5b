// RUN: bitpipe-opt %s --pipe-fold-nodes --split-input-file | FileCheck %s

// The example of the pass: a shape is a constant, and what is computed from it.
// CHECK-LABEL: func.func @shape
// CHECK-SAME: -> tensor<8x2xf32>
func.func @shape(%x: tensor<2x8xf32>) -> !pipe.unknown {
  %one = arith.constant dense<1> : tensor<1xi64>
  %zero = arith.constant dense<0> : tensor<1xi64>
  %n = pipe.onnx_node "Shape"(%x) opset 23 present [true] {} : (tensor<2x8xf32>) -> !pipe.unknown
  %a = pipe.onnx_node "Gather"(%n, %one) opset 23 present [true, true] {} : (!pipe.unknown, tensor<1xi64>) -> !pipe.unknown
  %b = pipe.onnx_node "Gather"(%n, %zero) opset 23 present [true, true] {} : (!pipe.unknown, tensor<1xi64>) -> !pipe.unknown
  %s = pipe.onnx_node "Concat"(%a, %b) opset 23 present [true, true] {axis = 0} : (!pipe.unknown, !pipe.unknown) -> !pipe.unknown
  // CHECK: %[[S:.*]] = arith.constant dense<[8, 2]> : tensor<2xi64>
  // CHECK: pipe.onnx_node "Reshape"(%{{.*}}, %[[S]]) {{.*}} -> tensor<8x2xf32>
  %y = pipe.onnx_node "Reshape"(%x, %s) opset 23 present [true, true] {} : (tensor<2x8xf32>, !pipe.unknown) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

// A value without gradient has its operand's type; a constant has none anyway.
// CHECK-LABEL: func.func @detached
func.func @detached(%x: tensor<2x3xf32>) -> !pipe.unknown {
  %one = arith.constant dense<1.0> : tensor<2x3xf32>
  %s = pipe.onnx_node "Tanh"(%x) opset 23 present [true] {} : (tensor<2x3xf32>) -> !pipe.unknown
  // CHECK: %[[D:.*]] = pipe.detach %{{.*}} : tensor<2x3xf32>
  %d = pipe.detach %s : !pipe.unknown
  // CHECK-NOT: pipe.detach
  %c = pipe.detach %one : tensor<2x3xf32>
  // CHECK: pipe.onnx_node "Mul"(%[[D]], %cst)
  %y = pipe.onnx_node "Mul"(%d, %c) opset 23 present [true, true] {} : (!pipe.unknown, tensor<2x3xf32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

// A causal mask as raw exports compute it.
// CHECK-LABEL: func.func @mask
func.func @mask(%x: tensor<3x3xf32>) -> !pipe.unknown {
  %zero = arith.constant dense<0.0> : tensor<f32>
  %one = arith.constant dense<1> : tensor<i64>
  %n = arith.constant dense<3> : tensor<i64>
  %axis = arith.constant dense<1> : tensor<1xi64>
  %start = pipe.onnx_node "CastLike"(%zero, %n) opset 23 present [true, true] {} : (tensor<f32>, tensor<i64>) -> !pipe.unknown
  %r = pipe.onnx_node "Range"(%start, %n, %one) opset 23 present [true, true, true] {} : (!pipe.unknown, tensor<i64>, tensor<i64>) -> !pipe.unknown
  %c = pipe.onnx_node "Unsqueeze"(%r, %axis) opset 23 present [true, true] {} : (!pipe.unknown, tensor<1xi64>) -> !pipe.unknown
  %m = pipe.onnx_node "LessOrEqual"(%r, %c) opset 23 present [true, true] {} : (!pipe.unknown, !pipe.unknown) -> !pipe.unknown
  // CHECK: %[[M:.*]] = arith.constant dense<{{\[\[}}true, false, false], [true, true, false], [true, true, true]]> : tensor<3x3xi1>
  // CHECK: pipe.onnx_node "Where"(%[[M]]
  %y = pipe.onnx_node "Where"(%m, %x, %zero) opset 23 present [true, true, true] {} : (!pipe.unknown, tensor<3x3xf32>, tensor<f32>) -> !pipe.unknown
  return %y : !pipe.unknown
}

// -----

// Sequences are followed; the parts are those of one Split.
// CHECK-LABEL: func.func @sequence
func.func @sequence(%x: tensor<2x6xf32>) -> (!pipe.unknown, !pipe.unknown) {
  %size = arith.constant dense<2> : tensor<i64>
  %first = arith.constant dense<0> : tensor<i64>
  %last = arith.constant dense<-1> : tensor<i64>
  // CHECK: %[[P:.*]]:3 = pipe.onnx_node "Split"
  // CHECK-NEXT: return %[[P]]#0, %[[P]]#2 : tensor<2x2xf32>, tensor<2x2xf32>
  %s = pipe.onnx_node "SplitToSequence"(%x, %size) opset 23 present [true, true] {axis = 1} : (tensor<2x6xf32>, tensor<i64>) -> !pipe.unknown
  %a = pipe.onnx_node "SequenceAt"(%s, %first) opset 23 present [true, true] {} : (!pipe.unknown, tensor<i64>) -> !pipe.unknown
  %b = pipe.onnx_node "SequenceAt"(%s, %last) opset 23 present [true, true] {} : (!pipe.unknown, tensor<i64>) -> !pipe.unknown
  return %a, %b : !pipe.unknown, !pipe.unknown
}

// -----

// Whatever is picked from a tensor of one number is that number.
// CHECK-LABEL: func.func @splat
func.func @splat(%ids: tensor<2x3xi64>) -> !pipe.unknown {
  // CHECK: arith.constant dense<0> : tensor<2x3xi64>
  %zeros = arith.constant dense<0> : tensor<9xi64>
  %0 = pipe.onnx_node "Gather"(%zeros, %ids) opset 23 present [true, true] {} : (tensor<9xi64>, tensor<2x3xi64>) -> !pipe.unknown
  return %0 : !pipe.unknown
}

// -----

// What is trained is no constant.
pipe.parameter @w : tensor<2x2xf32> trainable value dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
pipe.parameter @c : tensor<2x2xf32> value dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
// CHECK-LABEL: func.func @parameters
func.func @parameters() -> (!pipe.unknown, !pipe.unknown) {
  // CHECK-DAG: pipe.onnx_node "Neg"
  // CHECK-DAG: arith.constant dense<{{\[\[}}-1.000000e+00, -2.000000e+00], [-3.000000e+00, -4.000000e+00]]>
  %w = pipe.get_parameter @w : tensor<2x2xf32>
  %c = pipe.get_parameter @c : tensor<2x2xf32>
  %0 = pipe.onnx_node "Neg"(%w) opset 23 present [true] {} : (tensor<2x2xf32>) -> !pipe.unknown
  %1 = pipe.onnx_node "Neg"(%c) opset 23 present [true] {} : (tensor<2x2xf32>) -> !pipe.unknown
  return %0, %1 : !pipe.unknown, !pipe.unknown
}

// -----

// Without training a Dropout hands on its input, and its mask keeps everything.
// CHECK-LABEL: func.func @dropout
// CHECK-SAME: %[[X:.*]]: tensor<2xf32>
func.func @dropout(%x: tensor<2xf32>) -> (!pipe.unknown, !pipe.unknown) {
  // CHECK: %[[M:.*]] = arith.constant dense<true> : tensor<2xi1>
  // CHECK: return %[[X]], %[[M]]
  %y:2 = pipe.onnx_node "Dropout"(%x) opset 23 present [true] {} : (tensor<2xf32>) -> (!pipe.unknown, !pipe.unknown)
  return %y#0, %y#1 : !pipe.unknown, !pipe.unknown
}
