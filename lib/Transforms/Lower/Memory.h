//===- Memory.h - The buffers of a stage -----------------------------------===//
//
// The routines of a stage work on blocks, which outlive a routine and are
// known to the plan by their role, and on temporaries, which share the scratch
// block of their routine.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_MEMORY_H
#define BITPIPE_TRANSFORMS_LOWER_MEMORY_H

#include "lib/Transforms/Lower/Place.h"

#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace bitpipe::lower {

/// What a block is to its stage. The order is that of a routine's blocks.
enum class Role {
  CarriedIn,
  CarriedOut,
  Saved,     // until the input gradient has run
  SavedKept, // until the weight gradient has run
  Kept,
  GradientOut, // gradient of what is carried out
  GradientIn,  // gradient of what is carried in
  Seed,
  Loss,
  Input,
  Key, // of a dropout
  Weights,
  Working, // copies of weights in bf16
  Gradients,
  Scratch,
};

/// A block: its role and, for inputs, dropouts and parameter groups, which one.
struct RoutineBlock {
  Role role;
  int64_t number = 0;

  bool operator==(const RoutineBlock &) const = default;
  auto operator<=>(const RoutineBlock &) const = default;
  /// As in the `roles` of pipe.routine, such as `weights 1`.
  std::string text() const;
  static std::optional<RoutineBlock> parse(llvm::StringRef text);
};

struct Buffer {
  std::optional<RoutineBlock> block; // none: a temporary
  int64_t bytes = 0;
};

/// The buffers of one stage, numbered; blocks are found again by their role.
class Memory {
public:
  /// The buffer of a block, made when it is asked for first.
  unsigned block(RoutineBlock block);
  /// Room for a tensor at the end of a block.
  Place addToBlock(RoutineBlock block, mlir::RankedTensorType type);
  /// A dense temporary.
  Place temporary(mlir::RankedTensorType type);

  /// Grows a block to at least this size.
  void reserve(unsigned buffer, int64_t bytes) {
    buffers[buffer].bytes = std::max(buffers[buffer].bytes, bytes);
  }
  const Buffer &operator[](unsigned buffer) const { return buffers[buffer]; }

private:
  std::vector<Buffer> buffers;
};

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_MEMORY_H
