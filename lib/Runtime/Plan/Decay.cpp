//===- Decay.cpp - Which parameters the optimizer lets decay ------------------===//

#include "lib/Runtime/Plan/Decay.h"

using namespace bitpipe;

std::vector<Range> bitpipe::undecayedIn(const DeviceList &device, int64_t weights) {
  std::vector<const Resident *> residents;
  for (const Resident &resident : device.residents)
    if (resident.slot == weights && resident.type.elements() > 0)
      residents.push_back(&resident);
  std::ranges::sort(residents, {}, &Resident::offset);
  std::vector<Range> ranges;
  bool follows = false; // the resident before does not decay either
  for (const Resident *resident : residents) {
    bool decays = isMatrix(resident->type);
    int64_t begin = resident->offset / int64_t(sizeof(float));
    int64_t end = begin + resident->type.elements();
    if (!decays && follows)
      ranges.back().end = end;
    else if (!decays)
      ranges.push_back({begin, end});
    follows = !decays;
  }
  return ranges;
}
