//===- Node.h - Reading a pipe.onnx_node -----------------------------------===//
//
// Inputs by their ONNX position, attributes by name with ONNX's defaults,
// constant operands as values, and errors that name the node.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_NODE_H
#define BITPIPE_TRANSFORMS_ONNX_NODE_H

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/IR/Diagnostics.h"

namespace bitpipe {

/// The innermost name of a location: that of the ONNX node.
llvm::StringRef nodeName(mlir::Location loc);

/// How many elements a tensor of this shape has; nothing if a size is negative,
/// or if there are more than any tensor of a model has (2^40). Whatever reads sizes
/// from a file asks, so that nothing behind it has to mind that sums and products
/// of sizes overflow.
std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape);

/// The size of a tensor in a file or buffer, where truth values take a byte.
int64_t byteSize(mlir::ShapedType type);

/// The values of a constant tensor, if it is one that sits in the IR.
mlir::DenseElementsAttr constantOf(mlir::Value value);

/// The values of a constant integer tensor that are sizes, places or axes: those
/// that are farther from 0 than any place in a tensor are as far as that.
std::optional<llvm::SmallVector<int64_t>> integersOf(mlir::Value value);

class Node {
public:
  Node(pipe::OnnxNodeOp op) : op(op) {}

  pipe::OnnxNodeOp getOp() const { return op; }
  llvm::StringRef kind() const { return op_().getOpType(); }
  int64_t opset() const { return op_().getOpset(); }
  mlir::Location loc() const { return op_().getLoc(); }

  unsigned numInputs() const { return op_().getPresent().size(); }
  /// The input at an ONNX position, null when it is omitted.
  mlir::Value input(unsigned position) const;
  mlir::RankedTensorType inputType(unsigned position) const;
  llvm::ArrayRef<int64_t> inputShape(unsigned position) const {
    return inputType(position).getShape();
  }
  mlir::Value result(unsigned i = 0) const { return op_().getResult(i); }
  mlir::RankedTensorType resultType(unsigned i = 0) const;

  mlir::Attribute attribute(llvm::StringRef name) const {
    return op_().getOnnxAttributes().get(name);
  }
  /// A size, axis or choice, which as above is at most so far from 0.
  int64_t integer(llvm::StringRef name, int64_t otherwise) const;
  double real(llvm::StringRef name, double otherwise) const;
  llvm::StringRef string(llvm::StringRef name, llvm::StringRef otherwise) const;
  std::optional<llvm::SmallVector<int64_t>> integers(llvm::StringRef name) const;

  /// An axis attribute, counted from the front; nothing if out of range.
  std::optional<int64_t> axis(int64_t otherwise, int64_t rank) const;

  /// Integers given as input `position` or, before that, as an attribute;
  /// nothing if there are none or they are not constant.
  std::optional<llvm::SmallVector<int64_t>>
  integersAt(unsigned position, llvm::StringRef attribute) const;

  mlir::InFlightDiagnostic error() const;

private:
  pipe::OnnxNodeOp op_() const { return op; }
  pipe::OnnxNodeOp op;
};

/// Builds the node `kind` with all its inputs present.
Node makeNode(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef kind,
              mlir::TypeRange results, mlir::ValueRange inputs,
              llvm::ArrayRef<mlir::NamedAttribute> attributes = {});

/// ONNX's (NumPy's) broadcasting; nothing if the shapes do not fit.
std::optional<llvm::SmallVector<int64_t>>
broadcastShapes(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_NODE_H
