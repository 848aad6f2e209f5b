//===- Diagnostics.cpp - Errors as one line each ---------------------------===//

#include "tools/bitpipe-opt/Diagnostics.h"

#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace bitpipe {
namespace {

/// The most telling place in a location: a file position, else a name.
std::string placeOf(Location location, StringRef input) {
  std::string place = input.str();
  location->walk([&](Location inner) {
    if (auto file = dyn_cast<FileLineColLoc>(inner)) {
      place = file.getFilename().str();
      if (file.getLine()) // an ONNX file has none
        place += ":" + std::to_string(file.getLine());
      return WalkResult::interrupt();
    }
    if (auto name = dyn_cast<NameLoc>(inner)) {
      place = (input + ": " + name.getName().getValue()).str();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return place;
}

StringRef severityOf(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Note:
    return "note";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Remark:
    return "remark";
  }
  llvm_unreachable("all severities are covered");
}

} // namespace

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context, std::string input)
    : engine(context->getDiagEngine()), input(std::move(input)) {
  handler = engine.registerHandler([this](Diagnostic &diagnostic) { print(diagnostic); });
}

DiagnosticPrinter::~DiagnosticPrinter() { engine.eraseHandler(handler); }

void DiagnosticPrinter::print(Diagnostic &diagnostic) {
  std::string place = placeOf(diagnostic.getLocation(), input);
  llvm::errs() << (place.empty() ? "bitpipe-opt" : place) << ": "
               << severityOf(diagnostic.getSeverity()) << ": " << diagnostic.str()
               << "\n";
  for (Diagnostic &note : diagnostic.getNotes())
    print(note);
}

} // namespace bitpipe
