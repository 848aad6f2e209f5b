//===- MemoryNeed.h - What devices need beside what they have --------------===//
//
// What --recompute=auto and --offload=auto say alike of plans that were laid out.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_MEMORYNEED_H
#define BITPIPE_TOOLS_BITPIPE_OPT_MEMORYNEED_H

#include "mlir/Support/LLVM.h"

#include <string>

namespace bitpipe {

/// `--memory is 100 bytes, but device 2 needs 150`, of the device that needs most.
std::string lackText(llvm::ArrayRef<int64_t> needed, int64_t memory);

/// `the iteration takes 1.5% longer as simulated, device 2 needs 90 of 100 bytes`, without the
/// first half if it does not.
std::string needText(llvm::ArrayRef<int64_t> needed, int64_t memory, double longer);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_MEMORYNEED_H
