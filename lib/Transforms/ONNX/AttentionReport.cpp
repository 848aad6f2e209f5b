//===- AttentionReport.cpp - What became of the attentions of a model ------===//

#include "lib/Transforms/ONNX/AttentionReport.h"
#include "lib/Dialect/Pipe/IR/Pipe.h"

using namespace mlir;
using namespace bitpipe;

void bitpipe::printAttentionReport(ModuleOp module, raw_ostream &out) {
  for (auto model : module.getOps<pipe::ModelOp>()) {
    if (!model.getAttentions())
      continue;
    ArrayAttr decomposed = model.getDecomposedAttr();
    out << "\nattention: " << *model.getAttentions() << " in one piece, "
        << (decomposed ? decomposed.size() : 0) << " in several operations\n";
    if (decomposed)
      for (auto line : decomposed.getAsRange<StringAttr>())
        out << "  " << line.getValue() << "\n";
  }
}
