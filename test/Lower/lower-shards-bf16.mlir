// RUN: bitpipe-opt %s --pipe-lower-stages --pipe-lower-plan | FileCheck %s
// RUN: bitpipe-opt %s --pipe-lower-stages | FileCheck %s --check-prefix=STAGE

// What is gathered with copies in bf16: these, of 320 elements that are trained and of 64 that are not, and in f32
// what is read in f32, which lies between. The second device's slice begins with that.
pipe.training {bounds = array<i64>, devices = 2 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 2 : i64, optimizer = "adamw", precision = "bf16", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.parameter @frozen : tensor<64xf32> value dense<0.0> : tensor<64xf32>
pipe.parameter @table : tensor<96xf32> value dense<0.0> : tensor<96xf32>
pipe.parameter @bias : tensor<96xf32> trainable value dense<0.0> : tensor<96xf32>
pipe.parameter @w : tensor<320xf32> trainable value dense<0.0> : tensor<320xf32>

#id = affine_map<(i) -> (i)>
func.func @f(%frozen: tensor<64xf32>, %table: tensor<96xf32>, %bias: tensor<96xf32>, %w: tensor<320xf32>, %copy: tensor<320xbf16>, %frozen_copy: tensor<64xbf16>) -> tensor<96xf32> {
  %e = tensor.empty() : tensor<96xf32>
  %part = tensor.extract_slice %copy[0] [96] [1] : tensor<320xbf16> to tensor<96xbf16>
  %sum = linalg.generic {indexing_maps = [#id, #id, #id, #id], iterator_types = ["parallel"]}
    ins(%table, %bias, %part : tensor<96xf32>, tensor<96xf32>, tensor<96xbf16>) outs(%e : tensor<96xf32>) {
  ^bb0(%a: f32, %b: f32, %c: bf16, %out: f32):
    %wide = arith.extf %c : bf16 to f32
    %ab = arith.addf %a, %b : f32
    %abc = arith.addf %ab, %wide : f32
    linalg.yield %abc : f32
  } -> tensor<96xf32>
  return %sum : tensor<96xf32>
}
pipe.stage 0 forward @f inputs [] parameters [@frozen, @table, @bias, @w] working [@w, @frozen] carried_in [] carried_out [true] cost [0.0, 0.0, 0.0]
pipe.plan @plan schedule "by hand" devices 2 microbatches 2 {
  pipe.route devices [0] microbatches [0]
  pipe.route devices [1] microbatches [1]
  pipe.device 0 {
    pipe.run A stage 0 mb 0
    pipe.run F stage 0 mb 0
    pipe.run S stage 0 mb 0
    pipe.run D stage 0 mb 0
    pipe.update stages [0]
  }
  pipe.device 1 {
    pipe.run A stage 0 mb 1
    pipe.run F stage 0 mb 1
    pipe.run S stage 0 mb 1
    pipe.run D stage 0 mb 1
    pipe.update stages [0]
  }
}

// STAGE: pipe.stage 0 {{.*}} full [1280, 2048]
// STAGE: pipe.routine @f blocks [384, 768, 768] roles ["loss", "weights 0", "working 0"]

// CHECK: pipe.program device 0
// CHECK: pipe.slot 0 "weights" size 1280
// CHECK-NEXT: pipe.slot 1 "working" size 640
// CHECK: pipe.resident "w" : tensor<320xf32> slot 0 offset 0 of 0 trainable owner working 1 0
// CHECK: pipe.resident "bias" : tensor<96xf32> slot 0 offset 1280 of 0 trainable owner{{$}}
// CHECK: pipe.resident "table" : tensor<96xf32> slot 0 offset 1664 of 0 owner{{$}}
// CHECK: pipe.resident "frozen" : tensor<64xf32> slot 0 offset 2048 of 0 owner working 1 640
// CHECK: pipe.all_gather stages [0] devices [0, 1] slot [[FULL:[0-9]+]] slice 320 elements [320] to [512] from 0
// CHECK-NEXT: pipe.all_gather stages [0] devices [0, 1] slot [[COPIES:[0-9]+]] slice 320 elements [0, 512] to [320, 576] from 1
// CHECK-NEXT: pipe.execute F stage 0 mb 0 @f [{{[0-9]+}}, [[FULL]], [[COPIES]]]
// CHECK: pipe.step stages [0] elements 416 from 0 to 320 weights 0 at 0 gradients 2 at 0 moments 3 4 working 1 320{{$}}
// CHECK-NOT: pipe.round
// CHECK: pipe.program device 1
// CHECK: pipe.slot 1 "working" size 128
// CHECK: pipe.resident "w" : tensor<320xf32> slot 0 offset 0 of 1280 trainable owner working 1 0
// CHECK: pipe.resident "frozen" : tensor<64xf32> slot 0 offset 2048 of 1280 owner working 1 0
// CHECK: pipe.step stages [0] elements 416 from 320 to 416 weights 0 at 320
