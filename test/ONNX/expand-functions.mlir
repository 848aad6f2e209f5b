// RUN: bitpipe-opt %s --pipe-expand-functions | FileCheck %s

// The example of the pass: elements at the bound pass their gradient on.
// CHECK-LABEL: func.func @clip
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[LOW:.*]]: tensor<f32>)
func.func @clip(%x: tensor<4xf32>, %low: tensor<f32>) -> tensor<4xf32> {
  // CHECK: %[[C:.*]] = pipe.onnx_node "Less"(%[[X]], %[[LOW]]) {{.*}} -> tensor<4xi1>
  // CHECK: %[[Y:.*]] = pipe.onnx_node "Where"(%[[C]], %[[LOW]], %[[X]])
  // CHECK: return %[[Y]]
  %y = pipe.onnx_node "Clip"(%x, %low) opset 13 present [true, true] {} : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// What an expansion is made of is expanded too.
// CHECK-LABEL: func.func @norm
func.func @norm(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  // CHECK: pipe.onnx_node "Mul"
  // CHECK: pipe.onnx_node "ReduceSum"
  // CHECK: pipe.onnx_node "Sqrt"
  // CHECK-NOT: ReduceL2
  // CHECK: pipe.onnx_node "Div"
  %y = pipe.onnx_node "LpNormalization"(%x) opset 22 present [true] {} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// Nodes that ask for nothing special stay.
// CHECK-LABEL: func.func @stay
func.func @stay(%x: tensor<2x4xf32>, %w: tensor<1x4xf32>) -> (tensor<2x4xf32>, tensor<2x2xf32>) {
  // CHECK: pipe.onnx_node "LayerNormalization"(%{{.*}}, %{{.*}}) opset 17
  %y = pipe.onnx_node "LayerNormalization"(%x, %w) opset 17 present [true, true] {axis = -1} : (tensor<2x4xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  %one = arith.constant dense<1> : tensor<1xi64>
  %end = arith.constant dense<4> : tensor<1xi64>
  %two = arith.constant dense<2> : tensor<1xi64>
  // CHECK: pipe.onnx_node "Slice"(%{{.*}}) opset 13
  %z = pipe.onnx_node "Slice"(%x, %one, %end, %one, %two) opset 13 present [true, true, true, true, true] {} : (tensor<2x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x2xf32>
  return %y, %z : tensor<2x4xf32>, tensor<2x2xf32>
}

// A scale that only broadcasts follows the normalisation.
// CHECK-LABEL: func.func @scale
// CHECK-SAME: %[[W:[^ ]*]]: tensor<2x1xf32>)
func.func @scale(%x: tensor<2x4xf32>, %w: tensor<2x1xf32>) -> tensor<2x4xf32> {
  // CHECK: %[[ONES:.*]] = arith.constant dense<1.000000e+00> : tensor<4xf32>
  // CHECK: %[[N:.*]] = pipe.onnx_node "LayerNormalization"(%{{.*}}, %[[ONES]]) {{.*}} {axis = 1 : i64, epsilon = 1.000000e-03 : f32}
  // CHECK: pipe.onnx_node "Mul"(%[[N]], %[[W]])
  %y = pipe.onnx_node "LayerNormalization"(%x, %w) opset 17 present [true, true] {epsilon = 1.0e-3 : f32} : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// Up to operator set 20 groups are scaled, later channels.
// CHECK-LABEL: func.func @groups
func.func @groups(%x: tensor<1x6x4xf32>, %g: tensor<2xf32>, %c: tensor<6xf32>) -> (tensor<1x6x4xf32>, tensor<1x6x4xf32>) {
  // CHECK: "LayerNormalization"{{.*}} -> tensor<1x2x12xf32>
  // CHECK: "Mul"{{.*}} : (tensor<1x2x12xf32>, tensor<2x1xf32>)
  // CHECK: "LayerNormalization"{{.*}} -> tensor<1x2x12xf32>
  // CHECK: "Mul"{{.*}} : (tensor<1x6x4xf32>, tensor<6x1xf32>)
  %y = pipe.onnx_node "GroupNormalization"(%x, %g, %g) opset 20 present [true, true, true] {num_groups = 2} : (tensor<1x6x4xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x6x4xf32>
  %z = pipe.onnx_node "GroupNormalization"(%x, %c, %c) opset 21 present [true, true, true] {num_groups = 2} : (tensor<1x6x4xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<1x6x4xf32>
  return %y, %z : tensor<1x6x4xf32>, tensor<1x6x4xf32>
}

// Dimensions that run backwards are taken by number.
// CHECK-LABEL: func.func @backwards
func.func @backwards(%x: tensor<2x4xf32>) -> tensor<2x2xf32> {
  %start = arith.constant dense<-1> : tensor<1xi64>
  %end = arith.constant dense<-99> : tensor<1xi64>
  %axis = arith.constant dense<1> : tensor<1xi64>
  %step = arith.constant dense<-2> : tensor<1xi64>
  // CHECK: %[[IDS:.*]] = arith.constant dense<[3, 1]>
  // CHECK: pipe.onnx_node "Gather"(%{{.*}}, %[[IDS]]) {{.*}} {axis = 1 : i64}
  %y = pipe.onnx_node "Slice"(%x, %start, %end, %axis, %step) opset 13 present [true, true, true, true, true] {} : (tensor<2x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// Both operands have the batch first, then the product is one of matrices.
// CHECK-LABEL: func.func @einsum
func.func @einsum(%q: tensor<2x5x3x4xf32>, %k: tensor<2x6x3x4xf32>) -> tensor<2x3x5x6xf32> {
  // CHECK: "Transpose"{{.*}} -> tensor<2x3x5x4xf32>
  // CHECK: "Transpose"{{.*}} -> tensor<2x3x4x6xf32>
  // CHECK: "MatMul"{{.*}} -> tensor<2x3x5x6xf32>
  // CHECK-NEXT: return
  %y = pipe.onnx_node "Einsum"(%q, %k) opset 13 present [true, true] {equation = "bqhd, bkhd -> bhqk"} : (tensor<2x5x3x4xf32>, tensor<2x6x3x4xf32>) -> tensor<2x3x5x6xf32>
  return %y : tensor<2x3x5x6xf32>
}

// Windows side by side are a reshape; others are slices of the padded image.
// CHECK-LABEL: func.func @windows
func.func @windows(%x: tensor<1x2x6xf32>, %w: tensor<3x2x2xf32>) -> (tensor<1x3x3xf32>, tensor<1x3x7xf32>) {
  // CHECK: "Reshape"{{.*}} -> tensor<1x2x3x2xf32>
  // CHECK-NOT: "Slice"
  // CHECK: "MatMul"{{.*}} : (tensor<3x4xf32>, tensor<1x4x3xf32>)
  %y = pipe.onnx_node "Conv"(%x, %w) opset 13 present [true, true] {strides = [2]} : (tensor<1x2x6xf32>, tensor<3x2x2xf32>) -> tensor<1x3x3xf32>
  // CHECK: "Concat"{{.*}} -> tensor<1x2x8xf32>
  // CHECK: "Slice"{{.*}} -> tensor<1x2x7xf32>
  // CHECK: "Slice"{{.*}} -> tensor<1x2x7xf32>
  // CHECK: "MatMul"{{.*}} : (tensor<3x4xf32>, tensor<1x4x7xf32>)
  %z = pipe.onnx_node "Conv"(%x, %w) opset 13 present [true, true] {pads = [1, 1]} : (tensor<1x2x6xf32>, tensor<3x2x2xf32>) -> tensor<1x3x7xf32>
  return %y, %z : tensor<1x3x3xf32>, tensor<1x3x7xf32>
}

// Ids are looked up in a table of places, so that one outside is refused when
// the model runs.
// CHECK-LABEL: func.func @elements
func.func @elements(%x: tensor<2x3xf32>, %ids: tensor<2x1xi64>) -> tensor<2x1xf32> {
  // CHECK: %[[PLACES:.*]] = arith.constant dense<[0, 1, 2]> : tensor<3xi64>
  // CHECK: %[[ALONG:.*]] = pipe.onnx_node "Gather"(%[[PLACES]], %{{.*}})
  // CHECK: %[[OFFSETS:.*]] = arith.constant dense<{{\[\[}}0], [3]]>
  // CHECK: pipe.onnx_node "Add"(%[[ALONG]], %[[OFFSETS]])
  // CHECK: pipe.onnx_node "Gather"
  %y = pipe.onnx_node "GatherElements"(%x, %ids) opset 13 present [true, true] {axis = 1} : (tensor<2x3xf32>, tensor<2x1xi64>) -> tensor<2x1xf32>
  return %y : tensor<2x1xf32>
}
