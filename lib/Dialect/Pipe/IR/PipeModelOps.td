#ifndef BITPIPE_DIALECT_PIPE_IR_PIPEMODELOPS_TD
#define BITPIPE_DIALECT_PIPE_IR_PIPEMODELOPS_TD

// Level 0: the model as imported.

include "PipeDialect.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Pipe_ModelOp : Pipe_Op<"model"> {
  let summary = "Names of a model's forward function, inputs and outputs";
  let description = [{
    `forward` is a `func.func` whose arguments are the model inputs in the
    order of `inputs` and whose results are the model outputs in the order of
    `outputs`. Parameters are not arguments: they are read with
    `pipe.get_parameter`.

    After the loss is attached the function has one more input (the labels,
    when the loss is computed from logits), and its only result is the scalar
    loss *sum* of the micro-batch. `loss` then says how the sum is normalised:
    `labels` divides by the number of labels that are not `ignore_index` in
    the whole global batch, `microbatches` by the number of micro-batches.
    With `counts` the result is `tensor<2xf32>`, the sum and a count that the
    model computes from its inputs, and the sum over all micro-batches is
    divided by the count over all micro-batches.
    `bounds` holds per input the exclusive upper bound of valid values (the
    rows of the table an id selects, the vocabulary of the labels), or -1;
    `lowest` the smallest valid ones, where one of them is not 0.

    `attentions` counts those that are one operation, `decomposed` has a line for
    each other one: its node and why.

    `precision` says what the stages compute in, once that is decided: `bf16`
    where `--pipe-use-bf16` has run.
  }];
  let arguments = (ins FlatSymbolRefAttr:$forward, StrArrayAttr:$inputs,
                       StrArrayAttr:$outputs,
                       OptionalAttr<StrAttr>:$loss,
                       OptionalAttr<I64Attr>:$ignore_index,
                       OptionalAttr<DenseI64ArrayAttr>:$bounds,
                       OptionalAttr<DenseI64ArrayAttr>:$lowest,
                       OptionalAttr<StrAttr>:$precision,
                       OptionalAttr<I64Attr>:$attentions,
                       OptionalAttr<StrArrayAttr>:$decomposed);
  let assemblyFormat = [{
    $forward `inputs` $inputs `outputs` $outputs (`loss` $loss^)?
    (`ignore_index` $ignore_index^)? (`bounds` $bounds^)?
    (`lowest` $lowest^)? (`precision` $precision^)?
    (`attentions` $attentions^)? (`decomposed` $decomposed^)? attr-dict
  }];
}

def Pipe_ParameterOp : Pipe_Op<"parameter", [Symbol]> {
  let summary = "A named tensor of the model that points into a file";
  let description = [{
    Either `file` and `offset` (bytes from the start of the file; the data is
    dense, little endian, row major) or an inline `value`. `trainable` ones get
    gradients; `frozen` ones are parameters of the model that get none and are
    saved all the same; the others are constants too large to sit in the IR.

    `stored` is the element type of the model's file where it is not that of
    `type`: bytes in `file` have it, and so has what is saved. `aliases` are
    further names that the model has for the same parameter.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type,
                       UnitAttr:$trainable,
                       OptionalAttr<StrAttr>:$file,
                       OptionalAttr<I64Attr>:$offset,
                       OptionalAttr<ElementsAttr>:$value,
                       UnitAttr:$frozen,
                       OptionalAttr<TypeAttr>:$stored,
                       OptionalAttr<StrArrayAttr>:$aliases);
  let assemblyFormat = [{
    $sym_name `:` $type (`trainable` $trainable^)? (`frozen` $frozen^)?
    (`stored` $stored^)? (`aliases` $aliases^)?
    (`file` $file^ `offset` $offset)? (`value` $value^)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// Whether it is a parameter of the model and no constant.
    bool isSaved() { return getTrainable() || getFrozen(); }
    /// The type of the bytes in the file.
    ::mlir::RankedTensorType getStoredType();
  }];
  let hasVerifier = 1;
}

def Pipe_GetParameterOp : Pipe_Op<"get_parameter",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Reads a parameter";
  let arguments = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$parameter attr-dict `:` type($result)";
}

def Pipe_DropoutKeyOp : Pipe_Op<"dropout_key", [Pure]> {
  let summary = "The key of a dropout's masks, another one in every micro-batch";
  let description = [{
    `dropout` numbers the dropouts of a model in the order of its nodes. The
    runtime gives the key for each micro-batch of each step, and it depends on
    nothing else: not on stages, devices or schedule. With f the next number of
    the generator SplitMix64 from a state, in unsigned 64-bit arithmetic:

        f(z):  z += 0x9e3779b97f4a7c15;
               z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
               z = (z ^ (z >> 27)) * 0x94d049bb133111eb; z ^ (z >> 31)
        key = f(f(f(f(seed) ^ step) ^ micro-batch) ^ dropout)

    where all are counted from 0, micro-batches within the global batch.
  }];
  let arguments = (ins I64Attr:$dropout);
  let results = (outs TensorOf<[I64]>:$result);
  let assemblyFormat = "$dropout attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Pipe_DetachOp : Pipe_Op<"detach", [Pure, SameOperandsAndResultType]> {
  let summary = "A value that differentiation takes for a constant";
  let description = [{
    The operand itself, but no gradient flows back through it: PyTorch's
    `detach`, and the results of what it computes under `no_grad`. Gone once
    the stages are differentiated.
  }];
  let arguments = (ins AnyType:$operand);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
}

def Pipe_OnnxNodeOp : Pipe_Op<"onnx_node", [Pure]> {
  let summary = "One ONNX node, as the file has it";
  let description = [{
    `op_type` and `domain` name the operator, `opset` the version of the
    domain the file asks for. `present` has one entry per input of the node;
    an omitted optional input is false and has no operand. `onnx_attributes` holds
    the node's attributes under their names: integers as i64, floats as
    f32, strings, tensors as elements, lists as arrays.
  }];
  let arguments = (ins StrAttr:$op_type, DefaultValuedAttr<StrAttr, "\"\"">:$domain, I64Attr:$opset,
                       Variadic<AnyType>:$operands, DenseBoolArrayAttr:$present,
                       DictionaryAttr:$onnx_attributes);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = [{
    $op_type `(` $operands `)` `opset` $opset (`domain` $domain^)?
    `present` $present $onnx_attributes attr-dict
    `:` functional-type($operands, $results)
  }];
}

#endif
