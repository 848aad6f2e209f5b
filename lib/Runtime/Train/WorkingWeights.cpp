//===- WorkingWeights.cpp - Copies of parameters in bf16 -------------------===//

#include "lib/Runtime/Train/WorkingWeights.h"

#include "lib/Files/Floats.h"

#include <algorithm>
#include <vector>

using namespace bitpipe;

/// Of what the device holds of a parameter.
static void fill(Device &device, const Resident &resident, int64_t slotSize) {
  constexpr int64_t piece = 1 << 20;
  Resident::Part part = resident.partIn(slotSize);
  int64_t elements = part.bytes / int64_t(sizeof(float));
  std::vector<float> values(std::min(piece, elements));
  std::vector<uint16_t> rounded(values.size());
  for (int64_t done = 0; done < elements; done += piece) {
    int64_t count = std::min(piece, elements - done);
    device.download(resident.slot, part.offset + done * int64_t(sizeof(float)),
                    values.data(), count * int64_t(sizeof(float)));
    std::transform(values.begin(), values.begin() + count, rounded.begin(), toBrain);
    device.upload(resident.working->slot, resident.working->offset + done * 2,
                  rounded.data(), count * 2);
  }
}

void bitpipe::fillWorkingWeights(const Program &program, const LocalDevices &devices) {
  for (int64_t d = devices.share().first; d < devices.share().end; ++d)
    for (const Resident &resident : program.devices[d].residents)
      if (resident.working)
        fill(devices[d], resident, program.devices[d].slots[resident.slot].size);
}
