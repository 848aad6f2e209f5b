// RUN: bitpipe-opt %s --pipe-lower-training=optimizer=sgd | FileCheck %s

// The types of inputs come from the stages; nobody reads "unused".

pipe.model @forward inputs ["x", "unused", "labels"] outputs ["loss"] loss "labels" ignore_index -1 bounds [-1, 7, 8]
func.func @f0(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  return %x : tensor<4x8xf32>
}
func.func @f1(%y: tensor<4x8xf32>, %labels: tensor<4xi64>) -> tensor<f32> {
  %zero = arith.constant dense<0.0> : tensor<f32>
  return %zero : tensor<f32>
}
pipe.stage 0 forward @f0 inputs ["x"] parameters [] carried_in [] carried_out [false] cost [0.0, 0.0, 0.0]
pipe.stage 1 forward @f1 inputs ["labels"] parameters [] carried_in [false] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 2 microbatches 4 {
}

// CHECK-NOT: pipe.model
// CHECK: pipe.training {bounds = array<i64: -1, 8>, devices = 2 : i64, ignore_index = -1 : i64,
// CHECK-SAME: inputs = ["x", "labels"]
// CHECK-SAME: labels = "labels", loss = "labels", microbatches = 4 : i64, optimizer = "sgd", target = "cpu"
// CHECK-SAME: types = [tensor<4x8xf32>, tensor<4xi64>], version = 5
