//===- PrintMemory.cpp - What a program's memory is used for --------------===//

#include "lib/Transforms/Lower/PrintMemory.h"

#include "lib/Runtime/GPUWorkspace.h"
#include "lib/Transforms/Lower/Passes.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"

namespace bitpipe {
#define GEN_PASS_DEF_PRINTMEMORY
#include "lib/Transforms/Lower/Passes.h.inc"
} // namespace bitpipe

using namespace mlir;
using namespace bitpipe;

MemoryUse bitpipe::memoryUse(pipe::ProgramOp program) {
  MemoryUse use;
  for (auto slot : program.getBody().getOps<pipe::SlotOp>()) {
    int64_t bytes = slot.getSize();
    if (slot.getSource() == "arena" && slot.getName() == "scratch")
      use.scratch = std::max(use.scratch, bytes);
    if (slot.getSource() == "host")
      use.host = std::max(use.host, int64_t(slot.getOffset().value_or(0)) + bytes);
    if (int64_t *sum = llvm::StringSwitch<int64_t *>(slot.getSource())
                           .Case("weights", &use.weights)
                           .Case("working", &use.working)
                           .Case("stashed", &use.stashed)
                           .Case("gradients", &use.gradients)
                           .Cases({"moment1", "moment2"}, &use.optimizer)
                           .Case("message", &use.messages)
                           .Default(nullptr))
      *sum += bytes;
  }
  use.activations = int64_t(program.getArena()) - use.arena();
  for (auto training : program->getParentOfType<ModuleOp>().getOps<pipe::TrainingOp>())
    use.workspace = training.getTarget() == "cuda" ? gpuWorkspaceBytes : 0;
  return use;
}

void bitpipe::printMemoryReport(ModuleOp module, raw_ostream &out) {
  auto line = [&](const std::vector<std::string> &columns) {
    for (auto [i, column] : llvm::enumerate(columns))
      out << llvm::right_justify(column, i ? 13 : 6);
    out << "\n";
  };
  auto mib = [](int64_t bytes) {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%.2f", bytes / 1048576.0);
    return text;
  };
  out << "Memory per device in MiB\n";
  bool stashes = false, usesHosts = false, onGPUs = false;
  for (auto program : module.getOps<pipe::ProgramOp>()) {
    stashes |= memoryUse(program).stashed > 0;
    usesHosts |= memoryUse(program).host > 0;
    onGPUs |= memoryUse(program).workspace > 0;
  }
  std::vector<std::string> head = {"device", "weights", "working", "gradients", "optimizer",
                                   "activations", "messages", "scratch"};
  if (stashes)
    head.push_back("versions");
  if (onGPUs)
    head.push_back("workspace");
  head.push_back("total");
  if (usesHosts)
    head.push_back("on host");
  line(head);
  for (auto program : module.getOps<pipe::ProgramOp>()) {
    MemoryUse use = memoryUse(program);
    std::vector<std::string> row = {std::to_string(program.getDevice())};
    for (int64_t bytes : {use.weights, use.working, use.gradients, use.optimizer,
                          use.activations, use.messages, use.scratch})
      row.push_back(mib(bytes));
    if (stashes)
      row.push_back(mib(use.stashed));
    if (onGPUs)
      row.push_back(mib(use.workspace));
    row.push_back(mib(use.total()));
    if (usesHosts)
      row.push_back(mib(use.host));
    line(row);
  }
}

namespace {

class PrintMemory : public bitpipe::impl::PrintMemoryBase<PrintMemory> {
public:
  using PrintMemoryBase::PrintMemoryBase;

  void runOnOperation() override {
    printMemoryReport(getOperation(), llvm::outs());
    markAllAnalysesPreserved();
  }
};

} // namespace
