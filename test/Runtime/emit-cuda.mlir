// A plan for GPUs printed as C++: routines with their layers, and each device's list as straight code.
// RUN: bitpipe-opt %s --emit=cuda > %t.cpp
// RUN: FileCheck %s --input-file=%t.cpp
// RUN: %cxx -std=c++20 -Wall -Wextra -Werror -I %source -fsyntax-only %t.cpp
// Words of the language, and what is no word, are no names.
// RUN: sed -e 's/"saved"/"class"/; s/"kept"/"9 lives"/; s/"input_ids"/"a\\0Ab"/; s/"up"/"x\\0Ay"/' %s | bitpipe-opt - --emit=cuda > %t.names.cpp
// RUN: %cxx -std=c++20 -Wall -Wextra -Werror -I %source -fsyntax-only %t.names.cpp
// Where it goes makes no difference, nor do its names to the hash.
// RUN: rm -rf %t && mkdir %t && bitpipe-opt %s --emit=cuda -o %t/program.cpp && diff %t/program.cpp %t.cpp
// RUN: sed 's/"saved 0"/"mine"/' %s | bitpipe-opt - --emit=cuda | grep 'const Table' > %t/other.txt
// RUN: grep 'const Table' %t.cpp | diff - %t/other.txt

// CHECK: // program written by bitpipe
// CHECK-NEXT: // emit-cuda.mlir: 2 devices, 2 micro-batches, f32, kernels for sm_90.

// CHECK: struct Routines {
// CHECK: const CUfunction cross_entropy_6_1 = gpu.kernel("cross_entropy_6_1", 256);

// CHECK: check(cublasLtMatmul(m.handle, m.desc, m.alpha, m.a, m.aLayout, m.b, m.bLayout, m.beta,

// CHECK:      void stage_0(CUdeviceptr carried_out, CUdeviceptr saved, CUdeviceptr input_0,
// CHECK-NEXT:     CUdeviceptr weights_0) const {
// CHECK-NEXT:   // embed
// CHECK-NEXT:   launch(gather_0, 1, 128, 0, compute, weights_0, input_0, carried_out);
// CHECK-NEXT:   // up: 8x32x8
// CHECK-NEXT:   matmul(gpu.product(0, compute, {.a = carried_out, .b = weights_0 + 640, .c = saved,
// CHECK-NEXT:       .bias = weights_0 + 512}));
// CHECK-NEXT:   // node_gelu
// CHECK-NEXT:   launch(elementwise_1, 1, 256, 0, compute, saved, carried_out + 256);
// CHECK-NEXT: }

// A kernel of two launches, with memory of its own.
// CHECK: launch(gather_grad_3, 2, 128, 0, compute, kept, input_0, gradients_0, kernel_scratch);
// CHECK-NEXT: launch(gather_grad_3_1, 1, 128, 0, compute, kept, input_0, gradients_0, kernel_scratch);
// CHECK: // up: 32x8x8, added to c
// CHECK: // down: 8x32x8, added to c, sums of a
// CHECK-NEXT: matmul(gpu.product(8, compute, {.a = d_carried_in, .b = carried_in + 256,
// CHECK-NEXT:     .c = gradients_0 + 64, .bias_gradient = gradients_0}));
// CHECK-NEXT: gpu.addBiasGradient(8, compute);

// CHECK: /// Device 0: stages [0].
// CHECK: const Channel to1 = gpu.pair(0, 1);
// CHECK-NEXT: const Channel from1 = gpu.pair(1, 0);
// CHECK-NEXT: const Channel all = gpu.all();
// CHECK: const CUevent sent_F0_mb1 = gpu.event();
// CHECK: const Slot input_ids_mb0 = gpu.slot(4); // 64 bytes
// CHECK: const Slot saved_0_mb0 = gpu.slot(10); // 1024 bytes

// CHECK:      void step() override {
// CHECK-NEXT:   // F stage 0, micro-batch 0
// CHECK-NEXT:   stage_0(message_6, saved_0_mb0, input_ids_mb0, weights_0);
// CHECK-EMPTY:
// CHECK-NEXT:   // send F stage 0, micro-batch 0 to device 1
// CHECK-NEXT:   check(cuEventRecord(ready, compute));
// CHECK-NEXT:   check(cuStreamWaitEvent(to1.stream, ready, 0));
// CHECK-NEXT:   check(ncclSend(message_6, 1280, ncclInt8, 1, to1.communicator, to1.stream));
// CHECK-NEXT:   check(cuEventRecord(sent_F0_mb0, to1.stream));

