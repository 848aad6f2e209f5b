// RUN: bitpipe-opt %s | bitpipe-opt | FileCheck %s

// Every level prints what it parses.

pipe.model @forward inputs ["a"] outputs ["b"]
pipe.parameter @"h.0.w" : tensor<4xf32> trainable file "x.onnx" offset 16
func.func @f(%x: tensor<2x4xf32>, %n: !pipe.unknown) -> tensor<2x4xf32> {
  %0 = tensor.empty() : tensor<2x4xf32>
  %w = pipe.get_parameter @"h.0.w" : tensor<4xf32>
  %1 = pipe.softmax scale 0.125 causal ins(%x : tensor<2x4xf32>) outs(%0 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = pipe.softmax_grad ins(%x, %1 : tensor<2x4xf32>, tensor<2x4xf32>) outs(%0 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = pipe.onnx_node "Gemm"(%x, %n) opset 18 present [true, false, true] {alpha = 1.0 : f32} : (tensor<2x4xf32>, !pipe.unknown) -> !pipe.unknown
  %key = pipe.dropout_key 7 : tensor<i64>
  %4 = pipe.dropout ratio 0.25 ins(%x, %key : tensor<2x4xf32>, tensor<i64>) outs(%0 : tensor<2x4xf32>) -> tensor<2x4xf32>
  %5 = pipe.detach %n : !pipe.unknown
  return %2 : tensor<2x4xf32>
}
pipe.stage 0 forward @f inputs ["x"] dropouts [7] parameters [@w] carried_in [] carried_out [true] cost [1.0, 2.0, 3.0]
pipe.plan @p schedule "gpipe" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.send F stage 0 mb 0 to 1
    pipe.update stages [0]
  }
}
pipe.routine @r blocks [128, 64] {
  pipe.kernel "k0" [#pipe.ref<0, 0>, #pipe.ref<1, 16>]
  pipe.matmul <0, 0> [4, 1] by <0, 64> [4, 1] into <1, 0> [4, 1] sizes [4, 4, 4] bias <0, 1> alpha 2.0 accumulate
  pipe.matmul <0, 0> [4, 1] by <0, 64> [4, 1] into <1, 0> [4, 1] sizes [4, 4, 4] types [bf16, bf16, f32]
  pipe.matmul <0, 0> [1, 4] by <0, 64> [4, 1] into <1, 0> [4, 1] sizes [4, 4, 4] accumulate bias_gradient <1, 64>
  pipe.matmul <0, 0> [1, 4] by <0, 64> [4, 1] into <1, 0> [4, 1] sizes [4, 4, 4] bias_gradient <1, 64> of_a types [bf16, bf16, f32]
}
pipe.gpu_kernel @sum extents [128, 64] bytes 192 entries ["partial", "total"] grids [8, 1] blocks [256, 64] shared [1024, 0] scratch 2048
pipe.program device 0 arena 1024 {
  pipe.slot 0 "arena" size 128 offset 0
  pipe.slot 1 "input" size 64 name "ids" mb 0
  pipe.slot 2 "key" size 8 dropout 7 mb 3
  pipe.slot 3 "working" size 32 offset 128
  pipe.resident "w" : tensor<4x4xf32> slot 0 offset 64 trainable owner working 3 0
  pipe.execute F stage 0 mb 0 @r [0, 1]
  pipe.transmit F stage 0 mb 0 to 1 slot 1 handover
  pipe.step stages [0] elements 12 weights 0 gradients 1 moments 2 3
  pipe.step stages [1] elements 12 weights 0 gradients 1 moments 2 3 working 3 8
}

// CHECK: pipe.model @forward inputs ["a"] outputs ["b"]
// CHECK: pipe.parameter @h.0.w : tensor<4xf32> trainable file "x.onnx" offset 16
// CHECK: pipe.softmax scale 1.250000e-01 causal ins(
// CHECK: pipe.onnx_node "Gemm"({{.*}}) opset 18 present [true, false, true] {alpha = 1.000000e+00 : f32}
// CHECK: pipe.dropout_key 7 : tensor<i64>
// CHECK: pipe.dropout ratio 2.500000e-01 ins(
// CHECK: pipe.detach %{{.*}} : !pipe.unknown
// CHECK: pipe.stage 0 forward @f inputs ["x"] dropouts [7] parameters
// CHECK: pipe.plan @p schedule "gpipe" devices 1 microbatches 1
// CHECK: pipe.send F stage 0 mb 0 to 1
// CHECK: pipe.matmul <0, 0> [4, 1] by <0, 64> [4, 1] into <1, 0> [4, 1] sizes [4, 4, 4] bias <0, 1> alpha 2.000000e+00 accumulate
// CHECK: pipe.matmul {{.*}} sizes [4, 4, 4] types [bf16, bf16, f32]
// CHECK: pipe.matmul {{.*}} sizes [4, 4, 4] accumulate bias_gradient <1, 64>{{$}}
// CHECK: pipe.matmul {{.*}} sizes [4, 4, 4] bias_gradient <1, 64> of_a types [bf16, bf16, f32]
// CHECK: pipe.gpu_kernel @sum extents [128, 64] bytes 192 entries ["partial", "total"] grids [8, 1] blocks [256, 64] shared [1024, 0] scratch 2048
// CHECK: pipe.program device 0 arena 1024
// CHECK: pipe.slot 2 "key" size 8 dropout 7 mb 3
// CHECK: pipe.slot 3 "working" size 32 offset 128
// CHECK: pipe.resident "w" : tensor<4x4xf32> slot 0 offset 64 trainable owner working 3 0
// CHECK: pipe.transmit F stage 0 mb 0 to 1 slot 1 handover
// CHECK: pipe.step stages [0] elements 12 weights 0 gradients 1 moments 2 3
// CHECK: pipe.step stages [1] elements 12 weights 0 gradients 1 moments 2 3 working 3 8
