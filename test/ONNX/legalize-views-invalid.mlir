// RUN: bitpipe-opt %s --pipe-legalize-views --split-input-file --verify-diagnostics

func.func @backwards(%x: tensor<4xf32>) -> tensor<4xf32> {
  %s = arith.constant dense<-1> : tensor<1xi64>
  %e = arith.constant dense<-9> : tensor<1xi64>
  %a = arith.constant dense<0> : tensor<1xi64>
  // expected-error @+1 {{Slice '?': its range is not constant or runs backwards}}
  %y = pipe.onnx_node "Slice"(%x, %s, %e, %a, %s) opset 23 present [true, true, true, true, true] {} : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @untyped(%x: !pipe.unknown) -> tensor<4xf32> {
  // expected-error @+1 {{Transpose '?': has an input of unknown type, expected static types (pipe-fold-nodes)}}
  %y = pipe.onnx_node "Transpose"(%x) opset 23 present [true] {} : (!pipe.unknown) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
