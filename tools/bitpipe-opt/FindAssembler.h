//===- FindAssembler.h - Where NVIDIA's assembler is -----------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_FINDASSEMBLER_H
#define BITPIPE_TOOLS_BITPIPE_OPT_FINDASSEMBLER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>

namespace bitpipe {

/// Where findAssembler looks, for messages.
constexpr llvm::StringLiteral assemblerFolders =
    "a folder of PATH, bin of CUDA_HOME (/usr/local/cuda) or nvidia/*/bin of the Python on PATH";

/// The first folder that has both ptxas and fatbinary, which belong together: `given` or its
/// bin, or among those above if none is given.
std::optional<std::string> findAssembler(llvm::StringRef given);

/// "13.0.88", as ptxas says. Throws a WriteError if temporary files cannot be written.
llvm::Expected<std::string> versionOfAssembler(llvm::StringRef folder);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_FINDASSEMBLER_H
