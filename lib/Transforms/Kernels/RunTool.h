//===- RunTool.h - Programs that a part of compiling is left to ------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_RUNTOOL_H
#define BITPIPE_TRANSFORMS_KERNELS_RUNTOOL_H

#include "lib/Files/Temporaries.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace bitpipe {

/// A new file for a program that holds `bytes`. It lies in the folder for temporary
/// files: what is beside the target is the target alone. Throws a WriteError.
void writeTemporary(Temporary &file, llvm::ArrayRef<char> bytes);

/// Runs a program, which ends with this process, and returns what it printed. If it fails
/// the error has its own words: the first line that names one, or the first.
llvm::Expected<std::string> runTool(llvm::StringRef program, llvm::ArrayRef<llvm::StringRef> arguments);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_RUNTOOL_H
