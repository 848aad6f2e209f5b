//===- IndexCheck.h - Indices from data are checked where they are used ----===//
//
// An index that a kernel takes from memory may be anything. Every kernel that
// follows one compares it with the rows there are, which costs nothing beside
// the row itself; no case is left in which memory outside is touched.
//
// The first index outside is kept in the record that Runtime/ABI.h describes.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_INDEXCHECK_H
#define BITPIPE_TRANSFORMS_KERNELS_INDEXCHECK_H

#include "mlir/IR/Builders.h"

namespace bitpipe {

/// What a message says of the indices of an operation.
struct IndexSite {
  llvm::StringRef what; // "index", "label"
  std::string expected; // "0 to 49"
  mlir::Value indices;  // the buffer of all of them
};

/// Emits that the index `value` at `place` is put on record unless `inside`.
/// `op` is the operation that follows it, for the message's name.
void recordUnless(mlir::OpBuilder &builder, mlir::Operation *op,
                  const IndexSite &site, mlir::Value inside, mlir::Value value,
                  mlir::ValueRange place);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_INDEXCHECK_H
