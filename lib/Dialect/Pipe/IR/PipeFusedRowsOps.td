#ifndef BITPIPE_DIALECT_PIPE_IR_PIPEFUSEDROWSOPS_TD
#define BITPIPE_DIALECT_PIPE_IR_PIPEFUSEDROWSOPS_TD

include "PipeComputeOps.td"

def Pipe_FusedRowsOp : Pipe_Op<"fused_rows", [DestinationStyleOpInterface,
    AttrSizedOperandSegments, IsolatedFromAbove, SingleBlock,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "An operation on rows and elementwise neighbours, row by row";
  let description = [{
    Computes what its body says of tensors, which are the contents of the
    inputs, and stores what the body yields in the destinations. The body is in
    SSA form on buffers, too: a value that is not yielded is never in memory.

    It holds one row operation (`pipe.layer_norm`, `pipe.layer_norm_grad_input`
    or `pipe.dropout`) and, of the shape of its rows, `linalg.generic`s without
    reductions, whose results and whose operands from inside are indexed by the
    identity; operands from outside may be broadcast. All compute in the row
    operation's type. Everything is read of an element before a result is
    stored in its place, so that a destination may be an input that is indexed
    by the identity alone.

    ```mlir
    %n:2 = pipe.fused_rows ins(%dy, %x, %w, %m, %r, %d : ...) outs(%e, %h : ...) {
    ^bb0(%0: tensor<4x8xf32>, ..., %5: tensor<4x8xf32>):
      %6 = tensor.empty() : tensor<4x8xf32>
      %dx = pipe.layer_norm_grad_input ins(%0, %1, %2, %3, %4 : ...) outs(%6 : ...) -> tensor<4x8xf32>
      %sum:2 = linalg.generic {...} ins(%5, %dx : ...) outs(...) {...}
      pipe.yield %sum#0, %sum#1 : tensor<4x8xf32>, tensor<4x8xbf16>
    } -> tensor<4x8xf32>, tensor<4x8xbf16>
    ```
  }];
  let arguments = (ins Variadic<Pipe_TensorOrBuffer>:$inputs,
                       Variadic<Pipe_TensorOrBuffer>:$inits);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitsMutable(); }
    /// The row operation of the body.
    ::mlir::Operation *rowOperation();
    /// Whether a destination of the same type may be this input: it is read nowhere but
    /// where the element of that place is stored.
    bool mayOverwrite(unsigned input);
  }];
  let assemblyFormat = [{
    `ins` `(` $inputs `:` type($inputs) `)`
    `outs` `(` $inits `:` type($inits) `)` attr-dict-with-keyword $body
    (`->` type($results)^)?
  }];
  let hasRegionVerifier = 1;
}

def Pipe_YieldOp : Pipe_Op<"yield", [Terminator, Pure, HasParent<"FusedRowsOp">]> {
  let summary = "What pipe.fused_rows stores";
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "$values `:` type($values) attr-dict";
}

#endif
