// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics

func.func @keys(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x7xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has k of 'tensor<2x5x2x7xf32>', expected 2x?x?x8}}
  %0:2 = pipe.attention ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x7xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @values(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x4x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has v of 'tensor<2x4x2x6xf32>', expected 2x5x2x?}}
  %0:2 = pipe.attention ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x4x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @query(%q: tensor<3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has q of 'tensor<3x4x8xf32>', expected ?x?x?x?}}
  %0:2 = pipe.attention ins(%q, %k, %v : tensor<3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @empty(%q: tensor<2x0x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has q of 'tensor<2x0x4x8xf32>', expected ?x?x?x?}}
  %0:2 = pipe.attention ins(%q, %k, %v : tensor<2x0x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @groups(%q: tensor<2x3x3x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has 3 heads in q and 2 in k, expected a multiple}}
  %0:2 = pipe.attention ins(%q, %k, %v : tensor<2x3x3x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @integers(%q: tensor<2x3x4x8xi32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has q with elements of 'i32', expected a floating-point type}}
  %0:2 = pipe.attention ins(%q, %k, %v : tensor<2x3x4x8xi32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @mixed(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf16>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has k with elements of 'f16', expected 'f32'}}
  %0:2 = pipe.attention ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf16>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @result(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x4x3x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has o of 'tensor<2x4x3x6xf32>', expected 2x3x4x6}}
  %0:2 = pipe.attention ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x4x3x6xf32>, tensor<2x4x3xf32>) -> tensor<2x4x3x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @sums(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x3x4xf32>) {
  // expected-error @+1 {{pipe.attention has lse of 'tensor<2x3x4xf32>', expected 2x4x3}}
  %0:2 = pipe.attention ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4x6xf32>, tensor<2x3x4xf32>
  return
}

// -----

func.func @sums_type(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf16>) {
  // expected-error @+1 {{pipe.attention has lse with elements of 'f16', expected 'f32'}}
  %0:2 = pipe.attention ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf16>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf16>
  return
}

// -----

