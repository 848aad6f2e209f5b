// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics --pipe-lower-plan=memory-limit=2000

// What a device needs is compared with the limit.
pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.parameter @w : tensor<128xf32> trainable value dense<0.0> : tensor<128xf32>
pipe.routine @f blocks [4, 512, 100] roles ["loss", "weights 0", "scratch"] {
}
pipe.stage 0 forward @f inputs [] parameters [@w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  // expected-error @+1 {{device 0 needs 2240 bytes, expected at most 2000: weights 512, working weights 0, gradients 512, optimizer 1024, activations 92, messages 0, scratch 100}}
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.update stages [0]
  }
}

// -----

pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.routine @f blocks [4] roles ["loss"] {
}
pipe.stage 0 forward @f inputs [] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    // expected-error @+1 {{plan names stage 1, but there are 1 stages}}
    pipe.run F stage 1 mb 0
  }
}

// -----

pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.routine @f blocks [64] roles ["carried_out"] {
}
pipe.routine @g blocks [64, 4] roles ["carried_in", "loss"] {
}
pipe.stage 0 forward @f inputs [] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.stage 1 forward @g inputs [] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 2 microbatches 1 {
  pipe.route devices [0, 1] microbatches [0]
  pipe.device 0 {
    // expected-error @+1 {{send of stage 0, micro-batch 0 on device 0 comes before the run that makes it}}
    pipe.send F stage 0 mb 0 to 1
    pipe.run F stage 0 mb 0
  }
  pipe.device 1 {
    pipe.run F stage 1 mb 0
  }
}

// -----

pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.routine @g blocks [64, 4] roles ["carried_in", "loss"] {
}
pipe.stage 1 forward @g inputs [] parameters [] carried_in [true] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
  pipe.route devices [0, 0] microbatches [0]
  pipe.device 0 {
    // expected-error @+1 {{run of stage 1, micro-batch 0 on device 0 comes before what it reads is made or received}}
    pipe.run F stage 1 mb 0
  }
}

// -----

pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
// expected-error @+1 {{routine has a block of role 'loose', expected a known one}}
pipe.routine @g blocks [4] roles ["loose"] {
}
pipe.stage 0 forward @g inputs [] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
}

// -----

pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.parameter @w : tensor<8xf32> trainable value dense<0.0> : tensor<8xf32>
pipe.routine @g blocks [4] roles ["weights 0"] {
}
pipe.stage 0 forward @g inputs [] parameters [@w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 2 microbatches 1 {
  pipe.route devices [1] microbatches [0]
  pipe.device 0 {
    // expected-error @+1 {{stage 0 runs on device 0, where no route puts it}}
    pipe.run F stage 0 mb 0
  }
}

// -----

// A plan recomputes what has a function for it, and a stage with one is recomputed.
pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.routine @f blocks [64] roles ["loss"] {
}
pipe.stage 0 forward @f inputs [] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    // expected-error @+1 {{stage 0 has no function for recomputation, expected one for run R}}
    pipe.run R stage 0 mb 0
  }
}

// -----

pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.routine @f blocks [64] roles ["loss"] {
}
pipe.routine @r blocks [64] roles ["saved"] {
}
pipe.routine @g blocks [64] roles ["saved"] {
}
pipe.stage 0 forward @f recompute @r input_gradient @g inputs [] parameters [] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "gpipe" devices 1 microbatches 1 {
  pipe.route devices [0] microbatches [0]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    // expected-error @+1 {{run of stage 0, micro-batch 0 on device 0 comes before what it reads is made or received}}
    pipe.run B stage 0 mb 0
  }
}
