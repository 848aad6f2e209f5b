//===- EmitCUDA.h - A plan for GPUs as a program in C++ ------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_EMITCUDA_H
#define BITPIPE_TOOLS_BITPIPE_OPT_EMITCUDA_H

#include "mlir/IR/BuiltinOps.h"

namespace bitpipe {

/// The program of a plan whose kernels are compiled, which came from that file. Throws a
/// UserError if bitpipe-run would refuse the plan.
std::string cudaProgram(mlir::ModuleOp module, const std::string &path);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_EMITCUDA_H
