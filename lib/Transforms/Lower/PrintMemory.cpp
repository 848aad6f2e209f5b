//===- PrintMemory.cpp - What a program's memory is used for --------------===//

#include "lib/Transforms/Lower/PrintMemory.h"

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
  use.activations = int64_t(program.getArena()) - use.total();
  return use;
}

void bitpipe::printMemoryReport(ModuleOp module, raw_ostream &out) {
  auto line = [&](auto device, auto... columns) {
    out << llvm::right_justify(device, 6);
    ((out << llvm::right_justify(columns, 13)), ...);
    out << "\n";
  };
  auto mib = [](int64_t bytes) {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%.2f", bytes / 1048576.0);
    return text;
  };
  out << "Memory per device in MiB\n";
  bool stashes = llvm::any_of(module.getOps<pipe::ProgramOp>(), [](pipe::ProgramOp program) {
    return memoryUse(program).stashed > 0;
  });
  if (!stashes)
    line("device", "weights", "working", "gradients", "optimizer", "activations", "messages",
         "scratch", "total");
  else
    line("device", "weights", "working", "gradients", "optimizer", "activations", "messages",
         "scratch", "versions", "total");
  for (auto program : module.getOps<pipe::ProgramOp>()) {
    MemoryUse use = memoryUse(program);
    auto row = [&](auto... last) {
      line(std::to_string(program.getDevice()), mib(use.weights), mib(use.working),
           mib(use.gradients), mib(use.optimizer), mib(use.activations), mib(use.messages),
           mib(use.scratch), last...);
    };
    stashes ? row(mib(use.stashed), mib(use.total())) : row(mib(use.total()));
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
