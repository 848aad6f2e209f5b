// RUN: bitpipe-opt %s --pipe-freeze-unreached 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=SAID --input-file=%t.err

// SAID: remark: no gradient reaches 2 of the parameters, which are saved as they are: 'second', 'compared'

// CHECK: pipe.parameter @first : tensor<2xf32> trainable
// CHECK: pipe.parameter @second : tensor<2xf32> frozen
// CHECK: pipe.parameter @compared : tensor<2xf32> frozen
pipe.model @forward inputs ["x"] outputs ["loss"] loss "microbatches" bounds [-1]
pipe.parameter @first : tensor<2xf32> trainable value dense<1.0> : tensor<2xf32>
pipe.parameter @second : tensor<2xf32> trainable value dense<1.0> : tensor<2xf32>
pipe.parameter @compared : tensor<2xf32> trainable value dense<1.0> : tensor<2xf32>

#id = affine_map<(d0) -> (d0)>
func.func @forward(%x: tensor<2xf32>) -> tensor<2xf32> {
  %first = pipe.get_parameter @first : tensor<2xf32>
  %compared = pipe.get_parameter @compared : tensor<2xf32>
  %flags = tensor.empty() : tensor<2xi1>
  %greater = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
    ins(%x, %compared : tensor<2xf32>, tensor<2xf32>) outs(%flags : tensor<2xi1>) {
  ^bb0(%a: f32, %b: f32, %out: i1):
    %0 = arith.cmpf ogt, %a, %b : f32
    linalg.yield %0 : i1
  } -> tensor<2xi1>
  %empty = tensor.empty() : tensor<2xf32>
  %loss = linalg.generic {indexing_maps = [#id, #id, #id, #id], iterator_types = ["parallel"]}
    ins(%greater, %x, %first : tensor<2xi1>, tensor<2xf32>, tensor<2xf32>) outs(%empty : tensor<2xf32>) {
  ^bb0(%g: i1, %a: f32, %b: f32, %out: f32):
    %0 = arith.select %g, %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<2xf32>
  return %loss : tensor<2xf32>
}
