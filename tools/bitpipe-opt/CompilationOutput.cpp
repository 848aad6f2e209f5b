//===- CompilationOutput.cpp - The plan with its files, or the one thing asked for -===//

#include "tools/bitpipe-opt/Compilation.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Files/Error.h"
#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Transforms/Kernels/Passes.h"
#include "lib/Transforms/Lower/Passes.h"
#include "lib/Transforms/Lower/PrintMemory.h"
#include "lib/Transforms/ONNX/AttentionReport.h"
#include "lib/Transforms/Partition/PrintStages.h"
#include "lib/Transforms/Schedule/Emit/EmitChoice.h"
#include "tools/bitpipe-opt/EmitCUDA.h"
#include "tools/bitpipe-opt/FindAssembler.h"
#include "tools/bitpipe-opt/SourceFiles.h"
#include "tools/bitpipe-opt/Views.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <sstream>

using namespace mlir;
using namespace bitpipe;

/// What a file with this one thing is.
static FileKind kindOf(Emit emit) {
  switch (emit) {
  case Emit::Timeline:
    return FileKind::Picture;
  case Emit::Trace:
    return FileKind::Trace;
  case Emit::CUDA:
    return FileKind::Program;
  case Emit::Costs:
    return FileKind::Profile;
  case Emit::Schedule:
  case Emit::Report:
    return FileKind::Unmarked;
  default:
    return FileKind::IR;
  }
}

bool Compilation::isForGPU() {
  if (module)
    for (auto training : module->getOps<pipe::TrainingOp>())
      return training.getTarget() == "cuda";
  return options.target == "cuda";
}

PlanPaths Compilation::pathsOfPlan() {
  if (!isForGPU() || archOfGPU() == emulatedArch)
    return PlanPaths(options.output, "so");
  return PlanPaths(options.output, assembler.empty() ? "ptx" : "fatbin");
}

LogicalResult Compilation::chooseAssembler() {
  bool isAsked = options.cubin == "on" || !options.cudaPath.empty();
  if (!isForGPU() || archOfGPU() == emulatedArch) {
    if (isAsked)
      return fail("--" + Twine(options.cubin == "on" ? "cubin is on" : "cuda-path is given") +
                  ", expected a plan for --target=cuda and a GPU: nothing else is assembled");
    return success();
  }
  if (options.cubin == "off")
    return success();
  std::optional<std::string> folder = findAssembler(options.cudaPath);
  if (folder) {
    auto version = versionOfAssembler(*folder);
    if (!version)
      return fail(llvm::toString(version.takeError()));
    assembler = *folder, assemblerVersion = *version;
    return success();
  }
  std::string where = options.cudaPath.empty() ? assemblerFolders.str() : options.cudaPath + " or its bin";
  if (isAsked)
    return fail("no ptxas and fatbinary in " + where + (options.cudaPath.empty() ? ": pip install nvidia-cuda-nvcc, or name their folder by --cuda-path" : ""));
  llvm::errs() << "kernels are PTX, which the GPU's driver assembles at the first start: no ptxas and fatbinary in " << where << "\n";
  return success();
}

void Compilation::addKernelPass(PassManager &manager, const std::string &output, const std::string &assembler) {
  if (isForGPU())
    manager.addPass(createPipeCompileGPUKernels({output, archOfGPU(), assembler}));
  else
    manager.addPass(createPipeCompileKernels({output, options.arch, ""}));
}

void Compilation::checkOutputs() {
  PlanPaths paths = pathsOfPlan();
  llvm::SmallVector<std::pair<StringRef, FileKind>> outputs = {{options.output, kindOf(options.emit)}};
  if (options.emit == Emit::Files)
    outputs = {{paths.plan, FileKind::IR}, {paths.weights, FileKind::Weights}, {paths.kernels, FileKind::Kernels}};
  else if (isStream(options.output))
    return;
  for (auto [output, kind] : outputs) {
    checkNotRead(output);
    // Whether it holds the same shows only when it is there.
    if (!options.force && kind != FileKind::Unmarked)
      refuseToReplace(output.str(), kind);
  }
}

void Compilation::checkNotRead(StringRef path) {
  SmallVector<StringRef> inputs = {options.input, options.scheduleFile,
                                   options.routesFile, options.costFile};
  if (module)
    for (auto parameter : module->getOps<pipe::ParameterOp>())
      if (auto file = parameter.getFile(); file && *file != inputs.back())
        inputs.push_back(*file);
  for (StringRef input : inputs)
    if (llvm::sys::fs::equivalent(input, path))
      throw WriteError(path.str(), "is read by this compilation, expected another file to write to");
}

