// RUN: bitpipe-opt %s --pipe-print-stages -o /dev/null | FileCheck %s

pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches"
pipe.parameter @w : tensor<64x64xf32> trainable file "w" offset 0
pipe.parameter @b : tensor<64xf32> trainable file "w" offset 16384
pipe.parameter @frozen : tensor<64x64xf32> file "w" offset 32768
func.func @stage_0(%x: tensor<4x64xf32>, %w: tensor<64x64xf32>) -> tensor<4x64xf32> {
  return %x : tensor<4x64xf32>
}
func.func @stage_1(%x: tensor<4x64xf32>, %w: tensor<64x64xf32>, %b: tensor<64xf32>) -> tensor<f32> {
  %0 = arith.constant dense<0.0> : tensor<f32>
  return %0 : tensor<f32>
}
pipe.stage 0 forward @stage_0 inputs ["x"] parameters [@w] carried_in [] carried_out [true] cost [1.0e9, 0.0, 2.0e9] loc("h.0")
pipe.stage 1 forward @stage_1 inputs [] parameters [@frozen, @b] carried_in [true] carried_out [true] cost [1.0e9, 0.0, 0.0] loc("h.1.mlp")

// CHECK:      stage  function      cost      Gop  parameters  carried KiB  begins at
// CHECK-NEXT:     0  stage_0     75.0 %    3.000        4096          1.0  h.0
// CHECK-NEXT:     1  stage_1     25.0 %    1.000          64          0.0  h.1.mlp
