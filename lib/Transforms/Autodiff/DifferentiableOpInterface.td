#ifndef BITPIPE_TRANSFORMS_AUTODIFF_DIFFERENTIABLEOPINTERFACE_TD
#define BITPIPE_TRANSFORMS_AUTODIFF_DIFFERENTIABLEOPINTERFACE_TD

include "mlir/IR/OpBase.td"

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::bitpipe";
  let description = [{
    An operation with a gradient rule. Rules are attached from outside, so that
    upstream's operations have them too.
  }];
  let methods = [
    InterfaceMethod<[{
        Says in words what of this operation the rule does not cover; empty if
        it covers all.
      }], "std::string", "describeGap">,
    InterfaceMethod<[{
        Given the gradient of every result (null where there is none), adds to
        the sums of every operand that needs a gradient.
      }], "void", "buildGradients",
      (ins "::mlir::OpBuilder &":$builder,
           "::llvm::ArrayRef<::mlir::Value>":$gradients,
           "::bitpipe::GradientSums &":$sums)>
  ];
}

#endif
