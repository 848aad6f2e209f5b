// RUN: bitpipe-opt %s --pipe-split-forward --pipe-lower-training --pipe-lower-stages --pipe-lower-plan | FileCheck %s

// Two stages on two devices, of which the second recomputes. Its forward writes the loss
// alone; its recomputation reads what has come and writes what the gradient reads. What
// has come lives until then, in a slot for each micro-batch.

#id = affine_map<(i) -> (i)>

pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches" bounds [-1]
func.func @f(%x: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %e = tensor.empty() : tensor<64xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xf32>) outs(%e : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.exp %in : f32
    linalg.yield %0 : f32
  } -> tensor<64xf32>
  return %y, %y : tensor<64xf32>, tensor<64xf32>
}
func.func @f_input_gradient(%dy: tensor<64xf32>, %y: tensor<64xf32>) {
  return
}
func.func @g(%x: tensor<64xf32>) -> (tensor<f32>, tensor<64xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<64xf32>
  %s = tensor.empty() : tensor<f32>
  %z = linalg.fill ins(%zero : f32) outs(%s : tensor<f32>) -> tensor<f32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xf32>) outs(%e : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.exp %in : f32
    linalg.yield %0 : f32
  } -> tensor<64xf32>
  %l = linalg.generic {indexing_maps = [#id, affine_map<(i) -> ()>], iterator_types = ["reduction"]} ins(%y : tensor<64xf32>) outs(%z : tensor<f32>) {
  ^bb0(%in: f32, %acc: f32):
    %0 = arith.addf %in, %acc : f32
    linalg.yield %0 : f32
  } -> tensor<f32>
  return %l, %y : tensor<f32>, tensor<64xf32>
}
func.func @g_input_gradient(%d: tensor<f32>, %y: tensor<64xf32>) -> tensor<64xf32> {
  %e = tensor.empty() : tensor<64xf32>
  %dx = linalg.generic {indexing_maps = [affine_map<(i) -> ()>, #id, #id], iterator_types = ["parallel"]} ins(%d, %y : tensor<f32>, tensor<64xf32>) outs(%e : tensor<64xf32>) {
  ^bb0(%s: f32, %in: f32, %out: f32):
    %0 = arith.mulf %s, %in : f32
    linalg.yield %0 : f32
  } -> tensor<64xf32>
  return %dx : tensor<64xf32>
}
pipe.stage 0 forward @f input_gradient @f_input_gradient inputs ["x"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 1 forward @g input_gradient @g_input_gradient inputs [] parameters [] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.plan @plan schedule "by hand" devices 2 microbatches 2 {
  pipe.route devices [0, 1] microbatches [0, 1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.run B stage 0 mb 0
    pipe.recv B stage 1 mb 1 from 1
    pipe.run B stage 0 mb 1
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.recv F stage 0 mb 1 from 0
    pipe.run F stage 1 mb 1
    pipe.run R stage 1 mb 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.run R stage 1 mb 1
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.update stages [1]
  }
}

// CHECK: pipe.routine @g_forward blocks [256, 4, 256] roles ["carried_in", "loss", "scratch"]
// CHECK: pipe.routine @g_recompute blocks [256, 256] roles ["carried_in", "saved"]
// CHECK: pipe.routine @g_input_gradient blocks [256, 256, 4] roles ["saved", "d_carried_in", "seed"]
// CHECK: pipe.program device 1
// CHECK-DAG: pipe.slot [[IN0:[0-9]+]] "message" size 256
// CHECK:     pipe.receive F stage 0 mb 0 from 0 slot [[A:[0-9]+]]
// CHECK:     pipe.execute F stage 1 mb 0 @g_forward [[[A]], {{[0-9]+}}, {{[0-9]+}}]
// CHECK:     pipe.receive F stage 0 mb 1 from 0 slot [[B:[0-9]+]]
// CHECK:     pipe.execute F stage 1 mb 1 @g_forward [[[B]], {{[0-9]+}}, {{[0-9]+}}]
// CHECK:     pipe.execute R stage 1 mb 0 @g_recompute [[[A]], [[S:[0-9]+]]]
// CHECK:     pipe.execute I stage 1 mb 0 @g_input_gradient [[[S]],
// CHECK:     pipe.execute R stage 1 mb 1 @g_recompute [[[B]], [[T:[0-9]+]]]
// CHECK:     pipe.execute I stage 1 mb 1 @g_input_gradient [[[T]],
