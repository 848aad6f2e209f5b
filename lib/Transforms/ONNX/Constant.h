//===- Constant.h - Tensors the compiler computes with ---------------------===//
//
// Folding runs ONNX operators on constants. All integers are held as int64 and
// all floats as double; results are rounded to their type when stored.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_CONSTANT_H
#define BITPIPE_TRANSFORMS_ONNX_CONSTANT_H

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include <vector>

namespace bitpipe {

/// Elements of a constant that the compiler computes, in its memory.
constexpr int64_t kMostConstant = int64_t(1) << 30;

struct Constant {
  mlir::RankedTensorType type;
  std::vector<int64_t> integers; ///< Filled when the element type is integer,
  std::vector<double> reals;     ///< otherwise this is.

  static Constant from(mlir::DenseElementsAttr attr);
  static Constant zeros(mlir::RankedTensorType type);

  bool isReal() const {
    return mlir::isa<mlir::FloatType>(type.getElementType());
  }
  llvm::ArrayRef<int64_t> shape() const { return type.getShape(); }
  int64_t size() const { return type.getNumElements(); }

  /// Copies element `from` of `source`, which has the same kind of element.
  void copy(int64_t to, const Constant &source, int64_t from) {
    if (isReal())
      reals[to] = source.reals[from];
    else
      integers[to] = source.integers[from];
  }

  /// Rounded to the element type; equal elements become a splat.
  mlir::DenseElementsAttr toAttr() const;
};

/// The values as f32, rounded to nearest; what is finite stays finite.
mlir::DenseElementsAttr toF32(mlir::DenseElementsAttr attr);

/// Counts through the indices of a shape in row-major order.
class Index {
public:
  Index(llvm::ArrayRef<int64_t> shape) : shape(shape), at(shape.size(), 0) {}
  int64_t operator[](size_t dim) const { return at[dim]; }
  llvm::ArrayRef<int64_t> values() const { return at; }
  void next() {
    for (size_t dim = shape.size(); dim-- > 0;) {
      if (++at[dim] < shape[dim])
        return;
      at[dim] = 0;
    }
  }

private:
  llvm::ArrayRef<int64_t> shape;
  llvm::SmallVector<int64_t> at;
};

/// Row-major strides of a shape, in elements.
llvm::SmallVector<int64_t> stridesOf(llvm::ArrayRef<int64_t> shape);

/// Strides that read a tensor of `shape` as broadcast to `to`: zero where it
/// is repeated.
llvm::SmallVector<int64_t> broadcastStrides(llvm::ArrayRef<int64_t> shape,
                                            llvm::ArrayRef<int64_t> to);

/// The element that `strides` select at `index`.
int64_t linear(llvm::ArrayRef<int64_t> index, llvm::ArrayRef<int64_t> strides);

/// Reads the values of constants: from the IR or from their file, each once.
/// Parameters are none even when they are frozen: others may be loaded.
class ParameterReader {
public:
  ParameterReader(mlir::ModuleOp module) : symbols(module) {}

  /// Null when `value` is no constant, or has more than `limit` elements in a
  /// file. An unreadable file is reported.
  mlir::FailureOr<mlir::DenseElementsAttr>
  read(mlir::Value value, int64_t limit = int64_t(1) << 24);

private:
  mlir::SymbolTable symbols;
  llvm::DenseMap<mlir::Operation *, mlir::DenseElementsAttr> cache;
};

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_CONSTANT_H
