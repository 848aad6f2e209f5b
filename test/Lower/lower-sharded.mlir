// RUN: bitpipe-opt %s --pipe-lower-plan | FileCheck %s

// One stage on three devices, each of which steps a slice: of 200 elements, 224 with padding, in slices of
// 128 the last one has none. The frozen parameter lies behind what is trained, where whole slices reach into it.
pipe.training {bounds = array<i64>, devices = 3 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 3 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.parameter @w : tensor<200xf32> trainable value dense<0.0> : tensor<200xf32>
pipe.parameter @fixed : tensor<64xf32> value dense<0.0> : tensor<64xf32>
pipe.routine @f blocks [4, 1152, 448, 896] roles ["loss", "weights 0", "working 0", "gradients 0"] {
}
pipe.stage 0 forward @f inputs [] parameters [@w, @fixed] working [@w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "by hand" devices 3 microbatches 3 {
  pipe.route devices [0] microbatches [0]
  pipe.route devices [1] microbatches [1]
  pipe.route devices [2] microbatches [2]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.reduce stages [0]
    pipe.update stages [0]
    pipe.unshard stages [0]
  }
  pipe.device 1 {
    pipe.run F stage 0 mb 1
    pipe.reduce stages [0]
    pipe.update stages [0]
    pipe.unshard stages [0]
  }
  pipe.device 2 {
    pipe.run F stage 0 mb 2
    pipe.reduce stages [0]
    pipe.update stages [0]
    pipe.unshard stages [0]
  }
}

// CHECK: pipe.program device 0
// CHECK: pipe.slot 0 "weights" size 1536
// CHECK: pipe.slot 2 "gradients" size 1536
// CHECK: pipe.slot 3 "moment1" size 512
// CHECK: pipe.slot 4 "moment2" size 512
// CHECK: pipe.reduce_scatter stages [0] devices [0, 1, 2] slot 2 slice 128
// CHECK-NEXT: pipe.grad_norm [2] from [0] to [128]
// CHECK-NEXT: pipe.step stages [0] elements 224 from 0 to 128 weights 0 gradients 2 moments 3 4{{$}}
// CHECK-NEXT: pipe.all_gather stages [0] devices [0, 1, 2] slot 0 slice 128
// CHECK-NEXT: pipe.round stages [0] elements 224 weights 0 working 1
// CHECK: pipe.program device 1
// CHECK: pipe.slot 3 "moment1" size 384
// CHECK: pipe.grad_norm [2] from [128] to [224]
// CHECK-NEXT: pipe.step stages [0] elements 224 from 128 to 224 weights 0
// CHECK: pipe.program device 2
// CHECK: pipe.slot 3 "moment1" size 0
// CHECK: pipe.grad_norm []{{$}}
// CHECK-NEXT: pipe.step stages [0] elements 224 from 224 to 224 weights 0
// CHECK-NEXT: pipe.all_gather stages [0] devices [0, 1, 2] slot 0 slice 128
