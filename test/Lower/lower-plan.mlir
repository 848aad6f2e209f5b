// RUN: bitpipe-opt %s --pipe-lower-training --pipe-lower-stages --pipe-lower-plan | FileCheck %s

// A model of two linear layers on two devices, from stages and plan to programs.

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#km = affine_map<(m, n, k) -> (k, m)>
#id2 = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (j)>

pipe.model @forward inputs ["x", "labels"] outputs ["loss"] loss "labels" ignore_index -100 bounds [-1, 8]
pipe.parameter @w0 : tensor<16x32xf32> trainable value dense<0.5> : tensor<16x32xf32>
pipe.parameter @b0 : tensor<32xf32> trainable value dense<0.0> : tensor<32xf32>
pipe.parameter @w1 : tensor<32x8xf32> trainable value dense<0.25> : tensor<32x8xf32>

// x w0 + b0, then a rectifier.
func.func @s0_forward(%x: tensor<4x16xf32>, %w: tensor<16x32xf32>, %b: tensor<32xf32>) -> (tensor<4x32xf32>, tensor<4x16xf32>, tensor<4x32xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x32xf32>
  %bias = linalg.generic {indexing_maps = [#row, #id2], iterator_types = ["parallel", "parallel"]}
    ins(%b : tensor<32xf32>) outs(%e : tensor<4x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<4x32xf32>
  %h = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<4x16xf32>, tensor<16x32xf32>) outs(%bias : tensor<4x32xf32>) {
  ^bb0(%a: f32, %c: f32, %acc: f32):
    %p = arith.mulf %a, %c : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x32xf32>
  %y = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]}
    ins(%h : tensor<4x32xf32>) outs(%e : tensor<4x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    %r = arith.maximumf %in, %zero : f32
    linalg.yield %r : f32
  } -> tensor<4x32xf32>
  return %y, %x, %y : tensor<4x32xf32>, tensor<4x16xf32>, tensor<4x32xf32>
}

func.func @s0_input_gradient(%dy: tensor<4x32xf32>, %x: tensor<4x16xf32>, %y: tensor<4x32xf32>, %w: tensor<16x32xf32>, %b: tensor<32xf32>) -> (tensor<4x16xf32>, tensor<4x32xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x32xf32>
  %dh = linalg.generic {indexing_maps = [#id2, #id2, #id2], iterator_types = ["parallel", "parallel"]}
    ins(%dy, %y : tensor<4x32xf32>, tensor<4x32xf32>) outs(%e : tensor<4x32xf32>) {
  ^bb0(%d: f32, %v: f32, %out: f32):
    %c = arith.cmpf ogt, %v, %zero : f32
    %r = arith.select %c, %d, %zero : f32
    linalg.yield %r : f32
  } -> tensor<4x32xf32>
  return %x, %dh : tensor<4x16xf32>, tensor<4x32xf32>
}

func.func @s0_weight_gradient(%x: tensor<4x16xf32>, %dh: tensor<4x32xf32>, %gw: tensor<16x32xf32>, %gb: tensor<32xf32>) -> (tensor<16x32xf32>, tensor<32xf32>) {
  %dw = linalg.generic {indexing_maps = [#km, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %dh : tensor<4x16xf32>, tensor<4x32xf32>) outs(%gw : tensor<16x32xf32>) {
  ^bb0(%a: f32, %c: f32, %acc: f32):
    %p = arith.mulf %a, %c : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<16x32xf32>
  %db = linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["reduction", "parallel"]}
    ins(%dh : tensor<4x32xf32>) outs(%gb : tensor<32xf32>) {
  ^bb0(%d: f32, %acc: f32):
    %s = arith.addf %acc, %d : f32
    linalg.yield %s : f32
  } -> tensor<32xf32>
  return %dw, %db : tensor<16x32xf32>, tensor<32xf32>
}

// The loss of y w1 against the labels.
func.func @s1_forward(%y: tensor<4x32xf32>, %labels: tensor<4xi64>, %w: tensor<32x8xf32>) -> (tensor<f32>, tensor<4x32xf32>, tensor<4x8xf32>, tensor<4xi64>, tensor<4xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %z = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%y, %w : tensor<4x32xf32>, tensor<32x8xf32>) outs(%f : tensor<4x8xf32>) {
  ^bb0(%a: f32, %c: f32, %acc: f32):
    %p = arith.mulf %a, %c : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x8xf32>
  %l = tensor.empty() : tensor<f32>
  %r = tensor.empty() : tensor<4xf32>
  %loss, %lse = pipe.cross_entropy ins(%z, %labels : tensor<4x8xf32>, tensor<4xi64>) outs(%l, %r : tensor<f32>, tensor<4xf32>) -> tensor<f32>, tensor<4xf32>
  return %loss, %y, %z, %labels, %lse : tensor<f32>, tensor<4x32xf32>, tensor<4x8xf32>, tensor<4xi64>, tensor<4xf32>
}

func.func @s1_input_gradient(%dloss: tensor<f32>, %y: tensor<4x32xf32>, %z: tensor<4x8xf32>, %labels: tensor<4xi64>, %lse: tensor<4xf32>, %w: tensor<32x8xf32>) -> (tensor<4x32xf32>, tensor<4x32xf32>, tensor<4x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %dz = pipe.cross_entropy_grad ins(%dloss, %z, %labels, %lse : tensor<f32>, tensor<4x8xf32>, tensor<4xi64>, tensor<4xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %ey = tensor.empty() : tensor<4x32xf32>
  %f = linalg.fill ins(%zero : f32) outs(%ey : tensor<4x32xf32>) -> tensor<4x32xf32>
  %dy = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%dz, %w : tensor<4x8xf32>, tensor<32x8xf32>) outs(%f : tensor<4x32xf32>) {
  ^bb0(%a: f32, %c: f32, %acc: f32):
    %p = arith.mulf %a, %c : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x32xf32>
  return %dy, %y, %dz : tensor<4x32xf32>, tensor<4x32xf32>, tensor<4x8xf32>
}

func.func @s1_weight_gradient(%y: tensor<4x32xf32>, %dz: tensor<4x8xf32>, %gw: tensor<32x8xf32>) -> tensor<32x8xf32> {
  %dw = linalg.generic {indexing_maps = [#km, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%y, %dz : tensor<4x32xf32>, tensor<4x8xf32>) outs(%gw : tensor<32x8xf32>) {
  ^bb0(%a: f32, %c: f32, %acc: f32):
    %p = arith.mulf %a, %c : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<32x8xf32>
  return %dw : tensor<32x8xf32>
}

pipe.stage 0 forward @s0_forward input_gradient @s0_input_gradient weight_gradient @s0_weight_gradient
  inputs ["x"] parameters [@w0, @b0] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.stage 1 forward @s1_forward input_gradient @s1_input_gradient weight_gradient @s1_weight_gradient
  inputs ["labels"] parameters [@w1] carried_in [true] carried_out [true] cost [1.0, 1.0, 1.0]

pipe.plan @plan schedule "gpipe" devices 2 microbatches 2 {
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
    pipe.run B stage 1 mb 0
    pipe.send B stage 1 mb 0 to 0
    pipe.run B stage 1 mb 1
    pipe.send B stage 1 mb 1 to 0
    pipe.update stages [1]
  }
}

// The bias comes from the init, the rectifier works in place.
// CHECK: pipe.routine @s0_forward blocks [512, 256, 2176] roles ["carried_out", "input 0", "weights 0"]
// CHECK-NEXT: pipe.matmul <1, 0> [16, 1] by <2, 0> [32, 1] into <0, 0> [32, 1] sizes [4, 32, 16] bias <2, 2048>
// CHECK-NEXT: pipe.kernel "elementwise_0" [#pipe.ref<0, 0>]

// What device 0 sends is saved too, so it is no handover; what device 1 sends is.
// CHECK: pipe.program device 0 arena 10752
// CHECK: pipe.slot 6 "message" size 512 offset 8704
// CHECK: pipe.resident "w0" : tensor<16x32xf32> slot 0 offset 0 trainable owner
// CHECK: pipe.execute F stage 0 mb 0 @s0_forward [6, 4, 0]
// CHECK-NEXT: pipe.transmit F stage 0 mb 0 to 1 slot 6{{$}}
// CHECK: pipe.grad_norm [1]
// CHECK-NEXT: pipe.step stages [0] elements 544 weights 0 gradients 1 moments 2 3
// CHECK: pipe.program device 1
// CHECK: pipe.execute I stage 1 mb 0 @s1_input_gradient
// CHECK-NEXT: pipe.transmit B stage 1 mb 0 to 0 slot 11 handover
// CHECK-NEXT: pipe.execute W stage 1 mb 0 @s1_weight_gradient
