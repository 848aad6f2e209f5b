// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-lower-training
// RUN: not bitpipe-opt %s --split-input-file --pipe-lower-training=optimizer=adam 2>&1 | FileCheck %s
// CHECK: error: optimizer is 'adam', expected adamw, sgd or none

// expected-error @+1 {{model has no loss, expected it to be attached}}
pipe.model @forward inputs ["x"] outputs ["y"]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
}

// -----

// expected-error @+1 {{model has 1 bounds, expected 2, one per input}}
pipe.model @forward inputs ["x", "y"] outputs ["loss"] loss "labels" bounds [1]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
}

// -----

pipe.model @forward inputs ["x"] outputs ["loss"] loss "labels" bounds [-1]
func.func @f0(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @f1(%y: tensor<4xf32>, %x: tensor<8xf32>) -> tensor<4xf32> {
  return %y : tensor<4xf32>
}
pipe.stage 0 forward @f0 inputs ["x"] parameters [] carried_in [] carried_out [false] cost [0.0, 0.0, 0.0]
// expected-error @+1 {{input 'x' is 'tensor<8xf32>' in stage 1, expected 'tensor<4xf32>'}}
pipe.stage 1 forward @f1 inputs ["x"] parameters [] carried_in [false] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
}

// -----

pipe.model @forward inputs ["x"] outputs ["loss"] loss "labels" bounds [-1]
// expected-error @+1 {{stage 0 has no forward function 'f' with at least 1 arguments}}
pipe.stage 0 forward @f inputs ["x"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
}

// -----

// What the loss is divided by each update would have to know beforehand.
pipe.model @forward inputs ["x"] outputs ["loss"] loss "counts" bounds [-1]
func.func @f0(%x: tensor<4xf32>) -> tensor<2xf32> {
  %y = tensor.empty() : tensor<2xf32>
  return %y : tensor<2xf32>
}
pipe.stage 0 forward @f0 inputs ["x"] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
// expected-error @+1 {{schedule 'by hand' updates between micro-batches, expected a loss that is divided by what is known beforehand: this one's count is known to the last stage alone}}
pipe.plan @plan schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run B stage 0 mb 0
    pipe.run U stage 0 mb 0 versions 1
  }
}
