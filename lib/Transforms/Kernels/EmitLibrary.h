//===- EmitLibrary.h - From the LLVM dialect to a shared object ------------===//
//
// Optimises, generates machine code in this process, and links.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_KERNELS_EMITLIBRARY_H
#define BITPIPE_TRANSFORMS_KERNELS_EMITLIBRARY_H

#include "lib/Transforms/Kernels/Passes.h"

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

namespace bitpipe {

/// The machine to generate code for.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
makeTargetMachine(const KernelTarget &target);

/// The features that a processor must have to run code of `machine`, among
/// those that one can be asked for: "avx,avx2,fma", in alphabetic order.
std::string requiredFeatures(const llvm::TargetMachine &machine);

/// Optimises `module` for `machine` and returns it as an object file.
llvm::Expected<llvm::SmallVector<char, 0>>
emitObject(llvm::Module &module, llvm::TargetMachine &machine);

/// Sets what `module` is for, and optimises it.
void optimise(llvm::Module &module, llvm::TargetMachine &machine);

/// Code of an optimised module: an object file, or the text of its assembly.
llvm::Expected<llvm::SmallVector<char, 0>>
generateCode(llvm::Module &module, llvm::TargetMachine &machine, llvm::CodeGenFileType kind);

/// Links `object` to a shared object at `path`, which appears as a whole or not
/// at all.
llvm::Error linkLibrary(llvm::ArrayRef<char> object, llvm::StringRef path);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_KERNELS_EMITLIBRARY_H
