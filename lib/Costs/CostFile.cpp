//===- CostFile.cpp - Costs from a JSON file -------------------------------===//

#include "lib/Costs/CostFile.h"
#include "lib/Costs/JsonFile.h"

#include <climits>
#include <set>

using namespace llvm;
using namespace bitpipe;
using schedule::Costs;
using schedule::Link;
using schedule::StageCost;

namespace {
constexpr int mostStage = 1 << 20;

/// The parts of the file, each by a function of its own.
class CostFile : JsonFile {
public:
  CostFile(StringRef path, int devices) : JsonFile(path), devices(devices) {}
  schedule::ErrorOr<Costs> read();

private:
  bool readText(const json::Value &value);
  bool readStages(const json::Value &value);
  bool readStage(const json::Value &value, StringRef place);
  bool readTimes(const json::Object &object, StringRef place, StageCost &stage);
  bool readSizes(const json::Object &object, StringRef place, StageCost &stage);
  bool readGradients(const json::Object &object, StringRef place,
                     StageCost &stage);
  bool readHolders(const json::Object &object, StringRef place, int &holders);
  bool readShared(const json::Value &value);
  bool readSharing(const json::Value &value, StringRef place,
                   std::vector<int> &stages);
  bool readPerDevice(const json::Value &value, StringRef key, Range range,
                     std::vector<double> &sizes);
  bool readLinks(const json::Value &value);
  bool readLink(const json::Object &object, StringRef place, Link &link);
  bool readHost(const json::Value &value);
  bool readNodes(const json::Value &value);
  bool readPairs(const json::Value &value);

  int devices;
  Costs costs;
  /// The places of stages without a size that other parts may need.
  std::string withoutActivation, withoutMessage;
  bool hasBandwidth = false;
};
} // namespace

schedule::ErrorOr<Costs> CostFile::read() {
  json::Value value = nullptr;
  if (!parse(value) || !readText(value))
    return schedule::Error{getError()};
  return std::move(costs);
}

bool CostFile::readText(const json::Value &value) {
  const json::Object *object = nullptr;
  if (!takeObject(value, "the file",
                  {"written_by", "stages", "shared", "memory", "buffers", "feed",
                   "threads", "samples", "model", "links"},
                  object))
    return false;
  const json::Value *writer = object->get("written_by");
  if (writer && !writer->getAsString())
    return fail("'written_by' is " + show(*writer) + ", expected a text");
  const json::Value *model = object->get("model");
  if (model && !model->getAsString())
    return fail("'model' is " + show(*model) + ", expected a text");
  if (model)
    costs.model = schedule::oneLine(model->getAsString()->str());
  const json::Value *stages = object->get("stages");
  if (!stages)
    return fail("'stages' is missing, expected one cost, or one per stage");
  if (!readStages(*stages))
    return false;
  const json::Value *shared = object->get("shared");
  const json::Value *memory = object->get("memory");
  const json::Value *buffers = object->get("buffers");
  const json::Value *links = object->get("links");
  if ((shared && !readShared(*shared)) ||
      (memory && !readPerDevice(*memory, "memory", Range::Positive, costs.memory)) ||
      (buffers &&
       !readPerDevice(*buffers, "buffers", Range::NotNegative, costs.buffers)) ||
      !takeField(*object, "the file", "feed", Range::NotNegative, costs.feed) ||
      (object->get("threads") &&
       !takeIndex(*object, "the file", "threads", 1, INT_MAX, costs.threads)) ||
      (object->get("samples") &&
       !takeIndex(*object, "the file", "samples", 1, INT_MAX, costs.samples)) ||
      (links && !readLinks(*links)))
    return false;
  costs.timeUnit = "the unit of the file of costs";
  if (withoutActivation.empty())
    costs.sizeUnit = costs.timeUnit;
  if (memory && !withoutActivation.empty())
    return fail(withoutActivation + ": 'activation' is missing, expected a "
                                    "size where 'memory' is given");
  if (hasBandwidth && !withoutMessage.empty())
    return fail(withoutMessage + ": 'message' is missing, expected a size "
                                 "where a bandwidth is given");
  return true;
}

bool CostFile::readStages(const json::Value &value) {
  costs.stages.clear();
  const json::Array *list = value.getAsArray();
  if (!list)
    return readStage(value, "'stages'");
  if (list->empty())
    return fail("'stages' is [], expected one cost per stage");
  for (size_t i = 0; i < list->size(); ++i) {
    std::string place = "'stages'[" + std::to_string(i) + "]";
    if (!readStage((*list)[i], place))
      return false;
    if ((costs.stages.back().pair < 0) == costs.overlapsPairs())
      return fail(place + (costs.overlapsPairs() ? " lacks 'pair'" : " has 'pair'") +
                  ", expected it in all stages or in none");
  }
  return true;
}

