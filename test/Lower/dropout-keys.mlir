// RUN: bitpipe-opt %s --pipe-lower-training --pipe-lower-stages --pipe-lower-plan | FileCheck %s

// Two stages that differ in their dropouts share their routines. Forward and
// gradient of a micro-batch are bound to one slot with the key, which is
// neither saved nor sent.

pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches" bounds [-1]
pipe.parameter @w : tensor<4x16xf32> trainable value dense<0.5> : tensor<4x16xf32>

func.func @first(%x: tensor<4x16xf32>, %w: tensor<4x16xf32>) -> (tensor<4x16xf32>, tensor<4x16xf32>) {
  %e = tensor.empty() : tensor<4x16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %w : tensor<4x16xf32>, tensor<4x16xf32>) outs(%e : tensor<4x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    linalg.yield %p : f32
  } -> tensor<4x16xf32>
  return %y, %x : tensor<4x16xf32>, tensor<4x16xf32>
}
func.func @first_input_gradient(%dy: tensor<4x16xf32>, %x: tensor<4x16xf32>, %w: tensor<4x16xf32>) -> (tensor<4x16xf32>, tensor<4x16xf32>) {
  return %dy, %x : tensor<4x16xf32>, tensor<4x16xf32>
}
func.func @first_weight_gradient(%dy: tensor<4x16xf32>, %x: tensor<4x16xf32>, %g: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x, %dy : tensor<4x16xf32>, tensor<4x16xf32>) outs(%g : tensor<4x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %p, %o : f32
    linalg.yield %s : f32
  } -> tensor<4x16xf32>
  return %y : tensor<4x16xf32>
}
func.func @drop(%x: tensor<4x16xf32>, %key: tensor<i64>) -> (tensor<4x16xf32>, tensor<i64>) {
  %e = tensor.empty() : tensor<4x16xf32>
  %y = pipe.dropout ratio 0.5 ins(%x, %key : tensor<4x16xf32>, tensor<i64>) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %y, %key : tensor<4x16xf32>, tensor<i64>
}
func.func @drop_input_gradient(%dy: tensor<4x16xf32>, %key: tensor<i64>) -> tensor<4x16xf32> {
  %e = tensor.empty() : tensor<4x16xf32>
  %dx = pipe.dropout ratio 0.5 ins(%dy, %key : tensor<4x16xf32>, tensor<i64>) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %dx : tensor<4x16xf32>
}
func.func @sum(%x: tensor<4x16xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> ()>], iterator_types = ["reduction", "reduction"]}
      ins(%x : tensor<4x16xf32>) outs(%i : tensor<f32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<f32>
  return %y : tensor<f32>
}
func.func @sum_input_gradient(%d: tensor<f32>) -> tensor<4x16xf32> {
  %e = tensor.empty() : tensor<4x16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> ()>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%d : tensor<f32>) outs(%e : tensor<4x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<4x16xf32>
  return %y : tensor<4x16xf32>
}

pipe.stage 0 forward @first input_gradient @first_input_gradient weight_gradient @first_weight_gradient
  inputs ["x"] parameters [@w] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 1 forward @drop input_gradient @drop_input_gradient
  inputs [] dropouts [6] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 0.0]
pipe.stage 2 forward @drop input_gradient @drop_input_gradient
  inputs [] dropouts [9] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 0.0]
pipe.stage 3 forward @sum input_gradient @sum_input_gradient
  inputs [] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 0.0]

pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
  pipe.route devices [0, 0, 0, 0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 1 mb 0
    pipe.run F stage 2 mb 0
    pipe.run F stage 3 mb 0
    pipe.run B stage 3 mb 0
    pipe.run B stage 2 mb 0
    pipe.run B stage 1 mb 0
    pipe.run B stage 0 mb 0
    pipe.update stages [0]
  }
}

// CHECK: pipe.routine @drop blocks [256, 256, 8] roles ["carried_in", "carried_out", "key 0"] writes [false, true, false]
// CHECK-NEXT: pipe.kernel "dropout_[[NUMBER:[0-9]+]]"
// CHECK: pipe.routine @drop_input_gradient blocks [256, 256, 8] roles ["d_carried_out", "d_carried_in", "key 0"]
// CHECK-NEXT: pipe.kernel "dropout_[[NUMBER]]"
// CHECK: pipe.slot [[FIRST:[0-9]+]] "key" size 8 dropout 6 mb 0
// CHECK: pipe.slot [[SECOND:[0-9]+]] "key" size 8 dropout 9 mb 0
// CHECK: pipe.execute F stage 1 mb 0 @drop [{{[0-9]+, [0-9]+}}, [[FIRST]]]
// CHECK: pipe.execute F stage 2 mb 0 @drop [{{[0-9]+, [0-9]+}}, [[SECOND]]]
// CHECK: pipe.execute I stage 2 mb 0 @drop_input_gradient [{{[0-9]+, [0-9]+}}, [[SECOND]]]
// CHECK: pipe.execute I stage 1 mb 0 @drop_input_gradient [{{[0-9]+, [0-9]+}}, [[FIRST]]]
