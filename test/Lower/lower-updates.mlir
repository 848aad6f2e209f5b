// RUN: bitpipe-opt %s --pipe-lower-plan | FileCheck %s

// A stage of three versions that is updated after every micro-batch: what later runs read is kept
// before a step, in as many slots as versions are alive at once, and nothing at the end. Micro-batch
// 2 is the last that reads version 0, and 3 that reads version 1.

pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 4 : i64, optimizer = "sgd", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = "", update_every = 1 : i64}
pipe.parameter @w : tensor<128xf32> trainable value dense<0.0> : tensor<128xf32>
pipe.routine @f blocks [4, 512] roles ["loss", "weights 0"] {
}
pipe.routine @g blocks [4, 512] roles ["seed", "weights 0"] {
}
pipe.routine @h blocks [512] roles ["gradients 0"] {
}
pipe.stage 0 forward @f input_gradient @g weight_gradient @h inputs [] parameters [@w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "by hand" devices 1 microbatches 4 {
  pipe.route devices [0] microbatches [0, 1, 2, 3]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run F stage 0 mb 1
    pipe.run F stage 0 mb 2
    pipe.run B stage 0 mb 0
    pipe.run U stage 0 mb 0 versions 3
    pipe.run F stage 0 mb 3
    pipe.run B stage 0 mb 1
    pipe.run U stage 0 mb 1 versions 3
    pipe.run B stage 0 mb 2
    pipe.run U stage 0 mb 2 versions 3
    pipe.run B stage 0 mb 3
    pipe.run U stage 0 mb 3 versions 3
  }
}

// CHECK: pipe.slot [[W:[0-9]+]] "weights" size 512
// CHECK: pipe.slot [[G:[0-9]+]] "gradients" size 512
// CHECK-DAG: pipe.slot [[S0:[0-9]+]] "seed" size 4 mb 0
// CHECK-DAG: pipe.slot [[S1:[0-9]+]] "seed" size 4 mb 1
// CHECK-DAG: pipe.slot [[K0:[0-9]+]] "stashed" size 512
// CHECK-DAG: pipe.slot [[K1:[0-9]+]] "stashed" size 512
// CHECK-NOT: "stashed"
// CHECK:      pipe.execute F stage 0 mb 2 @f [{{[0-9]+}}, [[W]]]
// CHECK:      pipe.execute I stage 0 mb 0 @g [[[S0]], [[W]]]
// CHECK-NEXT: pipe.execute W stage 0 mb 0 @h [[[G]]]
// CHECK-NEXT: pipe.stash stages [0] version 0 weights [[W]] into [[K0]]
// CHECK-NEXT: pipe.step stages [0] mb 0 versions 3 elements 128 weights [[W]] gradients [[G]]
// CHECK-NEXT: pipe.execute F stage 0 mb 3 @f [{{[0-9]+}}, [[W]]]
// CHECK-NEXT: pipe.execute I stage 0 mb 1 @g [[[S1]], [[K0]]]
// CHECK-NEXT: pipe.execute W stage 0 mb 1 @h [[[G]]]
// CHECK-NEXT: pipe.stash stages [0] version 1 weights [[W]] into [[K1]]
// CHECK-NEXT: pipe.step stages [0] mb 1 versions 3
// CHECK-NEXT: pipe.execute I stage 0 mb 2 @g [{{[0-9]+}}, [[K0]]]
// CHECK-NEXT: pipe.execute W stage 0 mb 2
// CHECK-NEXT: pipe.step stages [0] mb 2 versions 3
// CHECK-NEXT: pipe.execute I stage 0 mb 3 @g [{{[0-9]+}}, [[K1]]]
// CHECK-NEXT: pipe.execute W stage 0 mb 3
// CHECK-NEXT: pipe.step stages [0] mb 3 versions 3
// CHECK-NEXT: pipe.grad_norm []
