//===- Checkpoint.cpp - Parameters in and out of the devices --------------===//

#include "lib/Runtime/Train/Checkpoint.h"

#include "lib/Runtime/Train/CheckpointFiles.h"
#include "lib/Runtime/Error.h"

#include <cstdio>
#include <cstring>
#include <set>

using namespace bitpipe;

namespace {

/// Where a tensor lives: on several devices, twice on one, or on none.
class Places {
public:
  Places(const Program &program, Executor &executor) : executor(executor) {
    for (size_t d = 0; d < program.devices.size(); ++d)
      for (const Resident &resident : program.devices[d].residents) {
        char *address =
            executor.memory(d).address(resident.slot) + resident.offset;
        places[resident.name].push_back({address, resident.owner});
      }
  }

  void write(const Parameter &parameter, const StoredTensor &stored) {
    auto read = [&](char *target) {
      readFloats(*storedFloat(stored.dtype), stored.data, target,
                 parameter.type.elements());
    };
    auto found = places.find(parameter.name);
    if (found != places.end()) {
      for (const Place &place : found->second)
        read(place.address);
      return;
    }
    std::vector<char> &value = executor.unread()[parameter.name];
    value.resize(parameter.type.bytes());
    read(value.data());
  }

  /// Null if no place is said to be the one to save.
  const char *read(const Parameter &parameter) {
    auto found = places.find(parameter.name);
    if (found == places.end())
      return executor.unread()[parameter.name].data();
    for (const Place &place : found->second)
      if (place.owner)
        return place.address;
    return nullptr;
  }

private:
  struct Place {
    char *address;
    bool owner;
  };
  Executor &executor;
  std::map<std::string, std::vector<Place>> places;
};

} // namespace

static void check(const std::string &path, const Parameter &parameter,
                  const std::string &name, const StoredTensor &stored) {
  if (stored.shape != parameter.type.shape)
    fail(path, ": error: parameter '", name, "' has shape ",
         listText(stored.shape), ", expected ", listText(parameter.type.shape));
  if (!storedFloat(stored.dtype))
    fail(path, ": error: parameter '", name, "' is ", stored.dtype,
         ", expected F32, F16, BF16 or F64");
}

static void loadResident(const SafetensorsFile &file, const Resident &resident,
                         DeviceMemory &memory) {
  const StoredTensor *stored = file.find(resident.name);
  if (!stored)
    fail(file.path(), ": error: holds no parameter '", resident.name,
         "', which the plan needs");
  if (stored->dtype != nameOf(resident.type.element) ||
      stored->shape != resident.type.shape)
    fail(file.path(), ": error: parameter '", resident.name, "' is ",
         stored->dtype, " ", listText(stored->shape), ", expected ",
         nameOf(resident.type.element), " ", listText(resident.type.shape));
  std::memcpy(memory.address(resident.slot) + resident.offset, stored->data,
              stored->bytes);
}

void bitpipe::loadWeights(const Program &program, Executor &executor) {
  SafetensorsFile file(program.weightsPath, "weights");
  std::set<std::string> resident;
  for (size_t d = 0; d < program.devices.size(); ++d)
    for (const Resident &one : program.devices[d].residents) {
      loadResident(file, one, executor.memory(d));
      resident.insert(one.name);
    }
  Places places(program, executor);
  for (const Parameter &parameter : program.parameters) {
    if (resident.contains(parameter.name))
      continue;
    const StoredTensor *stored = file.find(parameter.name);
    if (!stored)
      fail(file.path(), ": error: holds no parameter '", parameter.name,
           "', which the plan needs");
    check(file.path(), parameter, parameter.name, *stored);
    places.write(parameter, *stored);
  }
}

/// The parameter under its name and its aliases; where the file has several,
/// they must be one.
static const StoredTensor *findParameter(const CheckpointFiles &files,
                                         const NameRule &rule,
                                         const Parameter &parameter,
                                         std::set<std::string> &used) {
  const StoredTensor *found = nullptr;
  std::string first;
  std::vector<std::string> names = {parameter.name};
  names.insert(names.end(), parameter.aliases.begin(), parameter.aliases.end());
  for (const std::string &name : names) {
    std::string stored = rule.apply(name);
    const StoredTensor *tensor = files.find(stored);
    if (!tensor)
      continue;
    check(files.path(), parameter, stored, *tensor);
    used.insert(stored);
    if (found && (found->dtype != tensor->dtype ||
                  std::memcmp(found->data, tensor->data, found->bytes)))
      fail(files.path(), ": error: '", first, "' and '", stored,
           "' differ, which are one parameter in the model");
    if (!found)
      first = stored;
    found = found ? found : tensor;
  }
  return found;
}

/// Constants of this plan may have been parameters where the file was saved.
static void loadConstants(const Program &program, const CheckpointFiles &files,
                          const NameRule &rule, std::set<std::string> &used,
                          Places &places) {
  std::set<std::string> parameters;
  for (const Parameter &parameter : program.parameters)
    parameters.insert(parameter.name);
  for (const DeviceProgram &device : program.devices)
    for (const Resident &resident : device.residents) {
      std::string stored = rule.apply(resident.name);
      const StoredTensor *tensor = files.find(stored);
      if (!tensor || parameters.contains(resident.name) ||
          resident.type.element != ElementType::F32 ||
          tensor->shape != resident.type.shape || !storedFloat(tensor->dtype))
        continue;
      places.write({resident.name, resident.type, StoredFloat::F32, {}}, *tensor);
      used.insert(stored);
    }
}

static void tell(const CheckpointFiles &files, const NameRule &rule,
                 const std::set<std::string> &used) {
  if (rule.kind != NameRule::Same)
    std::fprintf(stderr, "%s: names are read %s the prefix '%s'\n",
                 files.path().c_str(),
                 rule.kind == NameRule::With ? "under" : "without",
                 rule.prefix.c_str());
  std::string names;
  size_t count = 0;
  for (auto &[name, tensor] : files.all())
    if (!used.contains(name) && ++count <= 4)
      names += (names.empty() ? "" : ", ") + name;
  if (count > 4)
    names += " and " + std::to_string(count - 4) + " more";
  if (count)
    std::fprintf(stderr, "%s: ignored %zu tensors that are no parameters of "
                         "the model: %s\n",
                 files.path().c_str(), count, names.c_str());
}

void bitpipe::loadParameters(const Program &program, Executor &executor,
                             const std::string &path) {
  CheckpointFiles files(path);
  NameRule rule = findNameRule(files, program.parameters);
  Places places(program, executor);
  std::set<std::string> used;
  for (const Parameter &parameter : program.parameters)
    places.write(parameter, *findParameter(files, rule, parameter, used));
  loadConstants(program, files, rule, used, places);
  tell(files, rule, used);
}

void bitpipe::saveParameters(const Program &program, Executor &executor,
                             const std::string &path) {
  Places places(program, executor);
  std::vector<NamedTensor> tensors;
  for (const Parameter &parameter : program.parameters) {
    const char *data = places.read(parameter);
    if (!data && parameter.type.elements() > 0)
      fail(program.path, ": error: parameter '", parameter.name,
           "' belongs to no device, expected one that saves it");
    tensors.push_back(
        {parameter.name, parameter.type.shape, parameter.stored, data});
    for (const std::string &alias : parameter.aliases)
      tensors.push_back(
          {alias, parameter.type.shape, parameter.stored, data});
  }
  writeSafetensors(path, tensors);
}
