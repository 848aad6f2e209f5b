//===- DeviceMemory.h - Addresses for the pieces of a device ---------------===//
//
// Gives every piece of a device program a slot and every slot its place in the
// arena: first what stays for good, then losses and messages, which nothing
// may overlay, then everything that is alive for a while. What the host keeps has places in
// memory of its own.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_LOWER_DEVICEMEMORY_H
#define BITPIPE_TRANSFORMS_LOWER_DEVICEMEMORY_H

#include "lib/Transforms/Lower/DeviceProgram.h"

namespace bitpipe::lower {

struct Slot {
  llvm::StringRef source; // see pipe.slot
  int64_t bytes = 0;
  std::optional<int64_t> offset;
  std::string name;
  std::optional<int64_t> microbatch;
  std::optional<int64_t> dropout = {};
};

struct DeviceMemory {
  std::vector<Slot> slots;
  std::vector<int64_t> slotOfPiece;
  /// Slots of a parameter group by its number.
  std::map<int64_t, int64_t> weights, working, gradients, moment1, moment2;
  int64_t arena = 0; // bytes
  int64_t host = 0;  // bytes of the host's memory
};

/// `inputs` are the names of the model inputs, `alignment` divides all offsets.
DeviceMemory layOutMemory(const DeviceProgram &program,
                          const ParameterGroups &groups, bool hasMoments,
                          llvm::ArrayRef<llvm::StringRef> inputs, int64_t alignment);

} // namespace bitpipe::lower

#endif // BITPIPE_TRANSFORMS_LOWER_DEVICEMEMORY_H