LogicalResult Compilation::checkUnfinished() {
  for (auto training : module->getOps<pipe::TrainingOp>())
    if (!training.getWeights().empty() || !training.getKernels().empty())
      return fail("the file is a finished plan, whose weights and kernels are files of their own: expected an earlier level to make files from");
  if (!module->lookupSymbol<ModuleOp>("kernels"))
    return fail("the file holds programs without their kernels, expected what --emit=program prints");
  return success();
}

LogicalResult Compilation::writeFiles() {
  // What the plan is for, and what it was made of, is known by now.
  checkOutputs();
  PlanPaths paths = pathsOfPlan();
  OutputFile plan(paths.plan), weightsFile(paths.weights), kernels(paths.kernels);
  weights = weightsFile.temporaryPath();
  if (levelOf(*module) == Level::Program) {
    // The weights are still where the text points to.
    if (failed(checkUnfinished()) || failed(runPasses([&](PassManager &manager) {
          manager.addPass(createWriteWeights({weights}));
        })))
      return failure();
  } else if (failed(raiseTo(Level::Program))) {
    return failure();
  }
  printMemoryReport(*module, llvm::errs());
  if (failed(runPasses([&](PassManager &manager) { addKernelPass(manager, kernels.temporaryPath(), assembler); })))
    return failure();
  if (!assembler.empty())
    llvm::errs() << "kernels assembled for " << archOfGPU() << " by ptxas " << assemblerVersion << "\n";
  for (auto training : module->getOps<pipe::TrainingOp>()) {
    training.setWeights(llvm::sys::path::filename(paths.weights));
    training.setKernels(llvm::sys::path::filename(paths.kernels));
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  plan.write(mark::ir);
  plan.write(text);
  OutputFile::commit({&weightsFile, &kernels, &plan});
  return success();
}

LogicalResult Compilation::print() {
  if (!isStream(options.output))
    checkNotRead(options.output);
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (failed(printTo(stream)))
    return failure();
  writeText(options.output, kindOf(options.emit), text, options.force);
  return success();
}

LogicalResult Compilation::printTo(raw_ostream &out) {
  if (options.emit <= Emit::Program) {
    if (failed(noteSourceFiles(*module)))
      return failure();
    module->print(out);
    return success();
  }
  if (options.emit == Emit::CUDA)
    return printCUDA(out);
  if (options.emit == Emit::Costs)
    return printCosts(options, *module, out);
  if (options.emit == Emit::Report && choice) {
    std::ostringstream table;
    schedule::emitChoice(table, *choice);
    out << table.str() << "\n";
  }
  if (failed(printView(options, module ? *module : ModuleOp(), context, out)))
    return failure();
  if (options.emit != Emit::Report || !module || !options.compare.empty())
    return success();
  printAttentionReport(*module, out);
  if (levelOf(*module) >= Level::Stages)
    out << "\nPrecision " << precisionOf(*module) << "\n";
  // A plan of no model has neither, and programs have no stages any more.
  bool hasStages = !module->getOps<pipe::StageOp>().empty();
  if (hasStages)
    printStageReport(*module, out << "\n");
  if (!hasStages && levelOf(*module) < Level::Program)
    return success();
  if (failed(raiseTo(Level::Program)))
    return failure();
  printMemoryReport(*module, out << "\n");
  if (isForGPU())
    printKernelReport(*module, out << "\n");
  return success();
}

LogicalResult Compilation::printCUDA(raw_ostream &out) {
  if (!isForGPU())
    return fail("the programs are for the processor, expected --target=cuda, or a plan made with it");
  // What launches take follows from compiling the kernels, which a plan has beside it.
  if (module->lookupSymbol<ModuleOp>("kernels")) {
    SmallString<128> kernels;
    if (std::error_code failed = llvm::sys::fs::createTemporaryFile("kernels", "bitpipe", kernels))
      throw WriteError("a temporary file", failed.message());
    llvm::FileRemover remover(kernels);
    if (failed(runPasses([&](PassManager &manager) { addKernelPass(manager, std::string(kernels)); })))
      return failure();
  }
  out << cudaProgram(*module, options.input);
  return success();
}
