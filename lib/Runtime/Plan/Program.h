//===- Program.h - A plan as plain structures -----------------------------===//
//
// What Load reads from plan.mlir and everything else works on: the training
// record, the routines, and per device its slots and its list of instructions.
// The meaning of each field is documented in PipeProgramOps.td.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_PROGRAM_H
#define BITPIPE_RUNTIME_PLAN_PROGRAM_H

#include "lib/Files/Floats.h"
#include "lib/Runtime/AttentionWorkspace.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace bitpipe {

/// Element types as safetensors names them.
enum class ElementType { F32, I64, I32, Bool };

int64_t sizeOf(ElementType type);
const char *nameOf(ElementType type);

/// A static tensor type.
struct TensorType {
  ElementType element;
  std::vector<int64_t> shape;

  int64_t elements() const {
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    return count;
  }
  int64_t bytes() const { return elements() * sizeOf(element); }
};

struct ModelInput {
  std::string name;
  TensorType type; // one micro-batch
  int64_t bound;   // exclusive upper bound of valid values, or -1: any are
  int64_t lowest;  // of them, where they have a bound
};

/// A place in a routine's block.
struct BlockPlace {
  int64_t block;
  int64_t offset;
};

struct KernelCall {
  std::string name;
  std::vector<BlockPlace> arguments;
  std::string layer; // for traces
};

struct MatmulCall {
  BlockPlace a, b, c;
  std::optional<BlockPlace> bias, residual;
  std::vector<int64_t> sizes; // batch..., m, n, k
  std::vector<int64_t> aStrides, bStrides, cStrides;
  double alpha;
  bool accumulate;
  std::string layer; // for traces
  // What a and b, and c and the residual, are in memory: f32 or bf16.
  StoredFloat operands = StoredFloat::F32, result = StoredFloat::F32;
  // What the sums over k of b's columns are added to, or of a's rows.
  std::optional<BlockPlace> biasGradient = std::nullopt;
  bool gradientOfA = false;
};

/// Attention in one piece, or its gradient.
struct AttentionCall {
  enum Part { Q, K, V, O, Lse, Bias, Key, DOutput, DQ, DK, DV, DBias };
  static constexpr std::array names = {"q",  "k",  "v",  "o",  "lse", "bias", "key",
                                       "d_output", "dq", "dk", "dv", "dbias"};
  struct Operand {
    BlockPlace place;
    std::vector<int64_t> strides; // but of what is contiguous
  };

  bool gradient;
  std::array<std::optional<Operand>, names.size()> operands;
  BlockPlace workspace;
  int64_t workspaceBytes;
  attention::Sizes sizes;
  double scale;
  std::optional<int64_t> left, right; // columns of the band, beside the middle
  std::optional<double> softcap, dropout;
  std::string layer; // for traces
  StoredFloat element = StoredFloat::F32; // of q, k, v, o and their gradients; or BF16

  const char *name() const { return gradient ? "attention_grad" : "attention"; }
  /// Sizes of an operand, those of contiguous dimensions last.
  std::vector<int64_t> sizesOf(Part part) const;
  /// The bytes of an element of the operand.
  int64_t elementBytes(Part part) const {
    bool isOfScores = part == Lse || part == Bias || part == DBias;
    return part == Key ? sizeof(uint64_t) : sizeOf(isOfScores ? StoredFloat::F32 : element);
  }
  /// Whether the call writes to the operand.
  bool writes(Part part) const {
    return gradient ? part >= DQ : part == O || part == Lse;
  }
};

using Call = std::variant<KernelCall, MatmulCall, AttentionCall>;

struct Routine {
  std::string name;
  std::vector<int64_t> blocks; // sizes in bytes
  std::vector<bool> writes;    // per block; a block that is not written may be
                               // sent while the routine runs
  std::vector<Call> calls;
};

/// How a kernel is launched on a GPU.
struct GPUKernel {
  struct Launch {
    std::string entry;
    int64_t grid, block, shared;
  };
  std::vector<int64_t> extents; // of its arguments, in bytes
  std::vector<Launch> launches;
  int64_t scratch; // bytes
  int64_t moved;   // the least bytes that a call moves to and from memory
};

enum class SlotSource {
  Arena, Host, Message, Input, Seed, Key, Loss, Weights, Stashed, Working, Gradients, Moment1, Moment2
};

struct Slot {
  SlotSource source;
  int64_t size;
  int64_t offset = 0;     // in the arena or the host's memory, unless input, seed or key
  int64_t input = -1;     // number of the model input
  int64_t microbatch = -1;
  int64_t dropout = -1; // whose key it is

  bool inArena() const {
    return source != SlotSource::Input && source != SlotSource::Seed &&
           source != SlotSource::Key && !onHost();
  }
  bool onHost() const { return source == SlotSource::Host; }
  /// Where it ends, at most at the greatest number, which no memory is.
  int64_t end() const;
  /// Whether two slots share any memory.
  bool overlaps(const Slot &other) const {
    bool alike = (inArena() && other.inArena()) || (onHost() && other.onHost());
    return alike && offset < other.end() && other.offset < end();
  }
};

/// A parameter of the model, trained or not. Constants are residents only.
struct Parameter {
  std::string name;
  TensorType type;                  // in memory and in the plan's weights
  StoredFloat stored;               // in what is saved
  std::vector<std::string> aliases; // its other names in the model
};

