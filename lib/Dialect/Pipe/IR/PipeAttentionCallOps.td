#ifndef BITPIPE_DIALECT_PIPE_IR_PIPEATTENTIONCALLOPS_TD
#define BITPIPE_DIALECT_PIPE_IR_PIPEATTENTIONCALLOPS_TD

include "PipeDialect.td"

/// A call of a routine with the attributes of pipe.attention.
class Pipe_AttentionCallBase<string mnemonic, dag operands, dag bias, string clauses,
                             string biasClause>
    : Pipe_Op<mnemonic, [HasParent<"RoutineOp">]> {
  let arguments = !con(operands, bias,
      (ins OptionalAttr<Pipe_RefAttr>:$key, Pipe_RefAttr:$workspace,
           I64Attr:$workspace_bytes, DenseI64ArrayAttr:$sizes,
           DefaultValuedAttr<F64Attr, "1.0">:$scale, OptionalAttr<I64Attr>:$left,
           OptionalAttr<I64Attr>:$right, OptionalAttr<F64Attr>:$softcap,
           OptionalAttr<F64Attr>:$dropout, OptionalAttr<TypeAttr>:$element));
  let assemblyFormat = clauses # biasClause # [{
    (`key` $key^)? `workspace` $workspace $workspace_bytes `sizes` $sizes
    (`scale` $scale^)? (`left` $left^)? (`right` $right^)? (`softcap` $softcap^)?
    (`dropout` $dropout^)? (`of` $element^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Pipe_AttentionCallOp : Pipe_AttentionCallBase<"attention_call",
    (ins Pipe_RefAttr:$q, DenseI64ArrayAttr:$q_strides,
         Pipe_RefAttr:$k, DenseI64ArrayAttr:$k_strides,
         Pipe_RefAttr:$v, DenseI64ArrayAttr:$v_strides,
         Pipe_RefAttr:$o, DenseI64ArrayAttr:$o_strides,
         Pipe_RefAttr:$lse, DenseI64ArrayAttr:$lse_strides),
    (ins OptionalAttr<Pipe_RefAttr>:$bias, OptionalAttr<DenseI64ArrayAttr>:$bias_strides), [{
      `q` $q $q_strides `k` $k $k_strides `v` $v $v_strides `o` $o $o_strides
      `lse` $lse $lse_strides
    }], "(`bias` $bias^ $bias_strides)?"> {
  let summary = "pipe.attention on places, by the device's own kernel";
  let description = [{
    `sizes` is [batch, heads, kv_heads, rows, columns, size, vsize]. Strides, in
    elements, are those of [batch, sequence, head] for q, k, v and o, whose last
    dimension is contiguous, of [batch, head] for lse, whose rows are, and of
    [batch, head, row, column] for the bias, where 0 repeats a dimension. `key` is
    there with `dropout` only. The call works in `workspace_bytes` at `workspace`,
    which hold nothing before and after it: what one thread needs
    (lib/Runtime/AttentionWorkspace.h).

    `of` is the type of the elements of q, k, v and o: bf16, or f32, which they have
    where it is not given. The bias and lse are f32, and so is all that is computed.

    ```mlir
    pipe.attention_call q <1, 0> [96, 24, 4] k <1, 32> [96, 24, 4] v <1, 64> [96, 24, 4]
      o <1, 1024> [32, 8, 4] lse <1, 768> [8, 4] workspace <4, 0> 4096
      sizes [2, 2, 2, 4, 4, 4, 4] scale 5.0e-01 right 0
    ```
  }];
}

def Pipe_AttentionGradCallOp : Pipe_AttentionCallBase<"attention_grad_call",
    (ins Pipe_RefAttr:$d_output, DenseI64ArrayAttr:$d_output_strides,
         Pipe_RefAttr:$q, DenseI64ArrayAttr:$q_strides,
         Pipe_RefAttr:$k, DenseI64ArrayAttr:$k_strides,
         Pipe_RefAttr:$v, DenseI64ArrayAttr:$v_strides,
         Pipe_RefAttr:$o, DenseI64ArrayAttr:$o_strides,
         Pipe_RefAttr:$lse, DenseI64ArrayAttr:$lse_strides,
         Pipe_RefAttr:$dq, DenseI64ArrayAttr:$dq_strides,
         Pipe_RefAttr:$dk, DenseI64ArrayAttr:$dk_strides,
         Pipe_RefAttr:$dv, DenseI64ArrayAttr:$dv_strides),
    (ins OptionalAttr<Pipe_RefAttr>:$bias, OptionalAttr<DenseI64ArrayAttr>:$bias_strides,
         OptionalAttr<Pipe_RefAttr>:$dbias,
         OptionalAttr<DenseI64ArrayAttr>:$dbias_strides), [{
      `d_output` $d_output $d_output_strides `q` $q $q_strides `k` $k $k_strides
      `v` $v $v_strides `o` $o $o_strides `lse` $lse $lse_strides
      `dq` $dq $dq_strides `dk` $dk $dk_strides `dv` $dv $dv_strides
    }], "(`bias` $bias^ $bias_strides)? (`dbias` $dbias^ $dbias_strides)?"> {
  let summary = "pipe.attention_grad on places, by the device's own kernel";
  let description = [{
    As pipe.attention_call. d_output is do of pipe.attention_grad and has the strides
    of an o, dq, dk and dv those of a q, k and v, and all four have elements as these.
    dq, dk and dv are overwritten; dbias, with strides as the bias and f32, is added to.
  }];
}

#endif
