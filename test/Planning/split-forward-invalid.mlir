// RUN: bitpipe-opt %s --pipe-split-forward --split-input-file --verify-diagnostics

func.func @s(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}
// expected-error @below {{stage 0 is to recompute, but has a function for it already, expected none yet}}
pipe.stage 0 forward @s recompute @s inputs ["x"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.plan @plan schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run R stage 0 mb 0
  }
}

// -----

// expected-error @below {{stage 0 is to recompute, but its forward function 's' is not there, expected one of one block that returns at least 1 values}}
pipe.stage 0 forward @s inputs ["x"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.plan @plan schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run R stage 0 mb 0
  }
}

// -----

func.func @s(%x: tensor<4xf32>) {
  return
}
// expected-error @below {{stage 0 is to recompute, but its forward function 's' is not there}}
pipe.stage 0 forward @s inputs ["x"] parameters [] carried_in [] carried_out [true] cost [1.0, 1.0, 1.0]
pipe.plan @plan schedule "by hand" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run R stage 0 mb 0
  }
}

// -----

pipe.plan @a schedule "by hand" devices 1 microbatches 1 {
}
// expected-error @below {{module has 2 plans, expected at most 1}}
pipe.plan @b schedule "by hand" devices 1 microbatches 1 {
}
