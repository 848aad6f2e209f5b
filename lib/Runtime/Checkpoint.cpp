//===- Checkpoint.cpp - Parameters in and out of the devices --------------===//

#include "lib/Runtime/Checkpoint.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Safetensors.h"

#include <cstring>
#include <set>

using namespace bitpipe;

static void check(const SafetensorsFile &file, const Resident &resident,
                  const StoredTensor *stored) {
  if (!stored)
    fail(file.path(), ": error: holds no parameter '", resident.name,
         "', which the plan needs");
  if (stored->dtype != nameOf(resident.type.element) ||
      stored->shape != resident.type.shape)
    fail(file.path(), ": error: parameter '", resident.name, "' is ",
         stored->dtype, " ", listText(stored->shape), ", expected ",
         nameOf(resident.type.element), " ", listText(resident.type.shape));
}

static void load(const SafetensorsFile &file, const Resident &resident,
                 DeviceMemory &memory) {
  const StoredTensor *stored = file.find(resident.name);
  check(file, resident, stored);
  std::memcpy(memory.address(resident.slot) + resident.offset, stored->data,
              stored->bytes);
}

void bitpipe::loadWeights(const Program &program, Executor &executor) {
  SafetensorsFile file(program.weightsPath, "weights");
  for (size_t d = 0; d < program.devices.size(); ++d)
    for (const Resident &resident : program.devices[d].residents)
      load(file, resident, executor.memory(d));
}

void bitpipe::loadParameters(const Program &program, Executor &executor,
                             const std::string &path) {
  SafetensorsFile file(path, "parameters");
  for (size_t d = 0; d < program.devices.size(); ++d)
    for (const Resident &resident : program.devices[d].residents)
      if (resident.trainable)
        load(file, resident, executor.memory(d));
}

void bitpipe::saveParameters(const Program &program, Executor &executor,
                             const std::string &path) {
  std::vector<NamedTensor> tensors;
  std::set<std::string> seen; // a parameter may have two places on one device
  for (size_t d = 0; d < program.devices.size(); ++d)
    for (const Resident &resident : program.devices[d].residents)
      if (resident.owner && resident.trainable &&
          seen.insert(resident.name).second)
        tensors.push_back(
            {resident.name, resident.type,
             executor.memory(d).address(resident.slot) + resident.offset});
  writeSafetensors(path, tensors);
}
