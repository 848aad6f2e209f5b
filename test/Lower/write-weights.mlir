// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: %python -c "open('source.bin', 'wb').write(b'padding.' + bytes(range(24)))"
// RUN: bitpipe-opt %s --pipe-write-weights=file=plan.safetensors | FileCheck %s
// RUN: %python -c "import numpy; from safetensors.numpy import load_file; [print(k, v.dtype, v.ravel().tolist()) for k, v in sorted(load_file('plan.safetensors').items())]; print(load_file('plan.safetensors')['from.file'].view(numpy.uint8).ravel().tolist())" | FileCheck %s --check-prefix=FILE
// RUN: %python -c "from safetensors import safe_open; print(sorted(safe_open('plan.safetensors', 'np').metadata().items()))" | FileCheck %s --check-prefix=META
// RUN: ls -A | FileCheck %s --check-prefix=LEFT

pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "sgd", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.parameter @from.file : tensor<2x3xf32> trainable file "source.bin" offset 8
pipe.parameter @splat : tensor<3xf32> trainable value dense<1.5> : tensor<3xf32>
pipe.parameter @dense : tensor<2xi64> value dense<[3, -4]> : tensor<2xi64>
pipe.parameter @flags : tensor<3xi1> value dense<[true, false, true]> : tensor<3xi1>

// CHECK: pipe.training
// CHECK-SAME: weights = "plan.safetensors", weights_hash = "{{[0-9a-f]+}}"
// CHECK-NOT: pipe.parameter

// FILE: dense int64 [3, -4]
// FILE: flags bool [True, False, True]
// FILE: from.file float32
// FILE: splat float32 [1.5, 1.5, 1.5]
// FILE: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]

// META: [('format', 'pt'), ('written_by', 'bitpipe')]

// LEFT: plan.safetensors
// LEFT-NEXT: source.bin
// LEFT-NOT: {{.}}