bool CostFile::readStage(const json::Value &value, StringRef place) {
  const json::Object *object = nullptr;
  if (!takeObject(value, place,
                  {"F", "B", "I", "W", "recompute", "pair", "activation", "kept", "input",
                   "message", "state", "moments", "weights", "gathered", "gradients", "sum", "holders", "norm",
                   "optimizer"},
                  object))
    return false;
  if (!object->get("F"))
    return fail(place + ": 'F' is missing, expected the time of a forward");
  if (!object->get("activation") && withoutActivation.empty())
    withoutActivation = place.str();
  if (!object->get("message") && withoutMessage.empty())
    withoutMessage = place.str();
  StageCost &stage = costs.stages.emplace_back();
  return readTimes(*object, place, stage) && readSizes(*object, place, stage);
}

bool CostFile::readTimes(const json::Object &object, StringRef place, StageCost &stage) {
  return takeField(object, place, "F", Range::Positive, stage.forward) &&
         readGradients(object, place, stage) &&
         takeField(object, place, "recompute", Range::Positive, stage.recompute) &&
         takeField(object, place, "pair", Range::Positive, stage.pair) &&
         takeField(object, place, "sum", Range::NotNegative, stage.sum) &&
         takeField(object, place, "norm", Range::NotNegative, stage.norm) &&
         takeField(object, place, "optimizer", Range::NotNegative, stage.optimizer) &&
         readHolders(object, place, stage.holders);
}

bool CostFile::readSizes(const json::Object &object, StringRef place, StageCost &stage) {
  bool isRead =
      takeField(object, place, "activation", Range::Positive, stage.activation) &&
      takeField(object, place, "kept", Range::NotNegative, stage.kept) &&
      takeField(object, place, "input", Range::NotNegative, stage.input) &&
      takeField(object, place, "message", Range::NotNegative, stage.message) &&
      takeField(object, place, "state", Range::NotNegative, stage.state) &&
      takeField(object, place, "moments", Range::NotNegative, stage.moments) &&
      takeField(object, place, "weights", Range::NotNegative, stage.weights) &&
      takeField(object, place, "gathered", Range::NotNegative, stage.gathered) &&
      takeField(object, place, "gradients", Range::NotNegative, stage.gradients);
  if (isRead && stage.moments > stage.state)
    return fail(place + ": 'moments' is " + show(*object.get("moments")) +
                ", expected no more than 'state', of which it is a part");
  return isRead;
}

bool CostFile::readHolders(const json::Object &object, StringRef place,
                           int &holders) {
  return !object.get("holders") ||
         takeIndex(object, place, "holders", 2, INT_MAX, holders);
}

bool CostFile::readGradients(const json::Object &object, StringRef place,
                             StageCost &stage) {
  std::optional<double> times[3];
  StringRef keys[] = {"B", "I", "W"};
  for (auto [key, time] : zip(keys, times))
    if (object.get(key) &&
        !takeField(object, place, key, Range::NotNegative, time.emplace()))
      return false;
  auto wrong = schedule::setGradients(stage, times[0], times[1], times[2]);
  if (!wrong && !times[0] && !times[1])
    wrong = schedule::Error{
        "'I' is missing, expected both 'I' and 'W', or 'B' alone"};
  return !wrong || fail(place + ": " + wrong->text);
}

bool CostFile::readShared(const json::Value &value) {
  const json::Array *list = value.getAsArray();
  if (!list)
    return fail("'shared' is " + show(value) + ", expected a list of costs");
  std::set<std::vector<int>> seen;
  for (size_t i = 0; i < list->size(); ++i) {
    std::string place = "'shared'[" + std::to_string(i) + "]";
    const json::Object *object = nullptr;
    if (!takeObject((*list)[i], place,
                    {"stages", "sum", "norm", "optimizer", "holders"}, object))
      return false;
    schedule::SharedCost &cost = costs.shared.emplace_back();
    const json::Value *stages = object->get("stages");
    if (!stages)
      return fail(place + ": 'stages' is missing, expected two or more stages");
    if (!readSharing(*stages, place, cost.stages) ||
        !takeField(*object, place, "sum", Range::NotNegative, cost.sum) ||
        !takeField(*object, place, "norm", Range::NotNegative, cost.norm) ||
        !takeField(*object, place, "optimizer", Range::NotNegative,
                   cost.optimizer) ||
        !readHolders(*object, place, cost.holders))
      return false;
    if (!seen.insert(cost.stages).second)
      return fail(place + " has stages " + show(*stages) +
                  " again, expected them once");
  }
  return true;
}

