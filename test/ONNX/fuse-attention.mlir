// RUN: bitpipe-opt %s --pipe-fuse-attention --pipe-legalize-views --pipe-legalize-elementwise --pipe-fold-transposes --canonicalize | FileCheck %s
// RUN: bitpipe-opt %s --pipe-fuse-attention=decomposed=true | FileCheck %s --check-prefix=DECOMPOSED

// DECOMPOSED-NOT: pipe.attention

pipe.parameter @bias : tensor<1x4x6x6xf32> trainable value dense<1.0> : tensor<1x4x6x6xf32>

// Heads stay where the projections left them: no transpose is left around.
// CHECK-LABEL: func.func @plain
// CHECK-SAME: (%[[Q:.*]]: tensor<2x6x4x8xf32>, %[[K:.*]]: tensor<2x5x4x8xf32>, %[[V:.*]]: tensor<2x5x4x6xf32>)
// CHECK-NOT: linalg.transpose
// CHECK: %[[O:.*]]:2 = pipe.attention scale 2.500000e-01 ins(%[[Q]], %[[K]], %[[V]] : {{.*}}) outs({{.*}} : tensor<2x6x4x6xf32>, tensor<2x4x6xf32>)
// CHECK: return %[[O]]#0
func.func @plain(%q: tensor<2x6x4x8xf32>, %k: tensor<2x5x4x8xf32>, %v: tensor<2x5x4x6xf32>) -> tensor<2x6x4x6xf32> {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x5x4x8xf32>) -> tensor<2x4x8x5xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x5x4x6xf32>) -> tensor<2x4x5x6xf32>
  %half = arith.constant dense<0.5> : tensor<f32>
  %two = arith.constant dense<2.0> : tensor<f32>
  %quarter = arith.constant dense<0.25> : tensor<f32>
  %a = pipe.onnx_node "Mul"(%qh, %half) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<f32>) -> tensor<2x4x6x8xf32>
  %b = pipe.onnx_node "Mul"(%two, %kh) opset 23 present [true, true] {} : (tensor<f32>, tensor<2x4x8x5xf32>) -> tensor<2x4x8x5xf32>
  %m = pipe.onnx_node "MatMul"(%a, %b) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x5xf32>) -> tensor<2x4x6x5xf32>
  %s = pipe.onnx_node "Mul"(%m, %quarter) opset 23 present [true, true] {} : (tensor<2x4x6x5xf32>, tensor<f32>) -> tensor<2x4x6x5xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x5xf32>) -> tensor<2x4x6x5xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x5xf32>, tensor<2x4x5x6xf32>) -> tensor<2x4x6x6xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x6xf32>) -> tensor<2x6x4x6xf32>
  return %o : tensor<2x6x4x6xf32>
}

