//===- TensorFacts.h - What is known of tensor operations ------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_TENSORFACTS_H
#define BITPIPE_TRANSFORMS_LOWER_TENSORFACTS_H

#include "lib/Transforms/Lower/Place.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace bitpipe::lower {

/// The scalar that every element of the tensor equals, if it is a constant;
/// looks through views and fills.
mlir::TypedAttr splatOf(mlir::Value tensor);

/// The constant tensor that is not a splat, if the value is one.
mlir::DenseElementsAttr denseConstantOf(mlir::Value tensor);

/// Whether nothing is computed for this operation where it stands: its
/// contents are known, or it is a bias that only contractions use.
bool isDeferred(mlir::Operation *op);

/// Whether the operation reads the i-th destination's old contents.
bool readsInit(mlir::Operation *op, unsigned i);

/// The place of an inserted tensor when the whole lies at `whole`.
Place insertedPlace(mlir::tensor::InsertSliceOp op, const Place &whole);

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_TENSORFACTS_H