func.func @missing_bias(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention with bias and without dropout has 3 inputs and 2 destinations, expected 4 and 2}}
  %0:2 = pipe.attention bias ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @unsaid_bias(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %bias: tensor<1x4x1x5xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention without bias and without dropout has 4 inputs and 2 destinations, expected 3 and 2}}
  %0:2 = pipe.attention ins(%q, %k, %v, %bias : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x1x5xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @bias(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %bias: tensor<1x2x3x5xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has bias of 'tensor<1x2x3x5xf32>', expected 2x4x3x5 or 1 in place of any size}}
  %0:2 = pipe.attention bias ins(%q, %k, %v, %bias : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x2x3x5xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @bias_rank(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %bias: tensor<3x5xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has bias of 'tensor<3x5xf32>', expected 2x4x3x5 or 1 in place of any size}}
  %0:2 = pipe.attention bias ins(%q, %k, %v, %bias : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<3x5xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @bias_type(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %bias: tensor<1x4x1x5xi1>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has bias with elements of 'i1', expected 'f32'}}
  %0:2 = pipe.attention bias ins(%q, %k, %v, %bias : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x1x5xi1>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @key(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %key: tensor<i32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has key with elements of 'i32', expected 'i64'}}
  %0:2 = pipe.attention dropout 0.1 ins(%q, %k, %v, %key : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<i32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @keys_shape(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %key: tensor<1xi64>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has key of 'tensor<1xi64>', expected no dimensions}}
  %0:2 = pipe.attention dropout 0.1 ins(%q, %k, %v, %key : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1xi64>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @ratio(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %key: tensor<i64>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has dropout 1.000000e+00, expected 0 or more and below 1}}
  %0:2 = pipe.attention dropout 1.0 ins(%q, %k, %v, %key : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<i64>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @uncounted(%q: tensor<1x65536x1x8xf32>, %k: tensor<1x65537x1x8xf32>, %v: tensor<1x65537x1x8xf32>, %key: tensor<i64>, %o: tensor<1x65536x1x8xf32>, %lse: tensor<1x1x65536xf32>) {
  // expected-error @+1 {{pipe.attention with dropout has 1x1x65536x65537 scores, expected at most 2^32}}
  %0:2 = pipe.attention dropout 0.5 ins(%q, %k, %v, %key : tensor<1x65536x1x8xf32>, tensor<1x65537x1x8xf32>, tensor<1x65537x1x8xf32>, tensor<i64>) outs(%o, %lse : tensor<1x65536x1x8xf32>, tensor<1x1x65536xf32>) -> tensor<1x65536x1x8xf32>, tensor<1x1x65536xf32>
  return
}

// -----

func.func @left(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has left -1, expected 0 or more}}
  %0:2 = pipe.attention left -1 ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @right(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has right -2, expected 0 or more}}
  %0:2 = pipe.attention right -2 ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @scale(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has scale}}
  %0:2 = pipe.attention scale 0x7FF0000000000000 ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @softcap(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>) {
  // expected-error @+1 {{pipe.attention has softcap 0.000000e+00, expected a finite number above 0}}
  %0:2 = pipe.attention softcap 0.0 ins(%q, %k, %v : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) outs(%o, %lse : tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> tensor<2x3x4x6xf32>, tensor<2x4x3xf32>
  return
}

// -----

func.func @gradient(%do: tensor<2x3x4x8xf32>, %q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>, %dq: tensor<2x3x4x8xf32>, %dk: tensor<2x5x2x8xf32>, %dv: tensor<2x5x2x6xf32>) {
  // expected-error @+1 {{pipe.attention_grad has do of 'tensor<2x3x4x8xf32>', expected 2x3x4x6}}
  %0:3 = pipe.attention_grad ins(%do, %q, %k, %v, %o, %lse : tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) outs(%dq, %dk, %dv : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) -> tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>
  return
}

// -----

func.func @saved(%do: tensor<2x3x4x6xf32>, %q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x1xf32>, %dq: tensor<2x3x4x8xf32>, %dk: tensor<2x5x2x8xf32>, %dv: tensor<2x5x2x6xf32>) {
  // expected-error @+1 {{pipe.attention_grad has lse of 'tensor<2x4x1xf32>', expected 2x4x3}}
  %0:3 = pipe.attention_grad ins(%do, %q, %k, %v, %o, %lse : tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x1xf32>) outs(%dq, %dk, %dv : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) -> tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>
  return
}

// -----

func.func @saved_result(%do: tensor<2x3x4x6xf32>, %q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x2x6xf32>, %lse: tensor<2x4x3xf32>, %dq: tensor<2x3x4x8xf32>, %dk: tensor<2x5x2x8xf32>, %dv: tensor<2x5x2x6xf32>) {
  // expected-error @+1 {{pipe.attention_grad has o of 'tensor<2x3x2x6xf32>', expected 2x3x4x6}}
  %0:3 = pipe.attention_grad ins(%do, %q, %k, %v, %o, %lse : tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x2x6xf32>, tensor<2x4x3xf32>) outs(%dq, %dk, %dv : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) -> tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>
  return
}

// -----

func.func @dquery(%do: tensor<2x3x4x6xf32>, %q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>, %dq: tensor<2x5x2x8xf32>, %dk: tensor<2x5x2x8xf32>, %dv: tensor<2x5x2x6xf32>) {
  // expected-error @+1 {{pipe.attention_grad has dq of 'tensor<2x5x2x8xf32>', expected 2x3x4x8}}
  %0:3 = pipe.attention_grad ins(%do, %q, %k, %v, %o, %lse : tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) outs(%dq, %dk, %dv : tensor<2x5x2x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) -> tensor<2x5x2x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>
  return
}

// -----

func.func @dkeys(%do: tensor<2x3x4x6xf32>, %q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>, %dq: tensor<2x3x4x8xf32>, %dk: tensor<2x5x4x8xf32>, %dv: tensor<2x5x2x6xf32>) {
  // expected-error @+1 {{pipe.attention_grad has dk of 'tensor<2x5x4x8xf32>', expected 2x5x2x8}}
  %0:3 = pipe.attention_grad ins(%do, %q, %k, %v, %o, %lse : tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) outs(%dq, %dk, %dv : tensor<2x3x4x8xf32>, tensor<2x5x4x8xf32>, tensor<2x5x2x6xf32>) -> tensor<2x3x4x8xf32>, tensor<2x5x4x8xf32>, tensor<2x5x2x6xf32>
  return
}

// -----

func.func @dvalues(%do: tensor<2x3x4x6xf32>, %q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>, %dq: tensor<2x3x4x8xf32>, %dk: tensor<2x5x2x8xf32>, %dv: tensor<2x5x2x8xf32>) {
  // expected-error @+1 {{pipe.attention_grad has dv of 'tensor<2x5x2x8xf32>', expected 2x5x2x6}}
  %0:3 = pipe.attention_grad ins(%do, %q, %k, %v, %o, %lse : tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) outs(%dq, %dk, %dv : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x8xf32>) -> tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x8xf32>
  return
}

// -----

func.func @dbias(%do: tensor<2x3x4x6xf32>, %q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>, %bias: tensor<1x4x1x5xf32>, %dq: tensor<2x3x4x8xf32>, %dk: tensor<2x5x2x8xf32>, %dv: tensor<2x5x2x6xf32>, %dbias: tensor<1x4x3x5xf32>) {
  // expected-error @+1 {{pipe.attention_grad has dbias of 'tensor<1x4x3x5xf32>', expected 1x4x1x5}}
  %0:4 = pipe.attention_grad bias ins(%do, %q, %k, %v, %o, %lse, %bias : tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>, tensor<1x4x1x5xf32>) outs(%dq, %dk, %dv, %dbias : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x3x5xf32>) -> tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x3x5xf32>
  return
}

// -----

func.func @unbiased(%do: tensor<2x3x4x6xf32>, %q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>, %dq: tensor<2x3x4x8xf32>, %dk: tensor<2x5x2x8xf32>, %dv: tensor<2x5x2x6xf32>, %dbias: tensor<1x4x1x5xf32>) {
  // expected-error @+1 {{pipe.attention_grad without bias and without dropout has 6 inputs and 4 destinations, expected 6 and 3}}
  %0:4 = pipe.attention_grad ins(%do, %q, %k, %v, %o, %lse : tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) outs(%dq, %dk, %dv, %dbias : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x1x5xf32>) -> tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x1x5xf32>
  return
}

// -----

func.func @forgotten(%do: tensor<2x3x4x6xf32>, %q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %o: tensor<2x3x4x6xf32>, %lse: tensor<2x4x3xf32>, %dq: tensor<2x3x4x8xf32>, %dk: tensor<2x5x2x8xf32>, %dv: tensor<2x5x2x6xf32>) {
  // expected-error @+1 {{pipe.attention_grad with bias and without dropout has 6 inputs and 3 destinations, expected 7 and 3 or 4}}
  %0:3 = pipe.attention_grad bias ins(%do, %q, %k, %v, %o, %lse : tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) outs(%dq, %dk, %dv : tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>) -> tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>
  return
}