// A constant mask that is a band becomes the band; the guard against NaN goes.
// CHECK-LABEL: func.func @causal
// CHECK: pipe.attention right 0 ins(
// CHECK-NOT: pipe.onnx_node
func.func @causal(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>) -> tensor<2x6x4x8xf32> {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %keep = arith.constant dense<[[true, false, false, false, false, false], [true, true, false, false, false, false], [true, true, true, false, false, false], [true, true, true, true, false, false], [true, true, true, true, true, false], [true, true, true, true, true, true]]> : tensor<6x6xi1>
  %never = arith.constant dense<0xFF800000> : tensor<f32>
  %zero = arith.constant dense<0.0> : tensor<f32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s = pipe.onnx_node "Where"(%keep, %m, %never) opset 23 present [true, true, true] {} : (tensor<6x6xi1>, tensor<2x4x6x6xf32>, tensor<f32>) -> tensor<2x4x6x6xf32>
  %p0 = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %nan = pipe.onnx_node "IsNaN"(%p0) opset 23 present [true] {} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xi1>
  %p = pipe.onnx_node "Where"(%nan, %zero, %p0) opset 23 present [true, true, true] {} : (tensor<2x4x6x6xi1>, tensor<f32>, tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// A causal window of 3 that is added, finite but with something in every row; then a local one.
// CHECK-LABEL: func.func @windows
// CHECK: pipe.attention left 2 right 0 ins(
// CHECK: pipe.attention left 1 right 1 ins(
func.func @windows(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>) -> (tensor<2x6x4x8xf32>, tensor<2x4x6x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %window = arith.constant dense<[[0.0, -1.0e+09, -1.0e+09, -1.0e+09, -1.0e+09, -1.0e+09], [0.0, 0.0, -1.0e+09, -1.0e+09, -1.0e+09, -1.0e+09], [0.0, 0.0, 0.0, -1.0e+09, -1.0e+09, -1.0e+09], [-1.0e+09, 0.0, 0.0, 0.0, -1.0e+09, -1.0e+09], [-1.0e+09, -1.0e+09, 0.0, 0.0, 0.0, -1.0e+09], [-1.0e+09, -1.0e+09, -1.0e+09, 0.0, 0.0, 0.0]]> : tensor<6x6xf32>
  %local = arith.constant dense<[[0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000], [0xFF800000, 0.0, 0.0, 0.0, 0xFF800000, 0xFF800000], [0xFF800000, 0xFF800000, 0.0, 0.0, 0.0, 0xFF800000], [0xFF800000, 0xFF800000, 0xFF800000, 0.0, 0.0, 0.0], [0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0.0, 0.0]]> : tensor<6x6xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s = pipe.onnx_node "Add"(%m, %window) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<6x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  %m2 = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s2 = pipe.onnx_node "Add"(%local, %m2) opset 23 present [true, true] {} : (tensor<6x6xf32>, tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %p2 = pipe.onnx_node "Softmax"(%s2) opset 23 present [true] {axis = 3 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %o2 = pipe.onnx_node "MatMul"(%p2, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  return %o, %o2 : tensor<2x6x4x8xf32>, tensor<2x4x6x8xf32>
}

// Causal, counted from the first row and column, with more rows than columns; a mask that masks
// nothing. Fewer rows than columns have no such band.
// CHECK-LABEL: func.func @from_the_start
// CHECK: pipe.attention right 2 ins(
func.func @from_the_start(%q: tensor<2x6x4x8xf32>, %k: tensor<2x4x4x8xf32>, %v: tensor<2x4x4x8xf32>) -> tensor<2x6x4x8xf32> {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x4x4x8xf32>) -> tensor<2x4x8x4xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x4x8xf32>) -> tensor<2x4x4x8xf32>
  %keep = arith.constant dense<[[true, false, false, false], [true, true, false, false], [true, true, true, false], [true, true, true, true], [true, true, true, true], [true, true, true, true]]> : tensor<6x4xi1>
  %all = arith.constant dense<true> : tensor<6x4xi1>
  %never = arith.constant dense<0xFF800000> : tensor<f32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x4xf32>) -> tensor<2x4x6x4xf32>
  %s0 = pipe.onnx_node "Where"(%all, %m, %never) opset 23 present [true, true, true] {} : (tensor<6x4xi1>, tensor<2x4x6x4xf32>, tensor<f32>) -> tensor<2x4x6x4xf32>
  %s = pipe.onnx_node "Where"(%keep, %s0, %never) opset 23 present [true, true, true] {} : (tensor<6x4xi1>, tensor<2x4x6x4xf32>, tensor<f32>) -> tensor<2x4x6x4xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x4xf32>) -> tensor<2x4x6x4xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x4xf32>, tensor<2x4x4x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// Masks that are made at run time are the bias, in the shape that they have.
// CHECK-LABEL: func.func @padding
// CHECK: %[[B:.*]] = linalg.generic {{.*}} outs({{.*}} : tensor<2x1x1x6xf32>)
// CHECK: pipe.attention bias ins({{.*}}, %[[B]] : {{.*}}, tensor<2x1x1x6xf32>)
// CHECK: pipe.attention bias ins({{.*}} : {{.*}}, tensor<2x1x6x6xf32>)
func.func @padding(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %mask: tensor<2x1x1x6xi1>, %added: tensor<2x1x6x6xf32>) -> (tensor<2x6x4x8xf32>, tensor<2x4x6x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %never = arith.constant dense<0xFF800000> : tensor<f32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s = pipe.onnx_node "Where"(%mask, %m, %never) opset 23 present [true, true, true] {} : (tensor<2x1x1x6xi1>, tensor<2x4x6x6xf32>, tensor<f32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  %m2 = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s2 = pipe.onnx_node "Add"(%m2, %added) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x1x6x6xf32>) -> tensor<2x4x6x6xf32>
  %p2 = pipe.onnx_node "Softmax"(%s2) opset 23 present [true] {axis = 3 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %o2 = pipe.onnx_node "MatMul"(%p2, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  return %o, %o2 : tensor<2x6x4x8xf32>, tensor<2x4x6x8xf32>
}

// A window that the padding is combined with, either way round, is the band.
// CHECK-LABEL: func.func @padding_and_window
// CHECK: pipe.attention left 1 right 0 bias ins({{.*}} : {{.*}}, tensor<2x1x1x6xf32>)
// CHECK: pipe.attention right 0 bias ins({{.*}} : {{.*}}, tensor<2x1x1x6xf32>)
func.func @padding_and_window(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %mask: tensor<2x1x1x6xi1>) -> (tensor<2x6x4x8xf32>, tensor<2x4x6x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %never = arith.constant dense<0xFF800000> : tensor<f32>
  %window = arith.constant dense<[[true, false, false, false, false, false], [true, true, false, false, false, false], [false, true, true, false, false, false], [false, false, true, true, false, false], [false, false, false, true, true, false], [false, false, false, false, true, true]]> : tensor<6x6xi1>
  %future = arith.constant dense<[[false, true, true, true, true, true], [false, false, true, true, true, true], [false, false, false, true, true, true], [false, false, false, false, true, true], [false, false, false, false, false, true], [false, false, false, false, false, false]]> : tensor<6x6xi1>
  %both = pipe.onnx_node "And"(%mask, %window) opset 23 present [true, true] {} : (tensor<2x1x1x6xi1>, tensor<6x6xi1>) -> tensor<2x1x6x6xi1>
  %either = pipe.onnx_node "Or"(%future, %mask) opset 23 present [true, true] {} : (tensor<6x6xi1>, tensor<2x1x1x6xi1>) -> tensor<2x1x6x6xi1>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s = pipe.onnx_node "Where"(%both, %m, %never) opset 23 present [true, true, true] {} : (tensor<2x1x6x6xi1>, tensor<2x4x6x6xf32>, tensor<f32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  %m2 = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s2 = pipe.onnx_node "Where"(%either, %never, %m2) opset 23 present [true, true, true] {} : (tensor<2x1x6x6xi1>, tensor<f32>, tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %p2 = pipe.onnx_node "Softmax"(%s2) opset 23 present [true] {axis = 3 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %o2 = pipe.onnx_node "MatMul"(%p2, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  return %o, %o2 : tensor<2x6x4x8xf32>, tensor<2x4x6x8xf32>
}

// A bias that depends on parameters alone leaves the band to the mask that was added to it.
// CHECK-LABEL: func.func @learned
// CHECK: %[[W:.*]] = pipe.get_parameter @bias
// CHECK: pipe.attention right 0 bias ins({{.*}}, %[[W]] :
func.func @learned(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>) -> tensor<2x6x4x8xf32> {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %w = pipe.get_parameter @bias : tensor<1x4x6x6xf32>
  %mask = arith.constant dense<[[0.0, -3.4028235e+38, -3.4028235e+38, -3.4028235e+38, -3.4028235e+38, -3.4028235e+38], [0.0, 0.0, -3.4028235e+38, -3.4028235e+38, -3.4028235e+38, -3.4028235e+38], [0.0, 0.0, 0.0, -3.4028235e+38, -3.4028235e+38, -3.4028235e+38], [0.0, 0.0, 0.0, 0.0, -3.4028235e+38, -3.4028235e+38], [0.0, 0.0, 0.0, 0.0, 0.0, -3.4028235e+38], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<6x6xf32>
  %sum = pipe.onnx_node "Add"(%w, %mask) opset 23 present [true, true] {} : (tensor<1x4x6x6xf32>, tensor<6x6xf32>) -> tensor<1x4x6x6xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s = pipe.onnx_node "Add"(%m, %sum) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<1x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// What is added after a finite mask may outweigh it, so that it stays a number; -infinity stays
// a band.
// CHECK-LABEL: func.func @outweighed
// CHECK: pipe.attention bias ins({{.*}}, tensor<2x1x6x6xf32>)
// CHECK: pipe.attention right 0 bias ins({{.*}}, tensor<2x1x1x6xf32>)
func.func @outweighed(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %added: tensor<2x1x1x6xf32>) -> (tensor<2x6x4x8xf32>, tensor<2x4x6x8xf32>) {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %mask = arith.constant dense<[[0.0, -1.0e+09, -1.0e+09, -1.0e+09, -1.0e+09, -1.0e+09], [0.0, 0.0, -1.0e+09, -1.0e+09, -1.0e+09, -1.0e+09], [0.0, 0.0, 0.0, -1.0e+09, -1.0e+09, -1.0e+09], [0.0, 0.0, 0.0, 0.0, -1.0e+09, -1.0e+09], [0.0, 0.0, 0.0, 0.0, 0.0, -1.0e+09], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<6x6xf32>
  %hard = arith.constant dense<[[0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0xFF800000, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0xFF800000, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0.0, 0xFF800000], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<6x6xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s0 = pipe.onnx_node "Add"(%m, %mask) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<6x6xf32>) -> tensor<2x4x6x6xf32>
  %s = pipe.onnx_node "Add"(%s0, %added) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x1x1x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  %m2 = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %s1 = pipe.onnx_node "Add"(%m2, %hard) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<6x6xf32>) -> tensor<2x4x6x6xf32>
  %s2 = pipe.onnx_node "Add"(%s1, %added) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x1x1x6xf32>) -> tensor<2x4x6x6xf32>
  %p2 = pipe.onnx_node "Softmax"(%s2) opset 23 present [true] {axis = 3 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %o2 = pipe.onnx_node "MatMul"(%p2, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  return %o, %o2 : tensor<2x6x4x8xf32>, tensor<2x4x6x8xf32>
}

// 50 tanh(s / 50); factors after a bias are factors of the bias, too.
// CHECK-LABEL: func.func @softcap
// CHECK: linalg.generic {{.*}} outs({{.*}} : tensor<1x4x1x6xf32>)
// CHECK: pipe.attention scale 5.000000e-01 softcap 2.500000e+01 bias ins(
func.func @softcap(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %added: tensor<1x4x1x6xf32>) -> tensor<2x6x4x8xf32> {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %half = arith.constant dense<0.5> : tensor<f32>
  %fifty = arith.constant dense<50.0> : tensor<f32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %d = pipe.onnx_node "Div"(%m, %fifty) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<f32>) -> tensor<2x4x6x6xf32>
  %t = pipe.onnx_node "Tanh"(%d) opset 23 present [true] {} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %c = pipe.onnx_node "Mul"(%t, %fifty) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<f32>) -> tensor<2x4x6x6xf32>
  %a = pipe.onnx_node "Add"(%c, %added) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<1x4x1x6xf32>) -> tensor<2x4x6x6xf32>
  %s = pipe.onnx_node "Mul"(%a, %half) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<f32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%s) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// Heads that are repeated, by Expand or by Gather, are not in memory.
// CHECK-LABEL: func.func @groups
// CHECK-SAME: (%[[Q:.*]]: tensor<2x6x4x8xf32>, %[[K:.*]]: tensor<2x6x2x8xf32>, %[[V:.*]]: tensor<2x6x2x8xf32>)
// CHECK: pipe.attention ins(%[[Q]], %[[K]], %[[V]] :
func.func @groups(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x2x8xf32>, %v: tensor<2x6x2x8xf32>) -> tensor<2x6x4x8xf32> {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %k2 = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x2x8xf32>) -> tensor<2x2x6x8xf32>
  %v2 = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x2x8xf32>) -> tensor<2x2x6x8xf32>
  %two = arith.constant dense<2> : tensor<1xi64>
  %five = arith.constant dense<[2, 2, 2, 6, 8]> : tensor<5xi64>
  %four = arith.constant dense<[2, 4, 6, 8]> : tensor<4xi64>
  %pairs = arith.constant dense<[0, 0, 1, 1]> : tensor<4xi64>
  %k5 = pipe.onnx_node "Unsqueeze"(%k2, %two) opset 23 present [true, true] {} : (tensor<2x2x6x8xf32>, tensor<1xi64>) -> tensor<2x2x1x6x8xf32>
  %k6 = pipe.onnx_node "Expand"(%k5, %five) opset 23 present [true, true] {} : (tensor<2x2x1x6x8xf32>, tensor<5xi64>) -> tensor<2x2x2x6x8xf32>
  %k7 = pipe.onnx_node "Reshape"(%k6, %four) opset 23 present [true, true] {allowzero = 1 : i64} : (tensor<2x2x2x6x8xf32>, tensor<4xi64>) -> tensor<2x4x6x8xf32>
  %vh = pipe.onnx_node "Gather"(%v2, %pairs) opset 23 present [true, true] {axis = 1 : i64} : (tensor<2x2x6x8xf32>, tensor<4xi64>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k7) opset 23 present [true] {perm = [0, 1, 3, 2]} : (tensor<2x4x6x8xf32>) -> tensor<2x4x8x6xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// A product that repeats one head for all.
// CHECK-LABEL: func.func @one_head_of_keys
// CHECK: pipe.attention ins({{.*}} : tensor<2x6x4x8xf32>, tensor<2x6x1x8xf32>, tensor<2x6x1x8xf32>)
func.func @one_head_of_keys(%q: tensor<2x6x4x8xf32>, %k: tensor<2x1x8x6xf32>, %v: tensor<2x1x6x8xf32>) -> tensor<2x6x4x8xf32> {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %k) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x1x8x6xf32>) -> tensor<2x4x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %v) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x1x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// Batch and heads in one dimension, told apart where the mask is added.
// CHECK-LABEL: func.func @merged
// CHECK-SAME: (%[[Q:.*]]: tensor<2x6x4x8xf32>, %[[K:.*]]: tensor<2x6x4x8xf32>, %[[V:.*]]: tensor<2x6x4x8xf32>, %[[B:.*]]: tensor<2x1x6x6xf32>)
// CHECK: %[[O:.*]]:2 = pipe.attention bias ins(%[[Q]], %[[K]], %[[V]], %[[B]] :
// CHECK: return %[[O]]#0
func.func @merged(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>, %added: tensor<2x1x6x6xf32>) -> tensor<2x6x4x8xf32> {
  %three = arith.constant dense<[8, 6, 8]> : tensor<3xi64>
  %scores3 = arith.constant dense<[8, 6, 6]> : tensor<3xi64>
  %scores4 = arith.constant dense<[2, 4, 6, 6]> : tensor<4xi64>
  %four = arith.constant dense<[2, 4, 6, 8]> : tensor<4xi64>
  %q4 = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %q3 = pipe.onnx_node "Reshape"(%q4, %three) opset 23 present [true, true] {allowzero = 1 : i64} : (tensor<2x4x6x8xf32>, tensor<3xi64>) -> tensor<8x6x8xf32>
  %k4 = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %k3 = pipe.onnx_node "Reshape"(%k4, %three) opset 23 present [true, true] {allowzero = 1 : i64} : (tensor<2x4x6x8xf32>, tensor<3xi64>) -> tensor<8x6x8xf32>
  %v4 = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %v3 = pipe.onnx_node "Reshape"(%v4, %three) opset 23 present [true, true] {allowzero = 1 : i64} : (tensor<2x4x6x8xf32>, tensor<3xi64>) -> tensor<8x6x8xf32>
  %kt = pipe.onnx_node "Transpose"(%k3) opset 23 present [true] {perm = [0, 2, 1]} : (tensor<8x6x8xf32>) -> tensor<8x8x6xf32>
  %m = pipe.onnx_node "MatMul"(%q3, %kt) opset 23 present [true, true] {} : (tensor<8x6x8xf32>, tensor<8x8x6xf32>) -> tensor<8x6x6xf32>
  %m4 = pipe.onnx_node "Reshape"(%m, %scores4) opset 23 present [true, true] {allowzero = 1 : i64} : (tensor<8x6x6xf32>, tensor<4xi64>) -> tensor<2x4x6x6xf32>
  %a = pipe.onnx_node "Add"(%m4, %added) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x1x6x6xf32>) -> tensor<2x4x6x6xf32>
  %a3 = pipe.onnx_node "Reshape"(%a, %scores3) opset 23 present [true, true] {allowzero = 1 : i64} : (tensor<2x4x6x6xf32>, tensor<3xi64>) -> tensor<8x6x6xf32>
  %p = pipe.onnx_node "Softmax"(%a3) opset 23 present [true] {axis = -1 : i64} : (tensor<8x6x6xf32>) -> tensor<8x6x6xf32>
  %o3 = pipe.onnx_node "MatMul"(%p, %v3) opset 23 present [true, true] {} : (tensor<8x6x6xf32>, tensor<8x6x8xf32>) -> tensor<8x6x8xf32>
  %o4 = pipe.onnx_node "Reshape"(%o3, %four) opset 23 present [true, true] {allowzero = 1 : i64} : (tensor<8x6x8xf32>, tensor<4xi64>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%o4) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}

// Three dimensions are one head, two are one batch.
// CHECK-LABEL: func.func @single_head
// CHECK: pipe.attention ins({{.*}} : tensor<2x6x1x8xf32>, tensor<2x5x1x8xf32>, tensor<2x5x1x8xf32>)
// CHECK: pipe.attention ins({{.*}} : tensor<1x6x1x8xf32>, tensor<1x5x1x8xf32>, tensor<1x5x1x8xf32>)
func.func @single_head(%q: tensor<2x6x8xf32>, %k: tensor<2x8x5xf32>, %v: tensor<2x5x8xf32>, %q2: tensor<6x8xf32>, %k2: tensor<8x5xf32>, %v2: tensor<5x8xf32>) -> (tensor<2x6x8xf32>, tensor<6x8xf32>) {
  %m = pipe.onnx_node "MatMul"(%q, %k) opset 23 present [true, true] {} : (tensor<2x6x8xf32>, tensor<2x8x5xf32>) -> tensor<2x6x5xf32>
  %p = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x6x5xf32>) -> tensor<2x6x5xf32>
  %o = pipe.onnx_node "MatMul"(%p, %v) opset 23 present [true, true] {} : (tensor<2x6x5xf32>, tensor<2x5x8xf32>) -> tensor<2x6x8xf32>
  %m2 = pipe.onnx_node "MatMul"(%q2, %k2) opset 23 present [true, true] {} : (tensor<6x8xf32>, tensor<8x5xf32>) -> tensor<6x5xf32>
  %p2 = pipe.onnx_node "Softmax"(%m2) opset 23 present [true] {axis = -1 : i64} : (tensor<6x5xf32>) -> tensor<6x5xf32>
  %o2 = pipe.onnx_node "MatMul"(%p2, %v2) opset 23 present [true, true] {} : (tensor<6x5xf32>, tensor<5x8xf32>) -> tensor<6x8xf32>
  return %o, %o2 : tensor<2x6x8xf32>, tensor<6x8xf32>
}

// The dropout of the probabilities draws the same mask here.
// CHECK-LABEL: func.func @dropout
// CHECK: %[[KEY:.*]] = pipe.dropout_key 3
// CHECK-NOT: pipe.dropout
// CHECK: pipe.attention dropout 1.000000e-01 ins({{.*}}, %[[KEY]] :
func.func @dropout(%q: tensor<2x6x4x8xf32>, %k: tensor<2x6x4x8xf32>, %v: tensor<2x6x4x8xf32>) -> tensor<2x6x4x8xf32> {
  %qh = pipe.onnx_node "Transpose"(%q) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %kh = pipe.onnx_node "Transpose"(%k) opset 23 present [true] {perm = [0, 2, 3, 1]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x8x6xf32>
  %vh = pipe.onnx_node "Transpose"(%v) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x6x4x8xf32>) -> tensor<2x4x6x8xf32>
  %m = pipe.onnx_node "MatMul"(%qh, %kh) opset 23 present [true, true] {} : (tensor<2x4x6x8xf32>, tensor<2x4x8x6xf32>) -> tensor<2x4x6x6xf32>
  %p0 = pipe.onnx_node "Softmax"(%m) opset 23 present [true] {axis = -1 : i64} : (tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %key = pipe.dropout_key 3 : tensor<i64>
  %e = tensor.empty() : tensor<2x4x6x6xf32>
  %p = pipe.dropout ratio 0.1 ins(%p0, %key : tensor<2x4x6x6xf32>, tensor<i64>) outs(%e : tensor<2x4x6x6xf32>) -> tensor<2x4x6x6xf32>
  %oh = pipe.onnx_node "MatMul"(%p, %vh) opset 23 present [true, true] {} : (tensor<2x4x6x6xf32>, tensor<2x4x6x8xf32>) -> tensor<2x4x6x8xf32>
  %o = pipe.onnx_node "Transpose"(%oh) opset 23 present [true] {perm = [0, 2, 1, 3]} : (tensor<2x4x6x8xf32>) -> tensor<2x6x4x8xf32>
  return %o : tensor<2x6x4x8xf32>
}
