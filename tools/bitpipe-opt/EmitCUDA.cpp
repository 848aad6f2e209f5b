//===- EmitCUDA.cpp - A plan for GPUs as a program in C++ ----------------------===//

#include "tools/bitpipe-opt/EmitCUDA.h"

#include "lib/Runtime/Plan/Check.h"
#include "lib/Runtime/Plan/Load.h"
#include "lib/Runtime/Printed/ReadNames.h"

#include "llvm/Support/Path.h"

namespace bitpipe {

std::string cudaProgram(mlir::ModuleOp module, const std::string &path) {
  Program program = readProgram(module, path);
  checkProgram(program);
  checkGPUKernels(program);
  Links links = deriveLinks(program);
  checkProgress(program, links);
  return printed::printProgram(program, links, printed::readNames(module),
                               llvm::sys::path::filename(path).str());
}

} // namespace bitpipe
