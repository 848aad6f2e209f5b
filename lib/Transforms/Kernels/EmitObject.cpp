//===- EmitObject.cpp - Machine code for kernels ---------------------------===//
//
// Kernels arrive as vector code, so LLVM's own vectorisers have nothing to do
// and stay off; that is half of the compile time.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Kernels/EmitLibrary.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"

using namespace llvm;

/// The features to compile with: those named, or those of this machine if code
/// is for it.
static std::string featuresOf(const bitpipe::KernelTarget &target) {
  if (!target.features.empty() || !target.cpu.empty())
    return target.features;
  SubtargetFeatures features;
  for (const auto &feature : sys::getHostCPUFeatures())
    features.AddFeature(feature.first(), feature.second);
  return features.getString();
}

Expected<std::unique_ptr<TargetMachine>>
bitpipe::makeTargetMachine(const KernelTarget &target) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  Triple triple(sys::getProcessTriple());
  std::string error;
  const Target *backend = TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return createStringError("no code generator for this machine: " + error);
  StringRef cpu = target.cpu.empty() ? sys::getHostCPUName() : StringRef(target.cpu);
  std::unique_ptr<MCSubtargetInfo> known(
      backend->createMCSubtargetInfo(triple, "", ""));
  if (!known->isCPUStringValid(cpu))
    return createStringError("cpu is '" + cpu + "', expected one that LLVM knows for " +
                             triple.getArchName());
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Standard;
  return std::unique_ptr<TargetMachine>(backend->createTargetMachine(
      triple, cpu, featuresOf(target), options, Reloc::PIC_, std::nullopt,
      CodeGenOptLevel::Default));
}

std::string bitpipe::requiredFeatures(const TargetMachine &machine) {
  StringMap<bool, MallocAllocator> askable = sys::getHostCPUFeatures();
  std::vector<std::string> names;
  for (const SubtargetFeatureKV &feature :
       machine.getMCSubtargetInfo()->getEnabledProcessorFeatures())
    if (askable.contains(feature.Key))
      names.push_back(feature.Key);
  llvm::sort(names);
  return llvm::join(names, ",");
}

void bitpipe::optimise(Module &module, TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  for (Function &function : module) {
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    function.addFnAttr(Attribute::NoUnwind);
  }
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  PassBuilder builder(&machine, tuning);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O2).run(module, modules);
}

/// The one lane that a constant mask has, if it is one.
static std::optional<unsigned> onlyLane(Value *mask) {
  auto *constant = dyn_cast<Constant>(mask);
  std::optional<unsigned> only;
  for (unsigned lane = 0; constant && lane < cast<FixedVectorType>(mask->getType())->getNumElements(); ++lane) {
    auto *truth = dyn_cast_or_null<ConstantInt>(constant->getAggregateElement(lane));
    if (!truth || (truth->isOne() && only))
      return std::nullopt;
    if (truth->isOne())
      only = lane;
  }
  return only;
}

/// Stores of one lane store one element. LLVM 22 for x86 stores four bytes of a lane that
/// was cut to fewer, such as bf16, and so writes over what lies behind it.
static void storeSingleLanes(Module &module) {
  for (Function &function : module)
    for (Instruction &instruction : make_early_inc_range(instructions(function))) {
      auto *store = dyn_cast<IntrinsicInst>(&instruction);
      if (!store || store->getIntrinsicID() != Intrinsic::masked_store)
        continue;
      Value *vector = store->getArgOperand(0), *mask = store->getArgOperand(store->arg_size() - 1);
      std::optional<unsigned> lane = onlyLane(mask);
      if (!lane)
        continue;
      IRBuilder<> builder(store);
      Type *element = vector->getType()->getScalarType();
      Value *place = builder.CreateConstGEP1_32(element, store->getArgOperand(1), *lane);
      Align alignment(divideCeil(element->getScalarSizeInBits(), 8));
      builder.CreateAlignedStore(builder.CreateExtractElement(vector, *lane), place, alignment);
      store->eraseFromParent();
    }
}

Expected<SmallVector<char, 0>> bitpipe::emitObject(Module &module,
                                                   TargetMachine &machine) {
  for (Function &function : module) {
    // Wide vectors pay off: kernels do little else.
    function.addFnAttr("prefer-vector-width", "512");
    // Estimates of 1/x and 1/sqrt(x) make NaNs of infinities.
    function.addFnAttr("reciprocal-estimates", "none");
  }
  optimise(module, machine);
  storeSingleLanes(module);
  return generateCode(module, machine, CodeGenFileType::ObjectFile);
}

Expected<SmallVector<char, 0>> bitpipe::generateCode(Module &module, TargetMachine &machine,
                                                     CodeGenFileType kind) {
  SmallVector<char, 0> code;
  raw_svector_ostream stream(code);
  legacy::PassManager codegen;
  if (machine.addPassesToEmitFile(codegen, stream, nullptr, kind))
    return createStringError("the code generator for " + machine.getTargetTriple().str() +
                             " emits no such files");
  codegen.run(module);
  return code;
}
