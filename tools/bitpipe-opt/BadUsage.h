//===- BadUsage.h - Options that cannot be ---------------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_BADUSAGE_H
#define BITPIPE_TOOLS_BITPIPE_OPT_BADUSAGE_H

#include "llvm/ADT/Twine.h"

namespace bitpipe {

/// Prints one line and exits with code 2.
[[noreturn]] void badUsage(const llvm::Twine &message);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_BADUSAGE_H
