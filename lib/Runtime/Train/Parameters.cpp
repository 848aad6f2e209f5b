//===- Parameters.cpp - Parameters in and out of the devices --------------===//

#include "lib/Runtime/Train/Parameters.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Train/CheckpointFiles.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <set>

using namespace bitpipe;

Parameters::Parameters(const Program &program, const LocalDevices &devices,
                       World &world)
    : program(program), devices(devices), world(world) {
  for (size_t d = 0; d < program.devices.size(); ++d)
    for (const Resident &resident : program.devices[d].residents) {
      Home &home = homes[resident.name];
      Resident::Part part = resident.partIn(program.devices[d].slots[resident.slot].size);
      // The first owner of a byte saves it; slices come in the order of the devices.
      bool isSaved = resident.owner && part.begin == home.saved;
      home.saved += isSaved ? part.bytes : 0;
      if (devices.holds(d) && (part.bytes > 0 || resident.type.bytes() == 0))
        home.places.push_back({int64_t(d), resident.slot, part, isSaved});
    }
}

/// Of bytes of a tensor from one on those that a device holds.
static void uploadPart(Device &device, int64_t slot, const Resident::Part &part,
                       const char *data, int64_t first, int64_t bytes) {
  int64_t begin = std::max(first, part.begin);
  int64_t end = std::min(first + bytes, part.begin + part.bytes);
  if (begin < end)
    device.upload(slot, part.offset + begin - part.begin, data + begin - first, end - begin);
}

/// Writes f32 from a file into all places of a tensor in this process.
void Parameters::write(const std::string &name, const TensorType &type,
                       const StoredTensor &stored) {
  constexpr int64_t piece = 1 << 20;
  std::vector<float> values(std::min(piece, type.elements()));
  StoredFloat from = *storedFloat(stored.dtype);
  auto found = homes.find(name);
  bool isUnread = found == homes.end();
  if (isUnread && world.speaks())
    unreadValues[name].resize(type.bytes());
  if (isUnread ? !world.speaks() : found->second.places.empty())
    return; // pages that nobody reads stay out of memory
  for (int64_t done = 0; done < type.elements(); done += piece) {
    int64_t count = std::min(piece, type.elements() - done);
    int64_t offset = done * sizeof(float), bytes = count * sizeof(float);
    readFloats(from, stored.data + done * sizeOf(from),
               reinterpret_cast<char *>(values.data()), count);
    if (isUnread)
      std::memcpy(unreadValues[name].data() + offset, values.data(), bytes);
    else
      for (const Place &place : found->second.places)
        uploadPart(devices[place.device], place.slot, place.part,
                   reinterpret_cast<const char *>(values.data()), offset, bytes);
  }
}

static const StoredTensor &findIn(const SafetensorsFile &file,
                                  const std::string &name) {
  const StoredTensor *stored = file.find(name);
  if (!stored)
    fail(file.path(), ": error: holds no parameter '", name,
         "', which the plan needs");
  return *stored;
}

static void check(const std::string &path, const Parameter &parameter,
                  const std::string &name, const StoredTensor &stored) {
  if (stored.shape != parameter.type.shape)
    fail(path, ": error: parameter '", name, "' has shape ",
         listText(stored.shape), ", expected ", listText(parameter.type.shape));
  if (!storedFloat(stored.dtype))
    fail(path, ": error: parameter '", name, "' is ", stored.dtype,
         ", expected F32, F16, BF16 or F64");
}

void Parameters::loadWeights() {
  SafetensorsFile file(program.weightsPath, "weights");
  for (int64_t d = devices.share().first; d < devices.share().end; ++d)
    for (const Resident &resident : program.devices[d].residents) {
      const StoredTensor &stored = findIn(file, resident.name);
      if (stored.dtype != nameOf(resident.type.element) ||
          stored.shape != resident.type.shape)
        fail(file.path(), ": error: parameter '", resident.name, "' is ",
             stored.dtype, " ", listText(stored.shape), ", expected ",
             nameOf(resident.type.element), " ", listText(resident.type.shape));
      Resident::Part part = resident.partIn(program.devices[d].slots[resident.slot].size);
      uploadPart(devices[d], resident.slot, part, stored.data, 0, stored.bytes);
    }
  for (const Parameter &parameter : program.parameters) {
    if (homes.contains(parameter.name))
      continue;
    const StoredTensor &stored = findIn(file, parameter.name);
    check(file.path(), parameter, parameter.name, stored);
    write(parameter.name, parameter.type, stored);
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
std::set<std::string> Parameters::loadConstants(const CheckpointFiles &files,
                                                const NameRule &rule,
                                                std::set<std::string> &used) {
  std::set<std::string> parameters, replaced;
  for (const Parameter &parameter : program.parameters)
    parameters.insert(parameter.name);
  for (const DeviceList &device : program.devices)
    for (const Resident &resident : device.residents) {
      std::string stored = rule.apply(resident.name);
      const StoredTensor *tensor = files.find(stored);
      if (!tensor || parameters.contains(resident.name) ||
          resident.type.element != ElementType::F32 ||
          tensor->shape != resident.type.shape || !storedFloat(tensor->dtype))
        continue;
      write(resident.name, resident.type, *tensor);
      used.insert(stored);
      replaced.insert(resident.name);
    }
  return replaced;
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

std::set<std::string> Parameters::load(const CheckpointFiles &files) {
  NameRule rule = findNameRule(files, program.parameters);
  std::set<std::string> used;
  for (const Parameter &parameter : program.parameters)
    write(parameter.name, parameter.type,
          *findParameter(files, rule, parameter, used));
  std::set<std::string> replaced = loadConstants(files, rule, used);
  if (world.speaks())
    tell(files, rule, used);
  return replaced;
}
