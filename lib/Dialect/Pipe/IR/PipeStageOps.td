#ifndef BITPIPE_DIALECT_PIPE_IR_PIPESTAGEOPS_TD
#define BITPIPE_DIALECT_PIPE_IR_PIPESTAGEOPS_TD

// Level 1: the model cut into stages.

include "PipeDialect.td"
include "mlir/IR/BuiltinAttributes.td"

def Pipe_StageOp : Pipe_Op<"stage"> {
  let summary = "One stage: its functions and what they are bound to";
  let description = [{
    Stages are numbered from 0; stage s hands its `carried` results to stage
    s+1. Several stages may share functions: equal stages are compiled once.

    The functions are `func.func`s:

        forward:         (carried in..., model inputs..., dropout keys...,
                          parameters..., working weights...)
                      -> (carried out..., saved...)
        input_gradient:  (d carried out..., saved..., parameters...,
                          working weights...)
                      -> (d carried in..., kept...)
        weight_gradient: (kept..., gradients so far...) -> (gradients...)

    `inputs` names the model inputs, `dropouts` has the numbers of the dropouts
    whose keys the stage reads, and `parameters` the parameters, in the order of
    the arguments. `working` names those of them of which the functions take a
    copy in bf16 besides: the optimizer rounds it from the parameter, once per
    step. `carried_in` and `carried_out` have one entry per
    carried value, true where the value has a gradient; only those have a
    `d carried`. `weight_gradient` has a gradient for each trainable parameter
    of the stage, in their order. The last stage carries out one value, the
    loss sum of the micro-batch (with its count, see pipe.model), and its
    gradient is the seed the runtime gives. A saved or kept value that is an argument of the function that
    returns it is not copied.

    With `joint`, which only the last stage may have, the forward function
    carries nothing out: the loss is computed by the input gradient, together
    with what adds to the gradients of the parameters of these numbers:

        input_gradient:  (d carried out..., saved..., parameters...,
                          gradients so far of joint..., working weights...)
                      -> (d carried in..., loss, gradients of joint..., kept...)

    The weight gradient still has a gradient for each trainable parameter.

    A stage with `recompute` recomputes: its forward function saves nothing, and
    what the input gradient reads is made by

        recompute:       (as forward) -> (saved...)

    `full` is set where a stage's own parameters are gathered, and some of them as copies in
    bf16: of these parameters as they lie in memory, the bytes from a begin to before an end
    that hold all which the stage reads in f32. Its routines' block of weights is that range.

    `cost` is [forward, input gradient, weight
    gradient] in floating-point operations of one micro-batch.
  }];
  let arguments = (ins I64Attr:$index, FlatSymbolRefAttr:$forward,
                       OptionalAttr<FlatSymbolRefAttr>:$recompute,
                       OptionalAttr<FlatSymbolRefAttr>:$input_gradient,
                       OptionalAttr<FlatSymbolRefAttr>:$weight_gradient,
                       StrArrayAttr:$inputs, FlatSymbolRefArrayAttr:$parameters,
                       DenseBoolArrayAttr:$carried_in,
                       DenseBoolArrayAttr:$carried_out,
                       DenseF64ArrayAttr:$cost,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$dropouts,
                       OptionalAttr<DenseI64ArrayAttr>:$joint,
                       OptionalAttr<FlatSymbolRefArrayAttr>:$working,
                       OptionalAttr<DenseI64ArrayAttr>:$full);
  let assemblyFormat = [{
    $index `forward` $forward (`recompute` $recompute^)?
    (`input_gradient` $input_gradient^)?
    (`weight_gradient` $weight_gradient^)? `inputs` $inputs
    (`dropouts` $dropouts^)? `parameters` $parameters
    (`working` $working^)? `carried_in` $carried_in
    `carried_out` $carried_out `cost` $cost (`joint` $joint^)? (`full` $full^)? attr-dict
  }];
  let extraClassDeclaration = [{
    /// The parameters of which the functions take a copy in bf16, and their number.
    ::mlir::ArrayRef<::mlir::Attribute> workingNames() {
      return getWorking() ? getWorking()->getValue() : ::mlir::ArrayRef<::mlir::Attribute>();
    }
    /// The numbers of the parameters whose gradients the input gradient adds to.
    ::mlir::ArrayRef<int64_t> jointNumbers() {
      return getJoint() ? *getJoint() : ::mlir::ArrayRef<int64_t>();
    }
    /// How many values the forward function hands to the next stage, or as loss.
    size_t carriedByForward() {
      return getJointAttr() ? 0 : getCarriedOut().size();
    }
    /// How many results of the input gradient lie between those that are
    /// carried and those that are kept.
    size_t jointResults() {
      return getJointAttr() ? 1 + getJointAttr().size() : 0;
    }
  }];
}

#endif
