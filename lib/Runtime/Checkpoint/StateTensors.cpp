//===- StateTensors.cpp - What a training keeps from step to step ----------===//

#include "lib/Runtime/Checkpoint/StateTensors.h"

#include <algorithm>
#include <map>

using namespace bitpipe;

const char *bitpipe::stemOf(StateKind kind) {
  constexpr const char *stems[] = {"model", "moment1", "moment2"};
  return stems[int(kind)];
}

std::string bitpipe::indexOf(StateKind kind) {
  return std::string(stemOf(kind)) + ".safetensors.index.json";
}

std::vector<StatePlace> StateTensor::saved() const {
  if (places.empty() || places.front().bytes == bytes)
    return {places.begin(), places.begin() + !places.empty()};
  std::vector<StatePlace> slices = places;
  std::ranges::stable_sort(slices, {}, &StatePlace::begin);
  int64_t end = 0;
  std::erase_if(slices, [&](const StatePlace &place) {
    if (place.begin < end)
      return true;
    end = place.begin + place.bytes;
    return false;
  });
  return slices;
}

namespace {

/// Where a parameter or constant lives, by its name.
class Places {
public:
  explicit Places(const Program &program) {
    for (size_t d = 0; d < program.devices.size(); ++d)
      for (const Resident &resident : program.devices[d].residents)
        add(program.devices[d], d, resident);
  }

  StateTensor tensor(StateKind kind, const std::string &name,
                     const TensorType &type) const {
    StateTensor result{kind, name, type.shape, type.bytes(), {}};
    if (auto found = places[int(kind)].find(name); found != places[int(kind)].end())
      result.places = found->second;
    return result;
  }

  bool isTrained(const std::string &name) const { return trained.contains(name); }

private:
  void add(const DeviceList &device, int64_t number, const Resident &resident) {
    auto [begin, bytes, offset] = resident.partIn(device.slots[resident.slot].size);
    if (bytes > 0 || resident.type.bytes() == 0) // else others have all
      addPlace(StateKind::Parameter, resident, {number, resident.slot, offset, begin, bytes});
    if (!resident.trainable)
      return;
    trained.insert(resident.name);
    for (const Instruction &op : device.instructions)
      if (auto *step = std::get_if<Step>(&op);
          step && step->weights == resident.slot && step->moment1)
        return addMoments(number, resident, *step); // of many steps all have the same
  }

  /// Moments lie as the weights do that they belong to, from the first that the device
  /// steps on.
  void addMoments(int64_t number, const Resident &resident, const Step &step) {
    constexpr int64_t size = sizeof(float);
    int64_t first = step.stepped.begin * size;
    int64_t begin = std::max(resident.offset, first);
    int64_t end = std::min(resident.offset + resident.type.bytes(), step.stepped.end * size);
    if (begin >= end && resident.type.bytes() > 0)
      return; // others have them
    auto add = [&](StateKind kind, int64_t slot) {
      addPlace(kind, resident,
               {number, slot, begin - first, begin - resident.offset, std::max(end - begin, 0L)});
    };
    add(StateKind::Moment1, *step.moment1);
    add(StateKind::Moment2, *step.moment2);
  }

  void addPlace(StateKind kind, const Resident &resident, StatePlace place) {
    std::vector<StatePlace> &list = places[int(kind)][resident.name];
    bool isFirstOwner = resident.owner && !owned[int(kind)].contains(resident.name);
    if (isFirstOwner)
      owned[int(kind)].insert(resident.name);
    list.insert(isFirstOwner ? list.begin() : list.end(), place);
  }

  std::map<std::string, std::vector<StatePlace>> places[std::size(stateKinds)];
  std::set<std::string> owned[std::size(stateKinds)], trained;
};

} // namespace

std::vector<StateTensor>
bitpipe::stateTensors(const Program &program,
                      const std::set<std::string> &constants) {
  Places places(program);
  std::vector<StateTensor> tensors;
  for (const Parameter &parameter : program.parameters)
    tensors.push_back(places.tensor(StateKind::Parameter, parameter.name,
                                    parameter.type));
  std::set<std::string> left = constants;
  for (const DeviceList &device : program.devices)
    for (const Resident &resident : device.residents)
      if (resident.type.element == ElementType::F32 && left.erase(resident.name))
        tensors.push_back(places.tensor(StateKind::Parameter, resident.name,
                                        resident.type));
  for (StateKind kind : {StateKind::Moment1, StateKind::Moment2})
    for (const Parameter &parameter : program.parameters)
      if (StateTensor moment = places.tensor(kind, parameter.name, parameter.type);
          !moment.places.empty())
        tensors.push_back(std::move(moment));
  return tensors;
}

std::vector<SavedParameter> bitpipe::savedParameters(const Program &program) {
  Places places(program);
  std::vector<SavedParameter> list;
  for (const Parameter &parameter : program.parameters)
    list.push_back({parameter.name, parameter.type.shape,
                    places.isTrained(parameter.name), parameter.aliases});
  return list;
}
