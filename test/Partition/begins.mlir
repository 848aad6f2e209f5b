// A division that is given by the first node of every stage, and what is none.
// RUN: bitpipe-opt %s --pipe-partition="stages=2 begins=0,1" | FileCheck %s
// RUN: not bitpipe-opt %s --pipe-partition="stages=2 begins=0,0" 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not bitpipe-opt %s --pipe-partition="stages=2 begins=0,2" 2>&1 | FileCheck %s --check-prefix=BEHIND
// RUN: not bitpipe-opt %s --pipe-partition="stages=1 begins=0,1" 2>&1 | FileCheck %s --check-prefix=COUNT

// CHECK: pipe.stage 0 forward @stage_0 {{.*}} parameters [@w]
// CHECK: pipe.stage 1 forward @stage_1 {{.*}} parameters []
// TWICE: error: begins are [0, 0], expected the first of 2 nodes for each of 2 stages, from 0 on, ascending
// BEHIND: error: begins are [0, 2], expected the first of 2 nodes
// COUNT: error: begins are [0, 1], expected the first of 2 nodes for each of 1 stages


#v = affine_map<(i) -> (i)>
#s = affine_map<(i) -> ()>
pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
pipe.parameter @w : tensor<8xf32> trainable file "w" offset 0
func.func @forward(%x: tensor<8xf32>) -> tensor<f32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %w = pipe.get_parameter @w : tensor<8xf32>
  %0 = linalg.generic {indexing_maps = [#v, #v, #v], iterator_types = ["parallel"]}
      ins(%x, %w : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%l: f32, %r: f32, %out: f32):
    %p = arith.mulf %l, %r : f32
    linalg.yield %p : f32
  } -> tensor<8xf32>
  %es = tensor.empty() : tensor<f32>
  %is = linalg.fill ins(%zero : f32) outs(%es : tensor<f32>) -> tensor<f32>
  %loss = linalg.generic {indexing_maps = [#v, #s], iterator_types = ["reduction"]}
      ins(%0 : tensor<8xf32>) outs(%is : tensor<f32>) {
  ^bb0(%l: f32, %out: f32):
    %p = arith.addf %l, %out : f32
    linalg.yield %p : f32
  } -> tensor<f32>
  return %loss : tensor<f32>
}
