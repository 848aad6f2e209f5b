//===- DeviceLayout.h - What a device's memory on a GPU holds ------------------===//
//
// One allocation: the plan's arena, then what the runtime adds. What the host gives for a
// step lies in one piece, and is copied at once.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_DEVICELAYOUT_H
#define BITPIPE_RUNTIME_CUDA_DEVICELAYOUT_H

#include "lib/Runtime/Plan/Program.h"

#include <map>

namespace bitpipe {

struct DeviceLayout {
  /// `scratch` is what calls need besides their blocks.
  DeviceLayout(const Program &program, const DeviceList &device, int64_t scratch);

  /// An input of a micro-batch, as a place in what the host gives.
  struct Input {
    int64_t offset, bytes;
  };

  int64_t arena; // bytes; it begins at 0
  // What the host gives for a step, as offsets in it.
  int64_t settings = 0, seed, seeds, keys; // seeds: of updates between micro-batches
  int64_t begun; // how many steps have begun, 32 bits
  std::map<std::pair<int64_t, int64_t>, Input> inputs; // by input and micro-batch
  std::vector<int64_t> keySlots;
  int64_t givenBytes;
  // Offsets in the memory of the device.
  int64_t given, verdict, between, numbers, partials, places, losses, spans, scratch, workspace;
  int64_t bytes;

  int64_t partialCount; // of squares, over all gradients that are updated
  std::vector<int64_t> partialBegins; // by instruction; the norm, or an update between
  /// Of weights that are stepped, which elements do not decay if matrices alone do; for
  /// each slot, which of these ranges are its.
  std::vector<Range> undecayed;
  std::map<int64_t, Range> undecayedIn;
  std::vector<int64_t> lossOffsets;  // in the arena
  std::vector<int64_t> numberPlaces; // see gpu::Judge::places
  std::vector<int64_t> numberBegins; // by device
  int64_t numberCount = 0;           // of a device in a step
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_DEVICELAYOUT_H
