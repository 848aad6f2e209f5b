// RUN: bitpipe-opt %s --pipe-check-plan --pipe-lower-training --pipe-lower-stages --pipe-lower-plan | FileCheck %s

// What the first stage saves of micro-batch 0 is evicted beside the forward of micro-batch 2, kept
// on device 1, and comes back to a slot of its own. What it leaves is free behind that forward:
// the slot of micro-batch 2 is another one, that of what comes back may be the same.

#id = affine_map<(i) -> (i)>

pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches" bounds [-1]
func.func @f(%x: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %e = tensor.empty() : tensor<64xf32>
  %d = tensor.empty() : tensor<64xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xf32>) outs(%e : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.exp %in : f32
    linalg.yield %0 : f32
  } -> tensor<64xf32>
  %z = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<64xf32>) outs(%d : tensor<64xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = math.tanh %in : f32
    linalg.yield %0 : f32
  } -> tensor<64xf32>
  return %y, %z : tensor<64xf32>, tensor<64xf32>
}
func.func @f_input_gradient(%dy: tensor<64xf32>, %z: tensor<64xf32>) {
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
pipe.plan @plan schedule "by hand" devices 2 microbatches 3 {
  pipe.route devices [0, 1] microbatches [0, 1, 2]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 1
    pipe.send F stage 0 mb 1 to 1
    pipe.send E stage 0 mb 0 to 1
    pipe.run F stage 0 mb 2
    pipe.send F stage 0 mb 2 to 1
    pipe.recv B stage 1 mb 0 from 1
    pipe.recv G stage 0 mb 0 from 1
    pipe.run B stage 0 mb 0
    pipe.recv B stage 1 mb 1 from 1
    pipe.run B stage 0 mb 1
    pipe.recv B stage 1 mb 2 from 1
    pipe.run B stage 0 mb 2
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.recv F stage 0 mb 0 from 0
    pipe.run F stage 1 mb 0
    pipe.recv F stage 0 mb 1 from 0
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.recv E stage 0 mb 0 from 0
    pipe.run F stage 1 mb 1
    pipe.recv F stage 0 mb 2 from 0
    pipe.send G stage 0 mb 0 to 0
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.run F stage 1 mb 2
    pipe.run B stage 1 mb 2
    pipe.send B stage 1 mb 2 to 0
    pipe.update stages [1]
  }
}

// CHECK: pipe.routine @f blocks [256, 256, 256] roles ["carried_out", "saved", "input 0"]
// CHECK: pipe.program device 0 arena 1536
// CHECK: pipe.slot [[S:[0-9]+]] "arena" size 256 offset [[AT:[0-9]+]] name "saved 0" mb 0
// CHECK: pipe.slot [[T:[0-9]+]] "arena" size 256 offset {{[0-9]+}} name "saved 0" mb 1
// CHECK: pipe.slot [[U:[0-9]+]] "arena" size 256 offset {{[0-9]+}} name "saved 0" mb 2
// CHECK: pipe.slot [[L:[0-9]+]] "arena" size 256 offset [[AT]] name "saved 0" mb 0
// CHECK: pipe.execute F stage 0 mb 0 @f [{{[0-9]+}}, [[S]], {{[0-9]+}}]
// CHECK: pipe.execute F stage 0 mb 1 @f [{{[0-9]+}}, [[T]], {{[0-9]+}}]
// CHECK: pipe.transmit E stage 0 mb 0 to 1 slot [[S]]{{$}}
// CHECK: pipe.execute F stage 0 mb 2 @f [{{[0-9]+}}, [[U]], {{[0-9]+}}]
// CHECK: pipe.receive G stage 0 mb 0 from 1 slot [[L]]
// CHECK: pipe.execute I stage 0 mb 0
// CHECK: pipe.program device 1
// CHECK: pipe.slot [[K:[0-9]+]] "arena" size 256 offset {{[0-9]+}} name "saved 0" mb 0
// CHECK: pipe.receive E stage 0 mb 0 from 0 slot [[K]]
// CHECK: pipe.transmit G stage 0 mb 0 to 0 slot [[K]]{{$}}
