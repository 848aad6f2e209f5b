// RUN: split-file %s %t
// RUN: bitpipe-opt %t/gradients.mlir --pipe-lower-plan | FileCheck %t/gradients.mlir
// RUN: bitpipe-opt %t/parameters.mlir --pipe-lower-plan | FileCheck %t/parameters.mlir
// RUN: sed "0,/run A stage 0 mb 0/{/run A stage 0 mb 0/d}" %t/parameters.mlir > %t/ungathered.mlir
// RUN: not bitpipe-opt %t/ungathered.mlir --pipe-lower-plan 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: run of stage 0, micro-batch 0 on device 0 reads weights that are not there, expected them gathered before

//--- gradients.mlir
// Gradients of 208 elements in two slices of 128: what is added to is there between clear and sum.
pipe.training {bounds = array<i64>, devices = 2 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 2 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.parameter @w : tensor<200xf32> trainable value dense<0.0> : tensor<200xf32>
pipe.routine @f blocks [4, 832] roles ["loss", "weights 0"] {
}
pipe.routine @g blocks [832, 832] roles ["weights 0", "gradients 0"] {
}
pipe.stage 0 forward @f weight_gradient @g inputs [] parameters [@w] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "by hand" devices 2 microbatches 2 {
  pipe.route devices [0] microbatches [0]
  pipe.route devices [1] microbatches [1]
  pipe.device 0 {
    pipe.run F stage 0 mb 0
    pipe.run B stage 0 mb 0
    pipe.run S stage 0 mb 0
    pipe.update stages [0]
    pipe.unshard stages [0]
  }
  pipe.device 1 {
    pipe.run F stage 0 mb 1
    pipe.run B stage 0 mb 1
    pipe.run S stage 0 mb 1
    pipe.update stages [0]
    pipe.unshard stages [0]
  }
}

// CHECK: pipe.program device 0
// CHECK: pipe.slot 0 "weights" size 1024
// CHECK-NEXT: pipe.slot 1 "gradients" size 512
// CHECK-NEXT: pipe.slot 2 "moment1" size 512
// CHECK: pipe.slot [[WHOLE:[0-9]+]] "arena" size 1024
// CHECK: pipe.execute F
// CHECK-NEXT: pipe.clear stages [0] slot [[WHOLE]]
// CHECK-NEXT: pipe.execute W stage 0 mb 0 @g [0, [[WHOLE]]]
// CHECK-NEXT: pipe.reduce_scatter stages [0] devices [0, 1] slot [[WHOLE]] slice 128 into 1
// CHECK-NEXT: pipe.grad_norm [1] from [0] to [128]
// CHECK-NEXT: pipe.step stages [0] elements 208 from 0 to 128 weights 0 gradients 1 at 0 moments 2 3{{$}}
// CHECK-NEXT: pipe.all_gather stages [0] devices [0, 1] slot 0 slice 128{{$}}
// CHECK: pipe.program device 1
// CHECK: pipe.grad_norm [1] from [0] to [80]
// CHECK-NEXT: pipe.step stages [0] elements 208 from 128 to 208 weights 0 gradients 1 at 128 moments

//--- parameters.mlir
// And parameters: with 64 that are frozen, slices are of 272 elements. What is gathered again is another slot.
pipe.training {bounds = array<i64>, devices = 2 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 2 : i64, optimizer = "adamw", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.parameter @w : tensor<200xf32> trainable value dense<0.0> : tensor<200xf32>
pipe.parameter @fixed : tensor<64xf32> value dense<0.0> : tensor<64xf32>
pipe.routine @f blocks [4, 1088] roles ["loss", "weights 0"] {
}
pipe.routine @g blocks [1088, 832] roles ["weights 0", "gradients 0"] {
}
pipe.stage 0 forward @f weight_gradient @g inputs [] parameters [@w, @fixed] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "by hand" devices 2 microbatches 2 {
  pipe.route devices [0] microbatches [0]
  pipe.route devices [1] microbatches [1]
  pipe.device 0 {
    pipe.run A stage 0 mb 0
    pipe.run F stage 0 mb 0
    pipe.run D stage 0 mb 0
    pipe.run A stage 0 mb 0
    pipe.run B stage 0 mb 0
    pipe.run S stage 0 mb 0
    pipe.run D stage 0 mb 0
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.run A stage 0 mb 1
    pipe.run F stage 0 mb 1
    pipe.run D stage 0 mb 1
    pipe.run A stage 0 mb 1
    pipe.run B stage 0 mb 1
    pipe.run S stage 0 mb 1
    pipe.run D stage 0 mb 1
    pipe.update stages [0]
  }
}

// CHECK: pipe.program device 0
// CHECK: pipe.slot 0 "weights" size 768
// CHECK-NEXT: pipe.slot 1 "gradients" size 768
// CHECK-NEXT: pipe.slot 2 "moment1" size 768
// CHECK: pipe.resident "w" : tensor<200xf32> slot 0 offset 0 of 0 trainable owner
// CHECK-NEXT: pipe.resident "fixed" : tensor<64xf32> slot 0 offset 832 of 0 owner
// CHECK: pipe.all_gather stages [0] devices [0, 1] slot [[FIRST:[0-9]+]] slice 192 from 0
// CHECK-NEXT: pipe.execute F stage 0 mb 0 @f [{{[0-9]+}}, [[FIRST]]]
// CHECK-NEXT: pipe.all_gather stages [0] devices [0, 1] slot [[SECOND:[0-9]+]] slice 192 from 0
// CHECK-NEXT: pipe.clear stages [0] slot [[WHOLE:[0-9]+]]
// CHECK-NEXT: pipe.execute W stage 0 mb 0 @g [[[SECOND]], [[WHOLE]]]
// CHECK-NEXT: pipe.reduce_scatter stages [0] devices [0, 1] slot [[WHOLE]] slice 192 into 1
// CHECK-NEXT: pipe.grad_norm [1] from [0] to [192]
// CHECK-NEXT: pipe.step stages [0] elements 208 from 0 to 192 weights 0 at 0 gradients 1 at 0 moments 2 3{{$}}
// CHECK-NOT: pipe.all_gather
// CHECK: pipe.program device 1
// CHECK: pipe.resident "w" : tensor<200xf32> slot 0 offset 0 of 768 trainable owner
// CHECK: pipe.grad_norm [1] from [0] to [16]
// CHECK-NEXT: pipe.step stages [0] elements 208 from 192 to 208 weights 0 at 192 gradients 1 at 192 moments 2 3{{$}}
