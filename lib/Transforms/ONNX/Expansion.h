//===- Expansion.h - Building the nodes that replace a node ----------------===//
//
// An operator that others can express is replaced by nodes of those. Every
// node that is built here has its types inferred, and is expanded itself where
// it can be.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_EXPANSION_H
#define BITPIPE_TRANSFORMS_ONNX_EXPANSION_H

#include "lib/Transforms/ONNX/Operators.h"

namespace bitpipe {

llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);
mlir::Type elementOf(mlir::Value value);

class Expansion {
public:
  Expansion(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}

  /// Replaces the node where its operator says so, by what it is in terms of
  /// other nodes; false if it stays.
  mlir::FailureOr<bool> replace(const Node &node);

  /// The nodes that were built and are still there, in order.
  llvm::ArrayRef<pipe::OnnxNodeOp> nodes() const { return created; }

  /// A node of another operator.
  mlir::Value make(llvm::StringRef kind, mlir::ValueRange inputs,
                   llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    return makeAll(kind, inputs, attributes, 1).front();
  }
  llvm::SmallVector<mlir::Value>
  makeAll(llvm::StringRef kind, mlir::ValueRange inputs,
          llvm::ArrayRef<mlir::NamedAttribute> attributes, unsigned results);
  mlir::NamedAttribute integer(llvm::StringRef name, int64_t value) {
    return b.getNamedAttr(name, b.getI64IntegerAttr(value));
  }
  mlir::NamedAttribute real(llvm::StringRef name, double value) {
    return b.getNamedAttr(name, b.getF32FloatAttr(value));
  }

  /// Constants: a number of the element type of `like`, a list of integers,
  /// a tensor.
  mlir::Value number(mlir::Value like, double value);
  mlir::Value integers(llvm::ArrayRef<int64_t> values);
  mlir::Value constant(mlir::DenseElementsAttr values);
  /// 0, step, 2 step, ... of an element type, as a vector of `count`.
  mlir::Value counting(mlir::Type element, int64_t count, int64_t step = 1);
  /// One number everywhere in a tensor.
  mlir::Value filled(mlir::RankedTensorType type, double value);

  /// Elementwise, with ONNX's broadcasting.
  mlir::Value add(mlir::Value x, mlir::Value y) { return make("Add", {x, y}); }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return make("Sub", {x, y}); }
  mlir::Value mul(mlir::Value x, mlir::Value y) { return make("Mul", {x, y}); }
  mlir::Value mul(mlir::Value x, double factor) {
    return mul(x, number(x, factor));
  }
  mlir::Value div(mlir::Value x, mlir::Value y) { return make("Div", {x, y}); }
  mlir::Value where(mlir::Value condition, mlir::Value x, mlir::Value y) {
    return make("Where", {condition, x, y});
  }
  mlir::Value cast(mlir::Value x, mlir::Type element);

  /// Views. What changes nothing makes no node.
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<int64_t> shape);
  mlir::Value transpose(mlir::Value x, llvm::ArrayRef<int64_t> perm);
  mlir::Value expand(mlir::Value x, llvm::ArrayRef<int64_t> shape);
  mlir::Value concat(mlir::ValueRange parts, int64_t axis);
  /// Elements start, start + step, ... before `end` along an axis.
  mlir::Value slice(mlir::Value x, int64_t axis, int64_t start, int64_t end,
                    int64_t step = 1);
  /// Zeros (or another number) around a tensor: `before` and `after` say how
  /// many in each dimension.
  mlir::Value padded(mlir::Value x, llvm::ArrayRef<int64_t> before,
                     llvm::ArrayRef<int64_t> after, double value = 0);

  /// A reduction over some dimensions, none of them being identity.
  mlir::Value reduce(llvm::StringRef kind, mlir::Value x,
                     llvm::ArrayRef<bool> reduced, bool keepDims);
  mlir::Value reduceLast(llvm::StringRef kind, mlir::Value x);

  mlir::OpBuilder &b;

private:
  mlir::Location loc;
  llvm::SmallVector<pipe::OnnxNodeOp> created;
  bool valid = true;
};

/// The permutation that exchanges an axis and the last one.
llvm::SmallVector<int64_t> axisToLast(int64_t axis, int64_t rank);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_EXPANSION_H
