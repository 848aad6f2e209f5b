//===- AttentionReport.h - What became of the attentions of a model --------===//

#ifndef BITPIPE_TRANSFORMS_ONNX_ATTENTIONREPORT_H
#define BITPIPE_TRANSFORMS_ONNX_ATTENTIONREPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace bitpipe {

/// Prints how many attentions of the model are one operation, and a line for each
/// other one: its node and why. Nothing for a model without attention.
void printAttentionReport(mlir::ModuleOp module, llvm::raw_ostream &out);

} // namespace bitpipe

#endif // BITPIPE_TRANSFORMS_ONNX_ATTENTIONREPORT_H
