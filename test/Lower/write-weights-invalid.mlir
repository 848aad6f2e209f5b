// RUN: rm -rf %t && mkdir %t && split-file %s %t && cd %t
// RUN: %python -c "open('short.bin', 'wb').write(bytes(24))"
// RUN: not bitpipe-opt short.mlir --pipe-write-weights=file=out.safetensors 2>&1 | FileCheck %s --check-prefix=SHORT
// RUN: not bitpipe-opt missing.mlir --pipe-write-weights=file=out.safetensors 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not bitpipe-opt fine.mlir --pipe-write-weights=file=no/folder/out.safetensors 2>&1 | FileCheck %s --check-prefix=FOLDER
// RUN: not bash -c 'ulimit -f 0; exec bitpipe-opt fine.mlir --pipe-write-weights=file=full.safetensors' 2>&1 | FileCheck %s --check-prefix=SPACE
// RUN: echo mine > other.bin
// RUN: not bitpipe-opt fine.mlir --pipe-write-weights=file=other.bin 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not bitpipe-opt fine.mlir --pipe-write-weights 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: ls -A | FileCheck %s --check-prefix=LEFT --implicit-check-not=safetensors --implicit-check-not=.bitpipe

// SHORT: short.mlir:2:1: error: parameter 'w' needs 32 bytes at 4 of short.bin, got 20
// MISSING: error: parameter 'w' needs 32 bytes at 0 of nowhere.bin, got 0: No such file or directory
// FOLDER: error: no/folder/out.safetensors: cannot write: No such file or directory
// SPACE: error: full.safetensors: cannot write: File too large
// OTHER: error: other.bin: is there and was not written by bitpipe
// NONE: error: module has 1 pipe.training and file '', expected one of both
// LEFT: short.mlir

//--- short.mlir
pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "sgd", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.parameter @w : tensor<8xf32> trainable file "short.bin" offset 4

//--- missing.mlir
pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "sgd", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.parameter @w : tensor<8xf32> trainable file "nowhere.bin" offset 0

//--- fine.mlir
pipe.training {bounds = array<i64>, devices = 1 : i64, ignore_index = -1 : i64, inputs = [], kernels = "", kernels_hash = "", loss = "labels", microbatches = 1 : i64, optimizer = "sgd", target = "cpu", types = [], version = 1 : i64, weights = "", weights_hash = ""}
pipe.parameter @w : tensor<8xf32> trainable value dense<0.0> : tensor<8xf32>
