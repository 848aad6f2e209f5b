//===- DeviceProgram.h - A device's list with the memory it needs ----------===//
//
// Between the plan and pipe.program: the instructions of a device refer to
// pieces of memory, each with its lifetime, that have no address yet.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_DEVICEPROGRAM_H
#define BITPIPE_TRANSFORMS_LOWER_DEVICEPROGRAM_H

#include "lib/Transforms/Lower/Memory.h"
#include "lib/Transforms/Lower/Packing.h"
#include "lib/Transforms/Lower/Slices.h"
#include "lib/Transforms/Lower/Versions.h"

namespace bitpipe::lower {

/// What a piece of a device's memory holds. A carried value and its gradient
/// are named by the stage that makes them; blocks that do not depend on stage
/// or micro-batch have 0 there.
struct PieceName {
  RoutineBlock block;
  int64_t stage = 0, microbatch = 0;
  int64_t version = -1; // of weights, where it is not the newest
  bool onHost = false;  // what a forward has saved, while the device's host keeps it

  auto operator<=>(const PieceName &) const = default;
};

struct Piece {
  PieceName name;
  Lifetime lifetime;
  bool isMessage = false;
};

/// One entry of a device's list.
struct Instruction {
  enum Kind {
    Execute, Transmit, Receive, AllReduce, ReduceScatter, GradNorm, Stash, Step, AllGather, Round,
    Clear
  };
  Kind kind;
  mlir::Location loc;
  pipe::RunKind run = pipe::RunKind::F;
  int64_t stage = 0, microbatch = 0;
  int64_t peer = 0;                    // Transmit, Receive
  mlir::FlatSymbolRefAttr routine = {}; // Execute
  llvm::SmallVector<unsigned> pieces = {};
  int64_t group = 0;     // AllReduce, ReduceScatter, Stash, Step, AllGather, Round, Clear
  int64_t version = -1;  // Stash; Step between micro-batches: the one that it makes
  bool handover = false; // Transmit

  /// Whether it sends or receives what a forward has saved.
  bool isMove() const { return run == pipe::RunKind::E || run == pipe::RunKind::G; }
  /// Of a move between a device and its host, whether it is the host's end: what receives an
  /// eviction or gives it back.
  bool isOfHost(int64_t device) const {
    return peer == device && (run == pipe::RunKind::E) == (kind == Receive);
  }
};

/// What the stages and the model say, looked up once.
class StageTable {
public:
  static mlir::FailureOr<StageTable> find(mlir::ModuleOp module,
                                          const ParameterGroups &groups);

  /// The stage of that index; a message at `loc` if there is none.
  mlir::FailureOr<pipe::StageOp> stage(mlir::Location loc, int64_t index) const;
  pipe::RoutineOp routine(mlir::FlatSymbolRefAttr name) const;
  /// The piece that a block of a stage's routine is for one micro-batch.
  PieceName pieceFor(pipe::StageOp stage, RoutineBlock block,
                     int64_t microbatch) const;
  /// The bytes of what F (activations) or B and I (gradient) of a stage send.
  int64_t messageBytes(pipe::StageOp stage, bool isForward) const;
  /// What the forward of a stage saves of a micro-batch, and its bytes.
  std::vector<std::pair<PieceName, int64_t>> savedPieces(pipe::StageOp stage,
                                                         int64_t microbatch) const;
  const ParameterGroups &groups() const { return *parameterGroups; }

private:
  std::map<int64_t, pipe::StageOp> stages;
  llvm::StringMap<pipe::RoutineOp> routines;
  llvm::StringMap<int64_t> inputs; // their numbers in pipe.training
  const ParameterGroups *parameterGroups = nullptr;
};

struct DeviceProgram {
  mlir::Location loc;
  int64_t index;
  std::vector<Instruction> instructions;
  std::vector<Piece> pieces;
  llvm::SmallVector<int64_t> groups; // of parameters, held here
  llvm::SmallVector<int64_t> ownedGroups; // which this device saves
  std::map<int64_t, Slices> slices; // of the groups held here
  std::set<int64_t> sharded; // groups of which every device steps its slice
  std::set<int64_t> scattered; // and keeps a slice of the gradients alone,
  std::set<int64_t> gathered;  // or of the parameters
  Versions versions; // of the weights

  /// The elements of a group that the device steps where each steps its slice.
  std::pair<int64_t, int64_t> stepped(int64_t group, const ParameterGroups &groups) const;
};

/// Of which groups a device keeps and steps slices, by its list of the plan.
void findSharded(pipe::DeviceOp device, const ParameterGroups &groups, DeviceProgram &program);

/// Walks a device's list of the plan, whose versions of the weights are known.
mlir::FailureOr<DeviceProgram> collectProgram(pipe::PlanOp plan,
                                              pipe::DeviceOp device,
                                              const StageTable &stages,
                                              const Versions &versions);

/// Lets what is sent live until this device can know that it has been
/// received, so that no run ever waits for the memory of a message, and marks
/// what the sender has no other use for. Not what is moved to be kept elsewhere, whose
/// memory is free behind the next run.
void finishMessages(llvm::MutableArrayRef<DeviceProgram> programs);

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_DEVICEPROGRAM_H
