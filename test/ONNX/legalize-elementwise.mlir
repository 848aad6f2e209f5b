// RUN: bitpipe-opt %s --pipe-legalize-elementwise | FileCheck %s

// CHECK-DAG: #[[ROWS:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[OUTER:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[ALL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>

// Repeated dimensions are dropped from the operand; one number is a scalar.
// CHECK-LABEL: func.func @broadcast
func.func @broadcast(%x: tensor<3x4xf32>, %y: tensor<2x1x4xf32>) -> tensor<2x3x4xf32> {
  // CHECK: %[[Y:.*]] = tensor.collapse_shape %{{.*}} : tensor<2x1x4xf32> into tensor<2x4xf32>
  // CHECK: linalg.generic {indexing_maps = [#[[ROWS]], #[[OUTER]], #[[ALL]]]
  // CHECK: arith.addf
  %0 = pipe.onnx_node "Add"(%x, %y) opset 23 present [true, true] {} : (tensor<3x4xf32>, tensor<2x1x4xf32>) -> tensor<2x3x4xf32>
  // CHECK: linalg.generic {indexing_maps = [#[[ALL]], #[[ALL]]]
  // CHECK: %[[C:.*]] = arith.constant 2.000000e+00 : f32
  // CHECK: arith.mulf %{{.*}}, %[[C]]
  %two = arith.constant dense<2.0> : tensor<f32>
  %1 = pipe.onnx_node "Mul"(%0, %two) opset 23 present [true, true] {} : (tensor<2x3x4xf32>, tensor<f32>) -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @cube
func.func @cube(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
  // CHECK: %[[THREE:.*]] = arith.constant 3.0
  // CHECK: math.powf %[[X]], %[[THREE]]
  %three = arith.constant dense<3.0> : tensor<f32>
  %0 = pipe.onnx_node "Pow"(%x, %three) opset 23 present [true, true] {} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @mask
func.func @mask(%m: tensor<4xi64>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: arith.cmpi ne
  %0 = pipe.onnx_node "Cast"(%m) opset 23 present [true] {to = 9} : (tensor<4xi64>) -> tensor<4xi1>
  // CHECK: arith.select
  %low = arith.constant dense<0xFF800000> : tensor<f32>
  %1 = pipe.onnx_node "Where"(%0, %x, %low) opset 23 present [true, true, true] {} : (tensor<4xi1>, tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  // CHECK: math.erf
  %2 = pipe.onnx_node "Gelu"(%1) opset 23 present [true] {} : (tensor<4xf32>) -> tensor<4xf32>
  // CHECK: math.tanh
  %3 = pipe.onnx_node "Gelu"(%2) opset 23 present [true] {approximate = "tanh"} : (tensor<4xf32>) -> tensor<4xf32>
  return %3 : tensor<4xf32>
}
