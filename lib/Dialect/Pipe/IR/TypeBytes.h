//===- TypeBytes.h - What a value takes ------------------------------------===//

#ifndef BITPIPE_DIALECT_PIPE_IR_TYPEBYTES_H
#define BITPIPE_DIALECT_PIPE_IR_TYPEBYTES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

namespace bitpipe {

/// The bytes of a value of this type, 8 for an index; 0 where a size is not known.
inline double bytesOf(mlir::Type type) {
  double elements = 1;
  if (auto shaped = llvm::dyn_cast<mlir::ShapedType>(type))
    elements = shaped.hasStaticShape() ? double(shaped.getNumElements()) : 0;
  mlir::Type element = mlir::getElementTypeOrSelf(type);
  unsigned bits = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 64;
  return elements * double(llvm::divideCeil(bits, 8));
}

} // namespace bitpipe

#endif // BITPIPE_DIALECT_PIPE_IR_TYPEBYTES_H
