// RUN: bitpipe-opt %s --pipe-legalize-softmax --canonicalize | FileCheck %s

// The example of the pass: factors become the scale, the mask the attribute.
// CHECK-LABEL: func.func @causal
// CHECK-SAME: (%[[Q:.*]]: tensor<1x3x8xf32>, %[[K:.*]]: tensor<1x8x3xf32>)
func.func @causal(%q: tensor<1x3x8xf32>, %k: tensor<1x8x3xf32>) -> tensor<1x3x3xf32> {
  %half = arith.constant dense<0.5> : tensor<f32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %m = arith.constant dense<[[0.0, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000], [0.0, 0.0, 0.0]]> : tensor<3x3xf32>
  // CHECK: %[[P:.*]] = pipe.onnx_node "MatMul"(%[[Q]], %[[K]])
  // CHECK: %[[Y:.*]] = pipe.softmax scale 1.250000e-01 causal ins(%[[P]]
  // CHECK: return %[[Y]]
  %a = pipe.onnx_node "Mul"(%q, %half) opset 23 present [true, true] {} : (tensor<1x3x8xf32>, tensor<f32>) -> tensor<1x3x8xf32>
  %b = pipe.onnx_node "Mul"(%half, %k) opset 23 present [true, true] {} : (tensor<f32>, tensor<1x8x3xf32>) -> tensor<1x8x3xf32>
  %p = pipe.onnx_node "MatMul"(%a, %b) opset 23 present [true, true] {} : (tensor<1x3x8xf32>, tensor<1x8x3xf32>) -> tensor<1x3x3xf32>
  %s = pipe.onnx_node "Div"(%p, %two) opset 23 present [true, true] {} : (tensor<1x3x3xf32>, tensor<f32>) -> tensor<1x3x3xf32>
  %t = pipe.onnx_node "Add"(%s, %m) opset 23 present [true, true] {} : (tensor<1x3x3xf32>, tensor<3x3xf32>) -> tensor<1x3x3xf32>
  %u = pipe.onnx_node "Softmax"(%t) opset 23 present [true] {axis = -1} : (tensor<1x3x3xf32>) -> tensor<1x3x3xf32>
  %n = pipe.onnx_node "IsNaN"(%u) opset 23 present [true] {} : (tensor<1x3x3xf32>) -> tensor<1x3x3xi1>
  %y = pipe.onnx_node "Where"(%n, %zero, %u) opset 23 present [true, true, true] {} : (tensor<1x3x3xi1>, tensor<f32>, tensor<1x3x3xf32>) -> tensor<1x3x3xf32>
  return %y : tensor<1x3x3xf32>
}

// Choosing by a constant, either way round; one that keeps all is no mask.
// CHECK-LABEL: func.func @chosen
// CHECK-SAME: (%[[X:.*]]: tensor<2x2xf32>)
func.func @chosen(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %low = arith.constant dense<-3.4028235e+38> : tensor<f32>
  %keep = arith.constant dense<[[true, false], [true, true]]> : tensor<2x2xi1>
  %drop = arith.constant dense<[[false, true], [false, false]]> : tensor<2x2xi1>
  %all = arith.constant dense<true> : tensor<2x2xi1>
  // CHECK: pipe.softmax causal ins(%[[X]]
  %a = pipe.onnx_node "Where"(%keep, %x, %low) opset 23 present [true, true, true] {} : (tensor<2x2xi1>, tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %b = pipe.onnx_node "Softmax"(%a) opset 23 present [true] {} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  // CHECK: pipe.softmax causal ins(%[[X]]
  %c = pipe.onnx_node "Where"(%drop, %low, %x) opset 23 present [true, true, true] {} : (tensor<2x2xi1>, tensor<f32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %d = pipe.onnx_node "Softmax"(%c) opset 23 present [true] {} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  // CHECK: pipe.softmax ins(%[[X]]
  %e = pipe.onnx_node "Where"(%all, %x, %low) opset 23 present [true, true, true] {} : (tensor<2x2xi1>, tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %f = pipe.onnx_node "Softmax"(%e) opset 23 present [true] {} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %b, %d, %f : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// Any other mask stays; the factor moves between it and the product.
// CHECK-LABEL: func.func @other
// CHECK-SAME: (%[[Q:.*]]: tensor<2x8xf32>, %[[K:.*]]: tensor<8x2xf32>, %[[M:.*]]: tensor<2x2xf32>)
func.func @other(%q: tensor<2x8xf32>, %k: tensor<8x2xf32>, %m: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // CHECK: %[[C:.*]] = arith.constant dense<5.000000e-01>
  // CHECK: %[[P:.*]] = pipe.onnx_node "MatMul"(%[[Q]], %[[K]])
  // CHECK: %[[S:.*]] = pipe.onnx_node "Mul"(%[[P]], %[[C]])
  // CHECK: %[[T:.*]] = pipe.onnx_node "Add"(%[[S]], %[[M]])
  // CHECK: pipe.softmax ins(%[[T]]
  %half = arith.constant dense<0.5> : tensor<f32>
  %a = pipe.onnx_node "Mul"(%q, %half) opset 23 present [true, true] {} : (tensor<2x8xf32>, tensor<f32>) -> tensor<2x8xf32>
  %p = pipe.onnx_node "MatMul"(%a, %k) opset 23 present [true, true] {} : (tensor<2x8xf32>, tensor<8x2xf32>) -> tensor<2x2xf32>
  %t = pipe.onnx_node "Add"(%p, %m) opset 23 present [true, true] {} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %y = pipe.onnx_node "Softmax"(%t) opset 23 present [true] {} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// A mask of another form, or a small one, is not causal.
// CHECK-LABEL: func.func @not_causal
// CHECK-NOT: causal
// CHECK: return
func.func @not_causal(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %strict = arith.constant dense<[[0xFF800000, 0xFF800000], [0.0, 0xFF800000]]> : tensor<2x2xf32>
  %small = arith.constant dense<[[0.0, -10.0], [0.0, 0.0]]> : tensor<2x2xf32>
  %a = pipe.onnx_node "Add"(%x, %strict) opset 23 present [true, true] {} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %b = pipe.onnx_node "Softmax"(%a) opset 23 present [true] {} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %c = pipe.onnx_node "Add"(%x, %small) opset 23 present [true, true] {} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %d = pipe.onnx_node "Softmax"(%c) opset 23 present [true] {} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %b, %d : tensor<2x2xf32>, tensor<2x2xf32>
}
