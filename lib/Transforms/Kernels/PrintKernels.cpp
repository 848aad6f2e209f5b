//===- PrintKernels.cpp - What kernels move ---------------------------------===//
//
// A kernel of a GPU takes as long as its memory takes to come and go, if it is good; so
// this table, divided by the GPU's bandwidth, is what kernels are measured by.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/Divide.h"
#include "lib/Transforms/Kernels/Passes.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace bitpipe;

/// Whether an operation reads what it is to write to, beside its inputs.
static bool readsInit(Operation *op, OpOperand &init) {
  if (auto nest = dyn_cast<linalg::LinalgOp>(op))
    return nest.payloadUsesValueFromOperand(&init);
  return isa<pipe::LayerNormGradParamsOp>(op);
}

static int64_t movedBytes(Operation *op) {
  int64_t bytes = touchedBytes(op);
  if (auto gradient = dyn_cast<pipe::GatherGradOp>(op)) // of the table, as much as comes
    return bytes + bytesOf(gradient.getInputs()[0]);
  for (OpOperand &init : cast<DestinationStyleOpInterface>(op).getDpsInitsMutable())
    if (readsInit(op, init))
      bytes += bytesOf(init.get());
  return bytes;
}

int64_t bitpipe::movedBytes(func::FuncOp kernel) {
  int64_t bytes = 0;
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (!isa<arith::ConstantOp, memref::GetGlobalOp>(op))
      bytes += ::movedBytes(&op);
  return bytes;
}

/// How often the devices call each kernel in a step, all together.
static llvm::StringMap<int64_t> countCalls(ModuleOp module) {
  llvm::StringMap<int64_t> runs, calls;
  for (auto program : module.getOps<pipe::ProgramOp>())
    for (auto execute : program.getBody().getOps<pipe::ExecuteOp>())
      ++runs[execute.getRoutine()];
  for (auto routine : module.getOps<pipe::RoutineOp>())
    for (auto call : routine.getBody().getOps<pipe::KernelOp>())
      calls[call.getName()] += runs[routine.getSymName()];
  return calls;
}

void bitpipe::printKernelReport(ModuleOp module, raw_ostream &out) {
  auto kernels = module.lookupSymbol<ModuleOp>("kernels");
  if (!kernels)
    return;
  struct Line {
    std::string name;
    int64_t calls, bytes;
    int64_t total() const { return calls * bytes; }
  };
  std::vector<Line> lines;
  llvm::StringMap<int64_t> calls = countCalls(module);
  size_t widest = 6;
  for (auto kernel : kernels.getOps<func::FuncOp>()) {
    lines.push_back({kernel.getName().str(), calls[kernel.getName()], movedBytes(kernel)});
    widest = std::max(widest, lines.back().name.size());
  }
  llvm::stable_sort(lines, [](const Line &a, const Line &b) { return a.total() > b.total(); });
  auto print = [&](StringRef name, StringRef calls, StringRef bytes, StringRef total) {
    out << llvm::left_justify(name, widest) << llvm::right_justify(calls, 9)
        << llvm::right_justify(bytes, 13) << llvm::right_justify(total, 13) << "\n";
  };
  auto mib = [](int64_t bytes) {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%.3f", bytes / 1048576.0);
    return text;
  };
  out << "Least memory that kernels move in a step, in MiB\n";
  print("kernel", "calls", "one call", "all calls");
  int64_t count = 0, all = 0;
  for (const Line &line : lines) {
    print(line.name, std::to_string(line.calls), mib(line.bytes), mib(line.total()));
    count += line.calls;
    all += line.total();
  }
  print("all", std::to_string(count), "", mib(all));
}
