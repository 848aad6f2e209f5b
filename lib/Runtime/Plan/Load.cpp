//===- Load.cpp - From plan.mlir to plain structures ----------------------===//
//
// Walks the operations of level 3 once. Errors name the line of the plan.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Plan/Load.h"

#include "lib/Dialect/Pipe/IR/Pipe.h"
#include "lib/Runtime/ABI.h"
#include "lib/Runtime/Plan/Checked.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Plan/Features.h"
#include "lib/Runtime/Plan/LoadCalls.h"
#include "lib/Runtime/Plan/LoadUpdates.h"
#include "lib/Runtime/Plan/NormShares.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <filesystem>

using namespace bitpipe;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {

std::string lineOf(mlir::Location location) {
  if (auto at = location->findInstanceOf<mlir::FileLineColLoc>())
    return at.getFilename().str() + ":" + std::to_string(at.getLine());
  return "plan";
}

template <typename... Parts>
[[noreturn]] void failAt(mlir::Operation *op, const Parts &...parts) {
  fail(lineOf(op->getLoc()), ": error: ", parts...);
}

std::vector<int64_t> list(ArrayRef<int64_t> values) { return values.vec(); }

std::string printed(mlir::Type type) {
  std::string out;
  llvm::raw_string_ostream stream(out);
  type.print(stream);
  return out;
}

ElementType elementType(mlir::Operation *op, mlir::Type type) {
  if (type.isF32())
    return ElementType::F32;
  if (type.isInteger(64))
    return ElementType::I64;
  if (type.isInteger(32))
    return ElementType::I32;
  if (type.isInteger(1))
    return ElementType::Bool;
  failAt(op, "element type is ", printed(type),
         ", expected f32, i64, i32 or i1");
}

TensorType tensorType(mlir::Operation *op, mlir::Type type) {
  auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    failAt(op, "type is ", printed(type), ", expected a tensor of static shape");
  TensorType out{elementType(op, tensor.getElementType()),
                 list(tensor.getShape())};
  Checked bytes = sizeOf(out.element);
  for (int64_t size : out.shape)
    bytes = bytes * size;
  if (!bytes.get())
    failAt(op, "type is ", printed(type), ", which takes over 2^63 bytes");
  return out;
}

StoredFloat storedFloat(pipe::SavedOp op) {
  if (!op.getStored() || op.getStored()->isF32())
    return StoredFloat::F32;
  mlir::Type stored = *op.getStored();
  if (stored.isF16())
    return StoredFloat::F16;
  if (stored.isBF16())
    return StoredFloat::BF16;
  if (stored.isF64())
    return StoredFloat::F64;
  failAt(op, "parameter '", op.getName().str(), "' is stored as ",
         printed(stored), ", expected f32, f16, bf16 or f64");
}

RunName runName(pipe::RunKind kind, int64_t stage, int64_t microbatch) {
  return {pipe::stringifyRunKind(kind).front(), stage, microbatch};
}

SlotSource slotSource(pipe::SlotOp op) {
  static const llvm::StringMap<SlotSource> sources = {
      {"arena", SlotSource::Arena},         {"message", SlotSource::Message},
      {"host", SlotSource::Host},
      {"input", SlotSource::Input},         {"seed", SlotSource::Seed},
      {"key", SlotSource::Key},             {"loss", SlotSource::Loss},
      {"weights", SlotSource::Weights},     {"working", SlotSource::Working},
      {"gradients", SlotSource::Gradients}, {"moment1", SlotSource::Moment1},
      {"moment2", SlotSource::Moment2},
      {"stashed", SlotSource::Stashed}};
  auto found = sources.find(op.getSource());
  if (found == sources.end())
    failAt(op, "slot source is '", op.getSource().str(),
           "', expected arena, host, message, input, seed, key, loss, weights, "
           "stashed, working, gradients, moment1 or moment2");
  return found->second;
}

/// Builds a Program from the operations of a plan.
class Loader {
public:
  Program load(mlir::ModuleOp module, const std::string &path) {
    program.path = path;
    auto trainings = llvm::to_vector(module.getOps<pipe::TrainingOp>());
    if (trainings.size() != 1)
      fail(path, ": error: holds ", trainings.size(),
           " pipe.training, expected 1: not a compiled plan");
    readTraining(trainings.front());
    for (auto op : module.getOps<pipe::SavedOp>())
      readSaved(op);
    for (auto op : module.getOps<pipe::GPUKernelOp>())
      readGPUKernel(op);
    for (auto op : module.getOps<pipe::RoutineOp>())
      readRoutine(op);
    for (auto op : module.getOps<pipe::ProgramOp>())
      readDevice(op);
    if (program.devices.size() != trainings.front().getDevices())
      failAt(trainings.front(), "plan holds ", program.devices.size(),
             " programs, expected ", trainings.front().getDevices());
    return std::move(program);
  }

private:
  void readTraining(pipe::TrainingOp op) {
    if (int64_t(op.getVersion()) != abi::contractVersion)
      failAt(op, "plan has version ", op.getVersion(), ", expected ",
             abi::contractVersion, ": compile it again");
    size_t inputs = op.getInputs().size();
    if (op.getTypes().size() != inputs || op.getBounds().size() != inputs)
      failAt(op, inputs, " inputs have ", op.getTypes().size(), " types and ",
             op.getBounds().size(), " bounds");
    if (op.getLowest() && op.getLowest()->size() != inputs)
      failAt(op, inputs, " inputs have ", op.getLowest()->size(),
             " smallest values");
    for (size_t i = 0; i < inputs; ++i) {
      auto name = llvm::cast<mlir::StringAttr>(op.getInputs()[i]).str();
      auto type = llvm::cast<mlir::TypeAttr>(op.getTypes()[i]).getValue();
      inputNumbers[name] = i;
      program.inputs.push_back({name, tensorType(op, type), op.getBounds()[i],
                                op.getLowest() ? (*op.getLowest())[i] : 0});
    }
    if (op.getLabels())
      program.labels = inputNumber(op, *op.getLabels());
    program.target = op.getTarget().str();
    program.optimizer = op.getOptimizer().str();
    program.loss = op.getLoss().str();
    program.precision = op.getPrecision().str();
    program.ignoreIndex = op.getIgnoreIndex();
    program.microbatches = op.getMicrobatches();
    program.updateEvery = op.getUpdateEvery().value_or(0);
    if (auto perNode = op.getDevicesPerNode(); perNode && int64_t(*perNode) < 1)
      failAt(op, "nodes have ", int64_t(*perNode), " devices, expected at least 1");
    program.devicesPerNode = op.getDevicesPerNode().value_or(0);
    auto folder = std::filesystem::path(program.path).parent_path();
    program.weightsPath = (folder / op.getWeights().str()).string();
    program.kernelsPath = (folder / op.getKernels().str()).string();
    program.weightsHash = op.getWeightsHash().str();
    program.kernelsHash = op.getKernelsHash().str();
    program.arch = op.getArch().value_or("").str();
    if (program.target != "cpu")
      return; // its kernels are for no processor
    auto features = op->getAttrOfType<mlir::StringAttr>(abi::featuresAttribute);
    if (!features)
      failAt(op, "the plan does not tell which processors can run its kernels: "
                 "compile it again");
    checkFeatures(program.path, features.str());
  }

  void readSaved(pipe::SavedOp op) {
    Parameter parameter{op.getName().str(), tensorType(op, op.getType()),
                        storedFloat(op), {}};
    if (parameter.type.element != ElementType::F32)
      failAt(op, "parameter '", parameter.name, "' has type ",
             printed(op.getType()), ", expected elements of f32");
    if (op.getAliases())
      for (auto alias : op.getAliases()->getAsValueRange<mlir::StringAttr>())
        parameter.aliases.push_back(alias.str());
    program.parameters.push_back(std::move(parameter));
  }

  void readGPUKernel(pipe::GPUKernelOp op) {
    GPUKernel kernel{list(op.getExtents()), {}, int64_t(op.getScratch()), int64_t(op.getBytes())};
    for (size_t i = 0; i < op.getEntries().size(); ++i)
      kernel.launches.push_back(
          {llvm::cast<mlir::StringAttr>(op.getEntries()[i]).str(), op.getGrids()[i],
           op.getBlocks()[i], op.getShared()[i]});
    program.gpuKernels[op.getSymName().str()] = std::move(kernel);
  }

  void readRoutine(pipe::RoutineOp op) {
    Routine routine{op.getSymName().str(), list(op.getBlocks()), {}, {}};
    routine.writes.assign(routine.blocks.size(), true);
    if (auto writes = op.getWrites())
      routine.writes.assign(writes->begin(), writes->end());
    if (routine.writes.size() != routine.blocks.size())
      failAt(op, "the routine has ", routine.writes.size(),
             " entries in 'writes', expected one for each of its ",
             routine.blocks.size(), " blocks");
    for (mlir::Operation &item : op.getBody().front()) {
      std::optional<Call> call = readCall(item);
      if (!call)
        failUnexpected(&item);
      routine.calls.push_back(std::move(*call));
    }
    routineNumbers[routine.name] = program.routines.size();
    program.routines.push_back(std::move(routine));
  }

  void readDevice(pipe::ProgramOp op) {
    if (op.getDevice() != program.devices.size())
      failAt(op, "program of device ", op.getDevice(), ", expected device ",
             program.devices.size(), " here");
    DeviceList &device = program.devices.emplace_back();
    device.arena = op.getArena();
    for (mlir::Operation &item : op.getBody().front())
      llvm::TypeSwitch<mlir::Operation *>(&item)
          .Case([&](pipe::SlotOp slot) { readSlot(device, slot); })
          .Case([&](pipe::ResidentOp resident) {
            device.residents.push_back(readResident(resident));
          })
          .Default([&](mlir::Operation *other) {
            device.instructions.push_back(readInstruction(other));
          });
    shareOutNorm(device, int64_t(op.getDevice()));
  }

  void readSlot(DeviceList &device, pipe::SlotOp op) {
    if (op.getIndex() != device.slots.size())
      failAt(op, "slot ", op.getIndex(), ", expected slot ",
             device.slots.size(), " here");
    Slot slot{slotSource(op), int64_t(op.getSize())};
    if ((slot.inArena() || slot.onHost()) && !op.getOffset())
      failAt(op, "slot ", op.getIndex(), " has no offset");
    slot.offset = op.getOffset().value_or(0);
    slot.microbatch = op.getMicrobatch().value_or(-1);
    if (slot.source == SlotSource::Input)
      slot.input = inputNumber(op, op.getName().value_or(""));
    slot.dropout = op.getDropout().value_or(-1);
    if (slot.onHost())
      device.host = std::max(device.host, slot.end());
    device.slots.push_back(slot);
  }

  Resident readResident(pipe::ResidentOp op) {
    Resident resident{op.getName().str(), tensorType(op, op.getType()),
                      int64_t(op.getSlot()), int64_t(op.getOffset()),
                      op.getTrainable(), op.getOwner(), {}, {}};
    if (op.getSliceBegin())
      resident.sliceBegin = int64_t(*op.getSliceBegin());
    if (bool(op.getWorking()) != bool(op.getWorkingOffset()))
      failAt(op, "parameter '", resident.name,
             "' has a slot or an offset of working weights, expected both or neither");
    if (op.getWorking())
      resident.working = {int64_t(*op.getWorking()), int64_t(*op.getWorkingOffset())};
    return resident;
  }

  Instruction readInstruction(mlir::Operation *item) {
    return llvm::TypeSwitch<mlir::Operation *, Instruction>(item)
        .Case([&](pipe::ExecuteOp op) -> Instruction {
          return Execute{
              runName(op.getKind(), op.getStage(), op.getMicrobatch()),
              routineNumber(op), list(op.getSlots())};
        })
        .Case([&](pipe::TransmitOp op) -> Instruction {
          return Transmit{
              runName(op.getKind(), op.getStage(), op.getMicrobatch()),
              int64_t(op.getTo()), int64_t(op.getSlot()), op.getHandover()};
        })
        .Case([&](pipe::ReceiveOp op) -> Instruction {
          return Receive{
              runName(op.getKind(), op.getStage(), op.getMicrobatch()),
              int64_t(op.getFrom()), int64_t(op.getSlot())};
        })
        .Case([&](pipe::GradNormOp op) -> Instruction { return readNorm(op); })
        .Default([](mlir::Operation *other) -> Instruction {
          if (std::optional<Instruction> update = readUpdate(*other))
            return std::move(*update);
          failUnexpected(other);
        });
  }

  /// Slots are read before; a number that is none is refused later.
  GradNorm readNorm(pipe::GradNormOp op) {
    GradNorm norm{list(op.getSlots()), {}};
    const std::vector<Slot> &slots = program.devices.back().slots;
    size_t begins = op.getBegins() ? op.getBegins()->size() : norm.slots.size();
    size_t ends = op.getEnds() ? op.getEnds()->size() : norm.slots.size();
    if (begins != norm.slots.size() || ends != norm.slots.size())
      failAt(op, "the norm of ", norm.slots.size(), " slots has ", begins, " begins and ",
             ends, " ends, expected one for each");
    for (size_t i = 0; i < norm.slots.size(); ++i) {
      bool exists = norm.slots[i] >= 0 && norm.slots[i] < int64_t(slots.size());
      Range whole{0, exists ? slots[norm.slots[i]].size / int64_t(sizeof(float)) : 0};
      norm.ranges.push_back(op.getBegins() ? Range{(*op.getBegins())[i], (*op.getEnds())[i]}
                                           : whole);
    }
    return norm;
  }

  int64_t inputNumber(mlir::Operation *op, StringRef name) {
    auto found = inputNumbers.find(name);
    if (found == inputNumbers.end())
      failAt(op, "the plan has no model input '", name.str(), "'");
    return found->second;
  }

  int64_t routineNumber(pipe::ExecuteOp op) {
    auto found = routineNumbers.find(op.getRoutine());
    if (found == routineNumbers.end())
      failAt(op, "the plan has no routine '", op.getRoutine().str(), "'");
    return found->second;
  }

  [[noreturn]] static void failUnexpected(mlir::Operation *op) {
    failAt(op, op->getName().getStringRef().str(),
           " is no instruction of a compiled plan");
  }

  Program program;
  llvm::StringMap<int64_t> inputNumbers, routineNumbers;
};

} // namespace

Program bitpipe::readProgram(mlir::ModuleOp module, const std::string &path) {
  return Loader().load(module, path);
}

Program bitpipe::loadProgram(const std::string &path) {
  if (!std::filesystem::is_regular_file(path))
    fail(path, ": error: no such file, expected a compiled plan");
  mlir::DialectRegistry registry;
  registry.insert<pipe::PipeDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  std::string firstError;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &found) {
    if (firstError.empty() &&
        found.getSeverity() == mlir::DiagnosticSeverity::Error)
      firstError = lineOf(found.getLocation()) + ": error: " + found.str();
  });
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(path, &context);
  if (!module)
    fail(firstError.empty() ? path + ": error: not a plan" : firstError);
  return readProgram(*module, path);
}
