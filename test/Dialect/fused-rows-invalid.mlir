// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @takes_less(%x: tensor<4x8xf32>, %key: tensor<i64>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{pipe.fused_rows has a body that takes 2 tensors, expected 3}}
  %0 = pipe.fused_rows ins(%x, %key, %y : tensor<4x8xf32>, tensor<i64>, tensor<4x8xf32>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>):
    %e = tensor.empty() : tensor<4x8xf32>
    %d = pipe.dropout ratio 0.5 ins(%a, %k : tensor<4x8xf32>, tensor<i64>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%d, %a : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %s : tensor<4x8xf32>
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @takes_other(%x: tensor<4x8xf32>, %key: tensor<i64>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{pipe.fused_rows has a body that takes 'tensor<4x8xf32>', expected 'tensor<i64>'}}
  %0 = pipe.fused_rows ins(%x, %key, %key : tensor<4x8xf32>, tensor<i64>, tensor<i64>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>, %b: tensor<4x8xf32>):
    %e = tensor.empty() : tensor<4x8xf32>
    %d = pipe.dropout ratio 0.5 ins(%a, %k : tensor<4x8xf32>, tensor<i64>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %d : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %s : tensor<4x8xf32>
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @yields_more(%x: tensor<4x8xf32>, %key: tensor<i64>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{pipe.fused_rows yields 2 tensors, expected 1}}
  %0 = pipe.fused_rows ins(%x, %key, %y : tensor<4x8xf32>, tensor<i64>, tensor<4x8xf32>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>, %b: tensor<4x8xf32>):
    %e = tensor.empty() : tensor<4x8xf32>
    %d = pipe.dropout ratio 0.5 ins(%a, %k : tensor<4x8xf32>, tensor<i64>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %d : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %s, %d : tensor<4x8xf32>, tensor<4x8xf32>
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @yields_input(%x: tensor<4x8xf32>, %key: tensor<i64>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{pipe.fused_rows yields what it does not compute, expected results of its body}}
  %0 = pipe.fused_rows ins(%x, %key, %y : tensor<4x8xf32>, tensor<i64>, tensor<4x8xf32>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>, %b: tensor<4x8xf32>):
    %e = tensor.empty() : tensor<4x8xf32>
    %d = pipe.dropout ratio 0.5 ins(%a, %k : tensor<4x8xf32>, tensor<i64>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %d : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %b : tensor<4x8xf32>
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @no_rows(%x: tensor<4x8xf32>, %key: tensor<i64>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{pipe.fused_rows has 0 row operations, expected 1}}
  %0 = pipe.fused_rows ins(%x, %key, %y : tensor<4x8xf32>, tensor<i64>, tensor<4x8xf32>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>, %b: tensor<4x8xf32>):
    %e = tensor.empty() : tensor<4x8xf32>
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %a : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %s : tensor<4x8xf32>
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @other_rows(%x: tensor<4x8xf32>, %key: tensor<i64>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{pipe.fused_rows has 0 row operations, expected 1}}
  %0 = pipe.fused_rows ins(%x, %key, %y : tensor<4x8xf32>, tensor<i64>, tensor<4x8xf32>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>, %b: tensor<4x8xf32>):
    %e = tensor.empty() : tensor<4x8xf32>
    %d = pipe.softmax ins(%a : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %d : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %s : tensor<4x8xf32>
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @transposed(%x: tensor<8x8xf32>, %key: tensor<i64>, %y: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = pipe.fused_rows ins(%x, %key, %y : tensor<8x8xf32>, tensor<i64>, tensor<8x8xf32>) outs(%y : tensor<8x8xf32>) {
  ^bb0(%a: tensor<8x8xf32>, %k: tensor<i64>, %b: tensor<8x8xf32>):
    %e = tensor.empty() : tensor<8x8xf32>
    %d = pipe.dropout ratio 0.5 ins(%a, %k : tensor<8x8xf32>, tensor<i64>) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  // expected-error @+1 {{linalg.generic in a pipe.fused_rows indexes an operand by more than its place, or a broadcast of it, expected it elementwise along the rows of 'tensor<8x8xf32>'}}
    %s = linalg.generic {indexing_maps = [#all, affine_map<(d0, d1) -> (d1, d0)>, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %d : tensor<8x8xf32>, tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<8x8xf32>
    pipe.yield %s : tensor<8x8xf32>
  } -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @broadcast(%x: tensor<4x8xf32>, %key: tensor<8xf32>, %y: tensor<4x8xf32>, %v: tensor<4xf32>) -> tensor<4x8xf32> {
  %0:3 = pipe.fused_rows ins(%x, %key, %y : tensor<4x8xf32>, tensor<8xf32>, tensor<4x8xf32>) outs(%y, %v, %v : tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<8xf32>, %b: tensor<4x8xf32>):
    %f = tensor.empty() : tensor<4xf32>
    %e = tensor.empty() : tensor<4x8xf32>
    %d:3 = pipe.layer_norm epsilon 1.0e-5 ins(%a, %k, %k : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%e, %f, %f : tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>
  // expected-error @+1 {{linalg.generic in a pipe.fused_rows reads operand 1 from inside, expected elements of its own place only}}
    %s = linalg.generic {indexing_maps = [#all, affine_map<(d0, d1) -> (d0)>, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %d#1 : tensor<4x8xf32>, tensor<4xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %s, %d#1, %d#2 : tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>
  } -> tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>
  return %0#0 : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @adds(%x: tensor<4x8xf32>, %key: tensor<i64>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = pipe.fused_rows ins(%x, %key, %y : tensor<4x8xf32>, tensor<i64>, tensor<4x8xf32>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>, %b: tensor<4x8xf32>):
    %e = tensor.empty() : tensor<4x8xf32>
    %d = pipe.dropout ratio 0.5 ins(%a, %k : tensor<4x8xf32>, tensor<i64>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  // expected-error @+1 {{linalg.generic in a pipe.fused_rows reads what it is to write}}
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %d : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %2 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %s : tensor<4x8xf32>
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @statistics(%x: tensor<4x8xf32>, %key: tensor<8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @+1 {{pipe.fused_rows yields pipe.layer_norm's results behind the first not once each, as expected}}
  %0 = pipe.fused_rows ins(%x, %key, %y : tensor<4x8xf32>, tensor<8xf32>, tensor<4x8xf32>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<8xf32>, %b: tensor<4x8xf32>):
    %f = tensor.empty() : tensor<4xf32>
    %e = tensor.empty() : tensor<4x8xf32>
    %d:3 = pipe.layer_norm epsilon 1.0e-5 ins(%a, %k, %k : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) outs(%e, %f, %f : tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %d#0 : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %s : tensor<4x8xf32>
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @doubles(%x: tensor<4x8xf32>, %key: tensor<i64>, %y: tensor<4x8xf32>, %z: tensor<4x8xf64>) -> tensor<4x8xf32> {
  %0 = pipe.fused_rows ins(%x, %key, %z : tensor<4x8xf32>, tensor<i64>, tensor<4x8xf64>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>, %b: tensor<4x8xf64>):
    %e = tensor.empty() : tensor<4x8xf32>
    %d = pipe.dropout ratio 0.5 ins(%a, %k : tensor<4x8xf32>, tensor<i64>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  // expected-error @+1 {{linalg.generic in a pipe.fused_rows has an operand that is not computed in the type of the rows}}
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %d : tensor<4x8xf64>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f64, %1: f32, %2: f32):
      %4 = arith.truncf %0 : f64 to f32
      %3 = arith.addf %4, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %s : tensor<4x8xf32>
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

#all = affine_map<(d0, d1) -> (d0, d1)>

func.func @reads_constant(%x: tensor<4x8xf32>, %key: tensor<i64>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = pipe.fused_rows ins(%x, %key, %y : tensor<4x8xf32>, tensor<i64>, tensor<4x8xf32>) outs(%y : tensor<4x8xf32>) {
  ^bb0(%a: tensor<4x8xf32>, %k: tensor<i64>, %b: tensor<4x8xf32>):
    %e = tensor.empty() : tensor<4x8xf32>
    %d = pipe.dropout ratio 0.5 ins(%a, %k : tensor<4x8xf32>, tensor<i64>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  // expected-error @+1 {{linalg.generic in a pipe.fused_rows reads operand 1 from what computes nothing, expected an input of it or a result}}
    %s = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
        ins(%b, %e : tensor<4x8xf32>, tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%0: f32, %1: f32, %2: f32):
      %3 = arith.addf %0, %1 : f32
      linalg.yield %3 : f32
    } -> tensor<4x8xf32>
    pipe.yield %s : tensor<4x8xf32>
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