bool CostFile::readSharing(const json::Value &value, StringRef place,
                           std::vector<int> &stages) {
  auto wrong = [&] {
    return fail(place + ": 'stages' is " + show(value) +
                ", expected two or more stages, ascending");
  };
  const json::Array *list = value.getAsArray();
  if (!list || list->size() < 2)
    return wrong();
  for (const json::Value &stage : *list) {
    std::optional<int64_t> number = stage.getAsInteger();
    int least = stages.empty() ? 0 : stages.back() + 1;
    if (!number || *number < least || *number > mostStage)
      return wrong();
    stages.push_back(int(*number));
  }
  return true;
}

bool CostFile::readPerDevice(const json::Value &value, StringRef key, Range range,
                             std::vector<double> &sizes) {
  std::string place = "'" + key.str() + "'";
  const json::Array *list = value.getAsArray();
  if (!list) {
    double size = 0;
    if (!takeNumber(value, place, range, size))
      return false;
    sizes.assign(devices, size);
    return true;
  }
  if (int(list->size()) != devices)
    return fail(place + " has " + Twine(list->size()) +
                " numbers, expected one, or " + Twine(devices) +
                ", one per device");
  for (int i = 0; i < devices; ++i)
    if (!takeNumber((*list)[i], place + "[" + Twine(i) + "]", range,
                    sizes.emplace_back()))
      return false;
  return true;
}

bool CostFile::readLink(const json::Object &object, StringRef place,
                        Link &link) {
  double bandwidth = 0;
  if (!takeField(object, place, "latency", Range::NotNegative, link.latency) ||
      !takeField(object, place, "bandwidth", Range::Positive, bandwidth))
    return false;
  if (bandwidth > 0) {
    link.transfer = 1 / bandwidth;
    hasBandwidth = true;
  }
  return true;
}

bool CostFile::readLinks(const json::Value &value) {
  const json::Object *object = nullptr;
  if (!takeObject(value, "'links'", {"latency", "bandwidth", "host", "nodes", "pairs"},
                  object) ||
      !readLink(*object, "'links'", costs.link))
    return false;
  costs.host = costs.link;
  const json::Value *host = object->get("host");
  if (host && !readHost(*host))
    return false;
  const json::Value *nodes = object->get("nodes");
  const json::Value *pairs = object->get("pairs");
  if (nodes || pairs)
    costs.links.assign(devices, std::vector<Link>(devices, costs.link));
  return (!nodes || readNodes(*nodes)) && (!pairs || readPairs(*pairs));
}

bool CostFile::readHost(const json::Value &value) {
  const json::Object *object = nullptr;
  return takeObject(value, "'host'", {"latency", "bandwidth"}, object) &&
         readLink(*object, "'host'", costs.host);
}

bool CostFile::readNodes(const json::Value &value) {
  const json::Object *object = nullptr;
  Link between = costs.link;
  int size = 0;
  if (!takeObject(value, "'nodes'", {"devices", "latency", "bandwidth"},
                  object) ||
      !takeIndex(*object, "'nodes'", "devices", 1, INT_MAX, size) ||
      !readLink(*object, "'nodes'", between))
    return false;
  costs.devicesPerNode = size;
  for (int from = 0; from < devices; ++from)
    for (int to = 0; to < devices; ++to)
      if (from / size != to / size)
        costs.links[from][to] = between;
  return true;
}

bool CostFile::readPairs(const json::Value &value) {
  const json::Array *list = value.getAsArray();
  if (!list)
    return fail("'pairs' is " + show(value) + ", expected a list of links");
  std::set<std::pair<int, int>> seen;
  for (size_t i = 0; i < list->size(); ++i) {
    std::string place = "'pairs'[" + std::to_string(i) + "]";
    const json::Object *object = nullptr;
    int from = 0, to = 0;
    if (!takeObject((*list)[i], place, {"from", "to", "latency", "bandwidth"},
                    object) ||
        !takeIndex(*object, place, "from", 0, devices - 1, from) ||
        !takeIndex(*object, place, "to", 0, devices - 1, to) ||
        !readLink(*object, place, costs.links[from][to]))
      return false;
    if (from == to)
      return fail(place + " goes from device " + Twine(from) +
                  " to itself, expected two devices");
    if (!seen.insert({from, to}).second)
      return fail(place + " goes from device " + Twine(from) + " to " +
                  Twine(to) + " again, expected each link once");
  }
  return true;
}

schedule::ErrorOr<Costs> bitpipe::readCosts(StringRef path, int devices) {
  return CostFile(path, devices).read();
}
