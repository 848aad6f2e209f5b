// RUN: bitpipe-opt %s --split-input-file --verify-diagnostics

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call has 6 sizes, expected batch, heads, kv_heads, rows, columns, size, vsize}}
  pipe.attention_call q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call has no key and dropout, expected both or neither}}
  pipe.attention_call q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1] dropout 0.5
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call has key and no dropout, expected both or neither}}
  pipe.attention_call q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] key <0, 0> workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call has 4 strides of q, expected 3}}
  pipe.attention_call q <0, 0> [1, 1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call has 4 strides of k, expected 3}}
  pipe.attention_call q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call has 4 strides of v, expected 3}}
  pipe.attention_call q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call has 4 strides of o, expected 3}}
  pipe.attention_call q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1, 1] lse <0, 0> [1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call has 4 strides of lse, expected 2}}
  pipe.attention_call q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1, 1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call has 3 strides of bias, expected 4}}
  pipe.attention_call q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] bias <0, 0> [1, 1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call has bias and no strides of it, expected both or neither}}
  "pipe.attention_call"() {q = #pipe.ref<0, 0>, q_strides = array<i64: 1, 1, 1>, k = #pipe.ref<0, 0>, k_strides = array<i64: 1, 1, 1>, v = #pipe.ref<0, 0>, v_strides = array<i64: 1, 1, 1>, o = #pipe.ref<0, 0>, o_strides = array<i64: 1, 1, 1>, lse = #pipe.ref<0, 0>, lse_strides = array<i64: 1, 1>, bias = #pipe.ref<0, 0>, workspace = #pipe.ref<0, 0>, workspace_bytes = 64 : i64, sizes = array<i64: 1, 1, 1, 1, 1, 1, 1>} : () -> ()
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_grad_call has 1 strides of d_output, expected 3}}
  pipe.attention_grad_call d_output <0, 0> [1] q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] dq <0, 0> [1, 1, 1] dk <0, 0> [1, 1, 1] dv <0, 0> [1, 1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_grad_call has 1 strides of dq, expected 3}}
  pipe.attention_grad_call d_output <0, 0> [1, 1, 1] q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] dq <0, 0> [1] dk <0, 0> [1, 1, 1] dv <0, 0> [1, 1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_grad_call has 1 strides of dk, expected 3}}
  pipe.attention_grad_call d_output <0, 0> [1, 1, 1] q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] dq <0, 0> [1, 1, 1] dk <0, 0> [1] dv <0, 0> [1, 1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_grad_call has 1 strides of dv, expected 3}}
  pipe.attention_grad_call d_output <0, 0> [1, 1, 1] q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] dq <0, 0> [1, 1, 1] dk <0, 0> [1, 1, 1] dv <0, 0> [1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_grad_call has 1 strides of dbias, expected 4}}
  pipe.attention_grad_call d_output <0, 0> [1, 1, 1] q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] dq <0, 0> [1, 1, 1] dk <0, 0> [1, 1, 1] dv <0, 0> [1, 1, 1] bias <0, 0> [1, 1, 1, 1] dbias <0, 0> [1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_grad_call has dbias without bias, expected both}}
  pipe.attention_grad_call d_output <0, 0> [1, 1, 1] q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] dq <0, 0> [1, 1, 1] dk <0, 0> [1, 1, 1] dv <0, 0> [1, 1, 1] dbias <0, 0> [1, 1, 1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1]
}

// -----

pipe.routine @r blocks [64] {
  // expected-error @+1 {{pipe.attention_call is of 'f16', expected f32 or bf16}}
  pipe.attention_call q <0, 0> [1, 1, 1] k <0, 0> [1, 1, 1] v <0, 0> [1, 1, 1] o <0, 0> [1, 1, 1] lse <0, 0> [1, 1] workspace <0, 0> 64 sizes [1, 1, 1, 1, 1, 1, 1] of f16
}