// CHECK:   // I stage 0, micro-batch 0
// CHECK-NEXT:   check(cuStreamWaitEvent(compute, received_B1_mb0, 0));
// CHECK-NEXT:   stage_0_input_gradient(saved_0_mb0, kept_0_mb0, message_8, weights_0);

// CHECK:   // gradient norm, losses
// CHECK-NEXT:   gpu.contribute({{.*}}gradients_1, 0, 416{{.*}});
// CHECK-NEXT:   check(cuStreamWaitEvent(all.stream, sent_F0_mb0, 0));
// CHECK:   check(ncclAllGather(numbers.mine, numbers.all, numbers.count, ncclDouble, all.communicator,
// CHECK-NEXT:       all.stream));
// CHECK-NEXT:   check(cuEventRecord(agreed, all.stream));
// CHECK-NEXT:   check(cuStreamWaitEvent(compute, agreed, 0));
// CHECK-NEXT:   gpu.judge();
// CHECK-EMPTY:
// CHECK-NEXT:   // AdamW, stages [0]
// CHECK-NEXT:   gpu.update({.elements = 416, .begin = 0, .end = 416, .weights = weights_0,
// CHECK-NEXT:       .gradients = gradients_1, .moment1 = moment1_2, .moment2 = moment2_3});

// CHECK: /// Device 1: stages [1].
// CHECK: check(ncclRecv(message_9, 1280, ncclInt8, 0, from0.communicator, from0.stream));
// CHECK: // send B stage 1, micro-batch 0 to device 0

// CHECK: const Table program = {"{{[0-9a-f]+}}", make};

