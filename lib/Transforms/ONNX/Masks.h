//===- Masks.h - What a constant mask keeps of scores ----------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_MASKS_H
#define BITPIPE_TRANSFORMS_ONNX_MASKS_H

#include "lib/Transforms/ONNX/Constant.h"

#include <map>

namespace bitpipe {

/// What a mask does to scores [..., rows, columns]. `left` and `right` are those of
/// pipe.attention.
struct MaskForm {
  enum Kind {
    Unknown, ///< It is no constant, or adds other numbers than it keeps out.
    Nothing, ///< All take part.
    Band,    ///< Those between left and right, the same in all matrices.
    Other
  };
  Kind kind = Unknown;
  std::optional<int64_t> left, right;
  bool isInfinite = false; ///< What it keeps out is -infinity.
  bool hasAllRows = false; ///< Something takes part in every row.
};

/// Reads masks; those of a model are few and serve many softmaxes.
class MaskReader {
public:
  explicit MaskReader(mlir::ModuleOp module) : parameters(module) {}

  /// `mask` is added to scores, which are multiplied with `factor` afterwards.
  MaskForm added(mlir::Value mask, mlir::RankedTensorType scores, double factor);
  /// Where `mask` is `wanted` an element takes part, else it is `fill`.
  MaskForm chosen(mlir::Value mask, mlir::RankedTensorType scores, bool wanted,
                  double fill);

private:
  MaskForm read(mlir::Value mask, mlir::RankedTensorType scores, bool wanted,
                double number);

  ParameterReader parameters;
  std::map<std::tuple<const void *, const void *, bool, double>, MaskForm> known;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_MASKS_H
