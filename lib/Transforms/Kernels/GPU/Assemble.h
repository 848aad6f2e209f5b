//===- Assemble.h - From PTX to machine code, by NVIDIA's programs ---------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_GPU_ASSEMBLE_H
#define BITPIPE_TRANSFORMS_KERNELS_GPU_ASSEMBLE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace bitpipe::grid {

/// A fat binary of machine code for `arch` and of `ptx` itself, which newer GPUs run. `folder`
/// is where ptxas and fatbinary are. The same text and programs give the same bytes. Throws
/// a WriteError if temporary files cannot be written.
llvm::Expected<std::string> assemble(llvm::ArrayRef<char> ptx, llvm::StringRef arch,
                                     llvm::StringRef folder);

} // namespace bitpipe::grid

#endif // BITPIPE_TRANSFORMS_KERNELS_GPU_ASSEMBLE_H