struct Resident {
  struct Copy {
    int64_t slot, offset;
  };
  std::string name;
  TensorType type;
  int64_t slot;
  int64_t offset;
  bool trainable, owner;
  std::optional<Copy> working; // in bf16, of what the device holds
  // Of what several devices share out: the byte with which the slot, a slice, begins.
  std::optional<int64_t> sliceBegin;

  /// The bytes that a device holds, and where in the slot.
  struct Part {
    int64_t begin, bytes, offset;
  };
  /// In a slot of that size; 0 bytes where others have all.
  Part partIn(int64_t slotSize) const;
};

/// Names a tensor by the run that makes it, or the move that sends it: "F stage 1 mb 0".
struct RunName {
  char kind; // F, B, I, W or R; of what a forward has saved E, evicted, or G, given back
  int64_t stage, microbatch;

  bool isMove() const { return kind == 'E' || kind == 'G'; }
  bool operator==(const RunName &) const = default;
};
std::string text(const RunName &run);

struct Execute {
  RunName run;
  int64_t routine;
  std::vector<int64_t> slots;
};
struct Transmit {
  RunName run;
  int64_t to, slot;
  bool handover;
};
struct Receive {
  RunName run;
  int64_t from, slot;
};
/// Elements of a slot, or of parameters: from one to before another.
struct Range {
  int64_t begin, end;

  int64_t count() const { return end - begin; }
  bool operator==(const Range &) const = default;
};
/// How many of the elements of some ranges, which follow each other, are before one.
int64_t countBefore(const std::vector<Range> &ranges, int64_t element);
/// What the devices of a group do together with a slot of theirs.
struct Collective {
  enum Kind { AllReduce, ReduceScatter, AllGather } kind;
  std::vector<int64_t> stages, devices;
  int64_t slot;
  int64_t slice = 0; // elements for each device, but for an all-reduce
  std::optional<int64_t> own; // slot of the device's slice, if it has one of its own
  /// The elements of all slices that are gathered, one range behind the other; none: all.
  std::vector<Range> within = {};
};
/// Sets gradients to zero that are there for a part of a step.
struct Clear {
  std::vector<int64_t> stages;
  int64_t slot;
};
struct GradNorm {
  std::vector<int64_t> slots;
  std::vector<Range> ranges; // of each
};
struct Step {
  std::vector<int64_t> stages;
  int64_t elements;
  Range stepped; // of the elements: all of them, or the device's slice,
  bool sharded;  // if the group is sharded, whose moments are of these alone
  int64_t weights, gradients;
  std::optional<int64_t> moment1, moment2;
  std::optional<int64_t> working; // slot that weights are rounded into,
  int64_t workingElements = 0;    // and so many of the first ones are
  int64_t microbatch = -1; // after which it comes, if it is one of many in a step,
  int64_t versions = 1;    // how many of the weights there are,
  Range counted = {};      // and the elements whose squares it gives to the norm, as others the rest
  // The elements with which the slots of weights, and those of their copies, and of gradients
  // begin, of a slice alone.
  std::optional<int64_t> weightsAt, gradientsAt;

  bool isBetween() const { return microbatch >= 0; }
};
/// Keeps a version of the weights that a step changes.
struct Stash {
  std::vector<int64_t> stages;
  int64_t version, weights, kept;
  std::optional<int64_t> working, workingKept; // their copies in bf16
};
/// Rounds weights that other devices have stepped.
struct Round {
  std::vector<int64_t> stages;
  int64_t elements, weights, working;
};
using Instruction =
    std::variant<Execute, Transmit, Receive, Collective, GradNorm, Step, Round, Stash, Clear>;

/// What an instruction is called in messages and traces.
std::string text(const Instruction &instruction);

/// What one device does in a step.
struct DeviceList {
  int64_t arena = 0; // bytes
  int64_t host = 0;  // bytes of the host's memory, for what it keeps of the device
  std::vector<Slot> slots;
  std::vector<Resident> residents;
  std::vector<Instruction> instructions;
};

/// The stages of which a device runs any recomputation.
std::set<int64_t> recomputedStages(const DeviceList &device);

struct Program {
  std::string path; // of plan.mlir
  std::string target, optimizer, loss;
  std::string precision; // f32 or bf16
  std::string arch;      // of the GPU that kernels are for, or "emulated"; else empty
  std::vector<ModelInput> inputs;
  int64_t labels = -1; // number of the input that holds the labels
  int64_t ignoreIndex = -1;
  int64_t microbatches = 0;
  int64_t updateEvery = 0; // micro-batches between updates; 0: one ends the step
  int64_t devicesPerNode = 0; // within which sums go first; 0: all at once
  std::string weightsPath, weightsHash, kernelsPath, kernelsHash;
  std::vector<Parameter> parameters;
  std::map<std::string, GPUKernel> gpuKernels; // by name; none on the processor
  std::vector<Routine> routines;
  std::vector<DeviceList> devices;

  /// Of the optimizer, in a step.
  int64_t updatesPerStep() const { return updateEvery ? microbatches / updateEvery : 1; }
  /// The update of a step, from 0 on, that takes a micro-batch's gradients.
  int64_t updateOf(int64_t microbatch) const { return updateEvery ? microbatch / updateEvery : 0; }
  /// Whether its devices are GPUs.
  bool isForGPUs() const { return target == "cuda"; }
  /// Samples of one micro-batch: the first size of every input.
  int64_t samples() const { return inputs.front().type.shape.front(); }
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_PROGRAM_H
