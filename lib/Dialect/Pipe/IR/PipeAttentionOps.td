#ifndef BITPIPE_DIALECT_PIPE_IR_PIPEATTENTIONOPS_TD
#define BITPIPE_DIALECT_PIPE_IR_PIPEATTENTIONOPS_TD

include "PipeComputeOps.td"

/// What both directions have: their attributes, and names for their operands.
class Pipe_AttentionBase<string mnemonic> : Pipe_ComputeOp<mnemonic> {
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale,
                       OptionalAttr<I64Attr>:$left, OptionalAttr<I64Attr>:$right,
                       OptionalAttr<F64Attr>:$softcap, UnitAttr:$biased,
                       OptionalAttr<F64Attr>:$dropout);
  let clauses = "(`scale` $scale^)? (`left` $left^)? (`right` $right^)? " #
                "(`softcap` $softcap^)? (`bias` $biased^)? (`dropout` $dropout^)? ";
  // How many operands come before q.
  int firstInput = 0;
  // The inputs without bias and key.
  int plainInputs = 3;
  let declarations = "static constexpr unsigned firstInput = " # firstInput #
                     ", plainInputs = " # plainInputs # [{;
    ::mlir::Value getQuery() { return getInputs()[firstInput]; }
    ::mlir::Value getKeys() { return getInputs()[firstInput + 1]; }
    ::mlir::Value getValues() { return getInputs()[firstInput + 2]; }
    /// Null without bias, and without dropout.
    ::mlir::Value getBias() {
      return getBiased() ? getInputs()[plainInputs] : ::mlir::Value();
    }
    ::mlir::Value getDropoutKey() {
      return getDropout() ? getInputs()[plainInputs + getBiased()] : ::mlir::Value();
    }
    /// The sizes that q, k and v have.
    AttentionSizes getSizes() {
      return AttentionSizes::of(getQuery(), getKeys(), getValues());
    }
    /// How many of a head's rows x columns scores its band holds.
    int64_t countBand() {
      AttentionSizes sizes = getSizes();
      return countInBand(sizes.rows, sizes.columns, getLeft(), getRight());
    }
  }];
}

def Pipe_AttentionOp : Pipe_AttentionBase<"attention"> {
  let summary = "Attention: softmax(q k^T) v, without a matrix of scores in memory";
  let description = [{
    ins(q, k, v [, bias] [, key]), outs(o, lse):

        q    [batch, rows, heads, size]
        k    [batch, columns, kv_heads, size]
        v    [batch, columns, kv_heads, vsize]
        bias [batch or 1, heads or 1, rows or 1, columns or 1]
        key  []: i64
        o    [batch, rows, heads, vsize]
        lse  [batch, heads, rows]: f32, the natural logarithm of the sum of
             exp(score) over each row

    q, k, v and o have elements of one type; the bias has, too, but f32 where they are
    bf16, and everything is computed in f32.

    heads is a multiple of kv_heads; query head h reads head
    h / (heads / kv_heads) of k and v. For every head, in this order:

    1. score(r, c) = scale * (q(r) . k(c)), scale 1 if not given.
    2. With `softcap` C: C * tanh(score / C).
    3. With `bias`: + bias(r, c), where a dimension of 1 is repeated.
    4. The band: with r' = r + columns - rows, column c takes part in row r only
       if r' - left <= c <= r' + right; one that is not given is unlimited. Causal
       attention has `right 0`, a causal sliding window of W `left W-1 right 0`,
       local attention `left w right w`.
    5. p = exp(score - lse). A row in which nothing takes part, or whose scores
       are all -infinity, is zero, and its lse is -infinity.
    6. With `dropout`: p * m, m the mask of pipe.dropout with this ratio and key
       on a tensor [batch, heads, rows, columns].
    7. o(r) = sum over c of p(r, c) * v(c).
  }];
}

def Pipe_AttentionGradOp : Pipe_AttentionBase<"attention_grad"> {
  let summary = "Gradients of pipe.attention by q, k, v and bias";
  let description = [{
    ins(do, q, k, v, o, lse [, bias] [, key]), outs(dq, dk, dv [, dbias]), with the
    attributes and operands of pipe.attention and the shapes that they have there. The
    scores are computed again from q, k and lse (Dao, FlashAttention-2, 2023), m
    being the dropout's mask:

        delta(r) = sum over the vsize of do(r) * o(r)
        p = exp(score - lse), dp = m * (do v^T), ds = p * (dp - delta)
        dv = (m * p)^T do
        dbias += ds, summed over the dimensions that bias repeats
        ds *= 1 - tanh^2 where there is a softcap
        dq = scale * ds k, dk = scale * ds^T q

    dk and dv are summed over the query heads that read a head of k and v. dq, dk
    and dv are overwritten, dbias is accumulated. Rows whose lse is -infinity add
    nothing. dbias is there only where it is wanted.
  }];
  let firstInput = 1;
  let plainInputs = 6;
}

#endif
