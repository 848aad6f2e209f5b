// RUN: bitpipe-opt %s --pipe-check-nodes | FileCheck %s

// Nothing is changed.
// CHECK: pipe.onnx_node "Relu"(%{{.*}}) opset 13
func.func @supported(%x: tensor<2x4xf32>) -> !pipe.unknown {
  %0 = pipe.onnx_node "Relu"(%x) opset 13 present [true] {} : (tensor<2x4xf32>) -> !pipe.unknown
  return %0 : !pipe.unknown
}
