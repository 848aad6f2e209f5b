//===- Diagnostics.h - Errors as one line each -----------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_DIAGNOSTICS_H
#define BITPIPE_TOOLS_BITPIPE_OPT_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"

#include <string>

namespace bitpipe {

/// Prints every diagnostic of a context to standard error as
/// `place: severity: text`, where the place is file:line for IR read from a
/// file, and `model.onnx: name` for what came from an ONNX node.
class DiagnosticPrinter {
public:
  DiagnosticPrinter(mlir::MLIRContext *context, std::string input);
  ~DiagnosticPrinter();

private:
  void print(mlir::Diagnostic &diagnostic);

  mlir::DiagnosticEngine &engine;
  mlir::DiagnosticEngine::HandlerID handler;
  std::string input;
};

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_DIAGNOSTICS_H
