//===- ViewRules.h - Operations that only arrange elements -----------------===//
//
// Views are never saved but rebuilt from what they show, and a parameter's
// gradient is accumulated through them.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_AUTODIFF_VIEWRULES_H
#define BITPIPE_TRANSFORMS_AUTODIFF_VIEWRULES_H

#include "mlir/IR/Builders.h"

namespace bitpipe {

/// The tensor that the operation shows in another arrangement, or a part of;
/// null if it is no view.
mlir::Value rearrangedSource(mlir::Operation *op);

/// The same view of another tensor.
mlir::Value applyView(mlir::OpBuilder &builder, mlir::Operation *view,
                      mlir::Value source);

/// Puts `part`, a tensor as the view shows it, back to its place in `whole`.
mlir::Value invertView(mlir::OpBuilder &builder, mlir::Operation *view,
                       mlir::Value part, mlir::Value whole);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_AUTODIFF_VIEWRULES_H
