//===- EmitGPU.cpp - From launches in the LLVM dialect to a file -----------===//
//
// LLVM's own back end writes PTX, which a GPU's driver assembles; no other tool is needed
// to compile a plan. NVIDIA's, where they are, assemble it before.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/GPU/EmitGPU.h"
#include "lib/Files/Error.h"
#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Runtime/CUDA/Kernels/EmulatedThread.h"
#include "lib/Transforms/Kernels/EmitLibrary.h"
#include "lib/Transforms/Kernels/GPU/Assemble.h"
#include "lib/Transforms/Kernels/GPU/Emulation.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

using namespace llvm;
using namespace bitpipe;
using namespace bitpipe::grid;

/// The version of PTX that knows an architecture; empty for others.
static StringRef featuresFor(StringRef arch) {
  return StringSwitch<StringRef>(arch)
      .Cases({"sm_80", "sm_90"}, "+ptx80")
      .Case("sm_100", "+ptx86")
      .Default("");
}

bool bitpipe::isGPUArchitecture(StringRef arch) {
  return arch == emulatedArch || !featuresFor(arch).empty();
}

static Expected<std::unique_ptr<TargetMachine>> makeGPUMachine(StringRef arch) {
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const Target *backend = TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return createStringError("no code generator for GPUs: " + error);
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Standard;
  return std::unique_ptr<TargetMachine>(
      backend->createTargetMachine(triple, arch, featuresFor(arch), options, std::nullopt,
                                   std::nullopt, CodeGenOptLevel::Default));
}

Error grid::writeGPUCode(Module &module, StringRef arch, StringRef path, StringRef assembler) try {
  auto machine = makeGPUMachine(arch);
  if (!machine)
    return machine.takeError();
  optimise(module, **machine);
  auto text = generateCode(module, **machine, CodeGenFileType::AssemblyFile);
  if (!text)
    return text.takeError();
  text->insert(text->begin(), mark::ptx.begin(), mark::ptx.end());
  std::string code(text->begin(), text->end());
  if (!assembler.empty()) {
    auto assembled = assemble(*text, arch, assembler);
    if (!assembled)
      return assembled.takeError();
    code = *assembled + std::string(mark::library);
  }
  refuseToReplace(path.str(), FileKind::Kernels);
  OutputFile file(path.str());
  file.write(code);
  file.commit();
  return Error::success();
} catch (const WriteError &error) {
  return createStringError(error.path + ": " + error.why);
}

//===----------------------------------------------------------------------===//
// Emulated
//===----------------------------------------------------------------------===//

namespace {
struct MemoryAccess {
  Instruction *instruction;
  Value *address;
  Value *bytes;
  gpu::Access access;
};
} // namespace

/// What an instruction touches; up to two places.
static SmallVector<MemoryAccess, 2> accessesOf(Instruction &instruction, const DataLayout &layout) {
  Type *word = Type::getInt64Ty(instruction.getContext());
  auto sized = [&](Value *address, Type *type, gpu::Access access) {
    Value *bytes = ConstantInt::get(word, layout.getTypeStoreSize(type).getFixedValue());
    return SmallVector<MemoryAccess, 2>{{&instruction, address, bytes, access}};
  };
  if (auto *load = dyn_cast<LoadInst>(&instruction))
    return sized(load->getPointerOperand(), load->getType(), gpu::Reads);
  if (auto *store = dyn_cast<StoreInst>(&instruction))
    return sized(store->getPointerOperand(), store->getValueOperand()->getType(), gpu::Writes);
  if (auto *atomic = dyn_cast<AtomicRMWInst>(&instruction))
    return sized(atomic->getPointerOperand(), atomic->getType(), gpu::Changes);
  if (auto *copy = dyn_cast<MemTransferInst>(&instruction))
    return {{&instruction, copy->getRawSource(), copy->getLength(), gpu::Reads},
            {&instruction, copy->getRawDest(), copy->getLength(), gpu::Writes}};
  if (auto *fill = dyn_cast<MemSetInst>(&instruction))
    return {{&instruction, fill->getRawDest(), fill->getLength(), gpu::Writes}};
  return {};
}

/// Memory of the thread itself and constants are nobody else's.
static bool isOwn(const Value *address) {
  const Value *object = getUnderlyingObject(address);
  auto *global = dyn_cast<GlobalVariable>(object);
  return isa<AllocaInst>(object) || (global && global->isConstant());
}

void grid::reportAccesses(Module &module) {
  LLVMContext &context = module.getContext();
  Type *word = Type::getInt64Ty(context), *half = Type::getInt32Ty(context);
  FunctionCallee report = module.getOrInsertFunction(
      emulation::access, Type::getVoidTy(context), PointerType::get(context, 0), word, half);
  SmallVector<MemoryAccess> all;
  for (Function &function : module)
    if (function.hasInternalLinkage()) // bodies; an entry reads its arguments only
      for (Instruction &instruction : instructions(function))
        append_range(all, accessesOf(instruction, module.getDataLayout()));
  for (const MemoryAccess &access : all) {
    if (isOwn(access.address))
      continue;
    IRBuilder<> builder(access.instruction);
    Value *bytes = builder.CreateZExtOrTrunc(access.bytes, word);
    builder.CreateCall(report, {access.address, bytes, ConstantInt::get(half, uint64_t(access.access))});
  }
}

Error grid::writeEmulated(Module &module, StringRef path) {
  auto machine = makeTargetMachine({});
  if (!machine)
    return machine.takeError();
  optimise(module, **machine);
  reportAccesses(module);
  auto object = generateCode(module, **machine, CodeGenFileType::ObjectFile);
  if (!object)
    return object.takeError();
  return linkLibrary(*object, path);
}
