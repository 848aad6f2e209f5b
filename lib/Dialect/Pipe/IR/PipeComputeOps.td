#ifndef BITPIPE_DIALECT_PIPE_IR_PIPECOMPUTEOPS_TD
#define BITPIPE_DIALECT_PIPE_IR_PIPECOMPUTEOPS_TD

// Tensor operations whose textbook gradient upstream cannot express. All are
// in destination style, on tensors or buffers, like linalg's.

include "PipeDialect.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Pipe_TensorOrBuffer : AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef]>;

class Pipe_ComputeOp<string mnemonic, list<Trait> traits = []>
    : Pipe_Op<mnemonic, !listconcat([DestinationStyleOpInterface,
        AttrSizedOperandSegments,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>], traits)> {
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  string clauses = "";
  string declarations = "";
  let extraClassDeclaration = declarations # [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitsMutable(); }
  }];
  let assemblyFormat = clauses # [{
    `ins` `(` $inputs `:` type($inputs) `)`
    `outs` `(` $inits `:` type($inits) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Pipe_SoftmaxOp : Pipe_ComputeOp<"softmax"> {
  let summary = "Softmax of scale * x along the last dimension";
  let description = [{
    ins(x), outs(y), all of one shape `[..., rows, columns]`. With `causal`,
    column c of row r takes part only if c <= r + columns - rows. A row in
    which nothing takes part, or whose entries are all -infinity, is zero.
  }];
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale, UnitAttr:$causal);
  let clauses = "(`scale` $scale^)? (`causal` $causal^)? ";
}

def Pipe_SoftmaxGradOp : Pipe_ComputeOp<"softmax_grad"> {
  let summary = "Input gradient of pipe.softmax";
  let description = [{
    ins(dy, y), outs(dx): dx = scale * y * (dy - sum(dy * y)) per row.
  }];
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let clauses = "(`scale` $scale^)? ";
}

def Pipe_LayerNormOp : Pipe_ComputeOp<"layer_norm"> {
  let summary = "Layer normalisation over the last dimension";
  let description = [{
    ins(x[..., n], weight[n], bias[n]), outs(y[..., n], mean[...], rstd[...]):
    y = (x - mean) * rstd * weight + bias, rstd = 1/sqrt(variance + epsilon).
  }];
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits, F64Attr:$epsilon);
  let clauses = "`epsilon` $epsilon ";
}

def Pipe_LayerNormGradInputOp : Pipe_ComputeOp<"layer_norm_grad_input"> {
  let summary = "Input gradient of pipe.layer_norm";
  let description = [{
    ins(dy, x, weight, mean, rstd), outs(dx).
  }];
}

def Pipe_LayerNormGradParamsOp : Pipe_ComputeOp<"layer_norm_grad_params"> {
  let summary = "Weight gradient of pipe.layer_norm, added to its destination";
  let description = [{
    ins(dy, x, mean, rstd), outs(dweight[n], dbias[n]); both are accumulated.
  }];
}

def Pipe_GatherOp : Pipe_ComputeOp<"gather"> {
  let summary = "Rows of a table";
  let description = [{
    ins(table[rows, n...], ids[...]: integer), outs(y[..., n...]).
    Negative ids count from the end, as in ONNX. The kernel takes row 0 for an
    id that is outside and puts it on record; the step that met it fails.
  }];
}

def Pipe_GatherGradOp : Pipe_ComputeOp<"gather_grad"> {
  let summary = "Table gradient of pipe.gather, added to its destination";
  let description = [{ ins(dy[..., n...], ids[...]), outs(dtable[rows, n...]). }];
}

def Pipe_DropoutOp : Pipe_ComputeOp<"dropout"> {
  let summary = "Dropout whose mask follows from a key and the element's place";
  let description = [{
    ins(x, key[]: i64), outs(y), x and y of one shape and `0 <= ratio < 1`:
    y = x * m, where m is 0 for a share `ratio` of the elements and
    1 / (1 - ratio) for the others. It is its own gradient on dy: the mask is
    drawn again, never saved. With i the row-major position of an element, in
    unsigned 32-bit arithmetic:

        mix(h):  h ^= h >> 16; h *= 0x85ebca6b; h ^= h >> 13;
                 h *= 0xc2b2ae35; h ^= h >> 16
        hash(i) = mix(mix(i + (key mod 2^32)) ^ (key >> 32))
        m(i)    = hash(i) >= round(ratio * 2^32) ? f32(1 / (1 - ratio)) : 0
  }];
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits, F64Attr:$ratio);
  let clauses = "`ratio` $ratio ";
}

def Pipe_CrossEntropyOp : Pipe_ComputeOp<"cross_entropy"> {
  let summary = "Sum of cross-entropy over the labels that are not ignored";
  let description = [{
    ins(logits[..., classes], labels[...]: integer), outs(loss[]: scalar sum,
    lse[...]: log-sum-exp of each row). Ignored rows add nothing, nor does a
    label without a class, which the kernel puts on record; the step that met it
    fails.
  }];
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits,
                       DefaultValuedAttr<I64Attr, "-100">:$ignore_index);
  let clauses = "(`ignore_index` $ignore_index^)? ";
}

def Pipe_CrossEntropyGradOp : Pipe_ComputeOp<"cross_entropy_grad"> {
  let summary = "Logit gradient of pipe.cross_entropy";
  let description = [{
    ins(dloss[]: scalar, logits, labels, lse), outs(dlogits):
    dloss * (exp(logits - lse) - one_hot(label)), zero on ignored rows.
  }];
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits,
                       DefaultValuedAttr<I64Attr, "-100">:$ignore_index);
  let clauses = "(`ignore_index` $ignore_index^)? ";
}

def Pipe_LinearCrossEntropyOp : Pipe_ComputeOp<"linear_cross_entropy"> {
  let summary = "Cross-entropy of a linear layer, whose logits never exist whole";
  let description = [{
    ins(x[..., features], weight[classes, features], labels[...]: integer
    [, bias[classes]]), outs(loss[]: scalar sum), as pipe.cross_entropy of
    x * weight^T + bias. With `transposed` the weight is [features, classes].
    In a stage its value is computed together with its gradient, so that the
    logits are computed once; see `joint` of pipe.stage.
  }];
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits, UnitAttr:$transposed,
                       DefaultValuedAttr<I64Attr, "-100">:$ignore_index);
  let clauses = "(`transposed` $transposed^)? (`ignore_index` $ignore_index^)? ";
}

def Pipe_LinearCrossEntropyGradOp : Pipe_ComputeOp<"linear_cross_entropy_grad"> {
  let summary = "Value and gradients of pipe.linear_cross_entropy";
  let description = [{
    ins(dloss[]: scalar, x, weight, labels [, bias]), outs(loss[], dx, dweight
    [, dbias]): the loss itself is not multiplied by dloss, the gradients are;
    dweight and dbias are accumulated.
  }];
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits, UnitAttr:$transposed,
                       DefaultValuedAttr<I64Attr, "-100">:$ignore_index);
  let clauses = "(`transposed` $transposed^)? (`ignore_index` $ignore_index^)? ";
}

#endif