module {
  pipe.training {arch = "sm_90", bounds = array<i64: 16, 16>, devices = 2 : i64, ignore_index = -100 : i64, inputs = ["input_ids", "labels"], kernels = "tiny.kernels.ptx", kernels_hash = "79f0fb3c77ec47b3", labels = "labels", loss = "labels", microbatches = 2 : i64, optimizer = "adamw", target = "cuda", types = [tensor<2x4xi64>, tensor<2x4xi64>], version = 5 : i64, weights = "tiny.weights.safetensors", weights_hash = "77212fc7f073ff2a"}
  pipe.saved "embed.weight" : tensor<16x8xf32>
  pipe.saved "up.weight" : tensor<32x8xf32>
  pipe.saved "up.bias" : tensor<32xf32>
  pipe.saved "down.weight" : tensor<8x32xf32>
  pipe.saved "down.bias" : tensor<8xf32>
  pipe.saved "head.weight" : tensor<16x8xf32>
  pipe.routine @stage_0 blocks [1280, 1024, 64, 1664] roles ["carried_out", "saved", "input 0", "weights 0"] writes [true, true, false, false] {
    pipe.kernel "gather_0" [#pipe.ref<3, 0>, #pipe.ref<2, 0>, #pipe.ref<0, 0>] {layer = "embed"}
    pipe.matmul <0, 0> [8, 1] by <3, 640> [1, 8] into <1, 0> [32, 1] sizes [8, 32, 8] bias <3, 512> {layer = "up"}
    pipe.kernel "elementwise_1" [#pipe.ref<1, 0>, #pipe.ref<0, 256>] {layer = "node_gelu"}
  }
  pipe.routine @stage_0_input_gradient blocks [1024, 1280, 1280, 1664] roles ["saved", "kept", "d_carried_out", "weights 0"] writes [false, true, false, false] {
    pipe.kernel "elementwise_2" [#pipe.ref<0, 0>, #pipe.ref<2, 256>, #pipe.ref<1, 256>] {layer = "node_gelu"}
    pipe.matmul <1, 256> [32, 1] by <3, 640> [8, 1] into <1, 0> [8, 1] sizes [8, 8, 32] residual <2, 0> {layer = "up"}
  }
  pipe.routine @stage_0_weight_gradient blocks [1280, 1280, 64, 1664] roles ["carried_out", "kept", "input 0", "gradients 0"] writes [false, false, false, true] {
    pipe.kernel "gather_grad_3" [#pipe.ref<1, 0>, #pipe.ref<2, 0>, #pipe.ref<3, 0>] {layer = "embed"}
    pipe.kernel "reduce_4" [#pipe.ref<1, 256>, #pipe.ref<3, 512>] {layer = "up"}
    pipe.matmul <1, 256> [1, 32] by <0, 0> [8, 1] into <3, 640> [8, 1] sizes [32, 8, 8] accumulate {layer = "up"}
  }
  pipe.routine @stage_1 blocks [1280, 256, 1600] roles ["carried_in", "saved", "weights 0"] writes [false, true, false] {
    pipe.matmul <0, 256> [32, 1] by <2, 64> [1, 32] into <1, 0> [8, 1] sizes [8, 8, 32] bias <2, 0> {layer = "down"}
    pipe.kernel "elementwise_5" [#pipe.ref<0, 0>, #pipe.ref<1, 0>] {layer = "node_add"}
  }
  pipe.routine @stage_1_input_gradient blocks [256, 1280, 4, 4, 64, 1600, 1600, 576] roles ["saved", "d_carried_in", "seed", "loss", "input 0", "weights 0", "gradients 0", "scratch"] writes [false, true, false, true, false, false, true, true] {
    pipe.matmul <0, 0> [8, 1] by <5, 1088> [1, 8] into <7, 0> [16, 1] sizes [8, 16, 8] {layer = "head"}
    pipe.kernel "cross_entropy_6" [#pipe.ref<7, 0>, #pipe.ref<4, 0>, #pipe.ref<3, 0>, #pipe.ref<7, 512>] {layer = "head"}
    pipe.kernel "cross_entropy_grad_7" [#pipe.ref<2, 0>, #pipe.ref<7, 0>, #pipe.ref<4, 0>, #pipe.ref<7, 512>] {layer = "head"}
    pipe.matmul <7, 0> [16, 1] by <5, 1088> [8, 1] into <1, 0> [8, 1] sizes [8, 8, 16] {layer = "head"}
    pipe.matmul <7, 0> [1, 16] by <0, 0> [8, 1] into <6, 1088> [8, 1] sizes [16, 8, 8] accumulate {layer = "head"}
    pipe.matmul <1, 0> [8, 1] by <5, 64> [32, 1] into <1, 256> [32, 1] sizes [8, 32, 8] {layer = "down"}
  }
  pipe.routine @stage_1_weight_gradient blocks [1280, 1280, 1600] roles ["carried_in", "d_carried_in", "gradients 0"] writes [false, false, true] {
    pipe.matmul <1, 0> [1, 8] by <0, 256> [32, 1] into <2, 64> [32, 1] sizes [8, 32, 8] accumulate bias_gradient <2, 0> of_a {layer = "down"}
  }
  pipe.program device 0 arena 15616 {
    pipe.slot 0 "weights" size 1664 offset 0
    pipe.slot 1 "gradients" size 1664 offset 1792
    pipe.slot 2 "moment1" size 1664 offset 3584
    pipe.slot 3 "moment2" size 1664 offset 5376
    pipe.slot 4 "input" size 64 name "input_ids" mb 0
    pipe.slot 5 "input" size 64 name "input_ids" mb 1
    pipe.slot 6 "message" size 1280 offset 7168
    pipe.slot 7 "message" size 1280 offset 8448
    pipe.slot 8 "message" size 1280 offset 9728
    pipe.slot 9 "message" size 1280 offset 11008
    pipe.slot 10 "arena" size 1024 offset 13568 name "saved 0" mb 0
    pipe.slot 11 "arena" size 1024 offset 14592 name "saved 0" mb 1
    pipe.slot 12 "arena" size 1280 offset 12288 name "kept 0" mb 0
    pipe.slot 13 "arena" size 1280 offset 12288 name "kept 0" mb 1
    pipe.resident "embed.weight" : tensor<16x8xf32> slot 0 offset 0 trainable owner
    pipe.resident "up.bias" : tensor<32xf32> slot 0 offset 512 trainable owner
    pipe.resident "up.weight" : tensor<32x8xf32> slot 0 offset 640 trainable owner
    pipe.execute F stage 0 mb 0 @stage_0 [6, 10, 4, 0]
    pipe.transmit F stage 0 mb 0 to 1 slot 6
    pipe.execute F stage 0 mb 1 @stage_0 [7, 11, 5, 0]
    pipe.transmit F stage 0 mb 1 to 1 slot 7
    pipe.receive B stage 1 mb 0 from 1 slot 8
    pipe.receive B stage 1 mb 1 from 1 slot 9
    pipe.execute I stage 0 mb 0 @stage_0_input_gradient [10, 12, 8, 0]
    pipe.execute W stage 0 mb 0 @stage_0_weight_gradient [6, 12, 4, 1]
    pipe.execute I stage 0 mb 1 @stage_0_input_gradient [11, 13, 9, 0]
    pipe.execute W stage 0 mb 1 @stage_0_weight_gradient [7, 13, 5, 1]
    pipe.grad_norm [1]
    pipe.step stages [0] elements 416 weights 0 gradients 1 moments 2 3
  }
  pipe.program device 1 arena 12800 {
    pipe.slot 0 "weights" size 1600 offset 0
    pipe.slot 1 "gradients" size 1600 offset 1792
    pipe.slot 2 "moment1" size 1600 offset 3584
    pipe.slot 3 "moment2" size 1600 offset 5376
    pipe.slot 4 "seed" size 4
    pipe.slot 5 "loss" size 4 offset 7168 mb 0
    pipe.slot 6 "input" size 64 name "labels" mb 0
    pipe.slot 7 "loss" size 4 offset 7424 mb 1
    pipe.slot 8 "input" size 64 name "labels" mb 1
    pipe.slot 9 "message" size 1280 offset 7680
    pipe.slot 10 "message" size 1280 offset 8960
    pipe.slot 11 "message" size 1280 offset 10240
    pipe.slot 12 "arena" size 256 offset 12288 name "saved 1" mb 0
    pipe.slot 13 "arena" size 256 offset 12544 name "saved 1" mb 1
    pipe.slot 14 "arena" size 576 offset 11520 name "scratch"
    pipe.slot 15 "arena" size 576 offset 11520 name "scratch"
    pipe.resident "down.bias" : tensor<8xf32> slot 0 offset 0 trainable owner
    pipe.resident "down.weight" : tensor<8x32xf32> slot 0 offset 64 trainable owner
    pipe.resident "head.weight" : tensor<16x8xf32> slot 0 offset 1088 trainable owner
    pipe.receive F stage 0 mb 0 from 0 slot 9
    pipe.execute F stage 1 mb 0 @stage_1 [9, 12, 0]
    pipe.receive F stage 0 mb 1 from 0 slot 10
    pipe.execute F stage 1 mb 1 @stage_1 [10, 13, 0]
    pipe.execute I stage 1 mb 0 @stage_1_input_gradient [12, 11, 4, 5, 6, 0, 1, 14]
    pipe.transmit B stage 1 mb 0 to 0 slot 11
    pipe.execute W stage 1 mb 0 @stage_1_weight_gradient [9, 11, 1]
    pipe.execute I stage 1 mb 1 @stage_1_input_gradient [13, 9, 4, 7, 8, 0, 1, 15]
    pipe.transmit B stage 1 mb 1 to 0 slot 9
    pipe.execute W stage 1 mb 1 @stage_1_weight_gradient [10, 9, 1]
    pipe.grad_norm [1]
    pipe.step stages [1] elements 400 weights 0 gradients 1 moments 2 3
  }
  pipe.gpu_kernel @gather_0 extents [512, 64, 256] bytes 576 entries ["gather_0"] grids [1] blocks [128] shared [0]
  pipe.gpu_kernel @elementwise_1 extents [1024, 1024] bytes 2048 entries ["elementwise_1"] grids [1] blocks [256] shared [0]
  pipe.gpu_kernel @elementwise_2 extents [1024, 1024, 1024] bytes 3072 entries ["elementwise_2"] grids [1] blocks [256] shared [0]
  pipe.gpu_kernel @gather_grad_3 extents [256, 64, 512] bytes 832 entries ["gather_grad_3", "gather_grad_3_1"] grids [2, 1] blocks [128, 128] shared [0, 0] scratch 32
  pipe.gpu_kernel @reduce_4 extents [1024, 128] bytes 1280 entries ["reduce_4"] grids [1] blocks [256] shared [0]
  pipe.gpu_kernel @elementwise_5 extents [256, 256] bytes 768 entries ["elementwise_5"] grids [1] blocks [256] shared [0]
  pipe.gpu_kernel @cross_entropy_6 extents [512, 64, 4, 32] bytes 612 entries ["cross_entropy_6", "cross_entropy_6_1"] grids [1, 1] blocks [128, 1024] shared [0, 256]
  pipe.gpu_kernel @cross_entropy_grad_7 extents [4, 512, 64, 32] bytes 1124 entries ["cross_entropy_grad_7"] grids [1] blocks [128] shared [0]
}
