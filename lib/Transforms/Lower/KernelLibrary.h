//===- KernelLibrary.h - The functions of module @kernels -----------------===//
//
// Turns one tensor operation on known places into a function on buffers. Equal
// functions exist once, whichever routine calls them.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_KERNELLIBRARY_H
#define BITPIPE_TRANSFORMS_LOWER_KERNELLIBRARY_H

#include "lib/Transforms/Lower/Place.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

#include <unordered_map>
#include <variant>

namespace bitpipe::lower {

/// What a kernel reads or writes: a place, a scalar that every element equals,
/// or a constant tensor.
using KernelOperand =
    std::variant<Place, mlir::TypedAttr, mlir::DenseElementsAttr>;

/// A function of the library, the places to call it with, and those it writes.
struct KernelCall {
  mlir::StringAttr name;
  llvm::SmallVector<Place> arguments;
  llvm::SmallVector<Place> written;
};

class KernelLibrary {
public:
  /// Works in a module of that name at the end of the parent.
  explicit KernelLibrary(mlir::ModuleOp parent);

  /// A destination-style operation with its operands at places; scalars only
  /// as inputs of a linalg.generic. Fails with a message if the operation uses
  /// something from outside that is no constant.
  mlir::FailureOr<KernelCall> outline(mlir::DestinationStyleOpInterface op,
                                      llvm::ArrayRef<KernelOperand> operands);
  KernelCall copy(mlir::Location loc, Place from, Place to);
  KernelCall fill(mlir::Location loc, mlir::TypedAttr scalar, Place to);
  KernelCall constant(mlir::Location loc, mlir::DenseElementsAttr value,
                      Place to);

private:
  /// Names the function, or erases it and names the equal one that exists.
  mlir::StringAttr intern(mlir::func::FuncOp function, llvm::StringRef kind);
  mlir::Value global(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::DenseElementsAttr value);
  mlir::func::FuncOp makeFunction(mlir::Location loc,
                                  llvm::ArrayRef<Place> arguments);

  mlir::ModuleOp module;
  std::unordered_multimap<size_t, mlir::func::FuncOp> functions; // by hash
  llvm::DenseMap<mlir::Attribute, mlir::StringAttr> globals;
  unsigned count = 0;
};

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_KERNELLIBRARY_H
