//===- Manifest.cpp - What a checkpoint says of itself ---------------------===//
//
// One function per part writes and one reads; a test compares what comes back.
//
//===----------------------------------------------------------------------===//

#include "lib/Runtime/Checkpoint/Manifest.h"

#include "lib/Files/WrittenBy.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Hash.h"

#include <nlohmann/json.hpp>

using namespace bitpipe;
using json = nlohmann::ordered_json;

/// Rises when a file means something else than before.
static constexpr int64_t format = 1;
/// How the last entry begins, which is the hash of all that precedes it.
static constexpr const char *hashEntry = ",\n \"hash\": \"";

/// What is wrong with the contents of a manifest.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

static json written(const Position &position) {
  return {{"step", position.step},
          {"updates", position.updates()},
          {"skipped", position.skipped},
          {"skipped_in_a_row", position.skippedInARow},
          {"samples", position.samples},
          {"evaluated", position.evaluated}};
}

namespace {
/// A whole number, which JSON's conversions make of any number.
struct Whole {
  Whole(const json &from, const char *name) : value(from.at(name)) {
    if (!value.is_number_integer())
      throw Wrong(std::string("has ") + name + " " + value.dump() +
                  ", expected a whole number");
  }
  template <typename Integer> operator Integer() const {
    return value.get<Integer>();
  }
  const json &value;
};
} // namespace

static Position readPosition(const json &from) {
  Position position{Whole(from, "step"), Whole(from, "skipped"),
                    Whole(from, "skipped_in_a_row"), Whole(from, "samples")};
  if (from.contains("evaluated")) // older ones know of no evaluation
    position.evaluated = Whole(from, "evaluated");
  bool ordered = 0 <= position.skippedInARow &&
                 position.skippedInARow <= position.skipped &&
                 position.skipped <= position.step && 0 <= position.samples &&
                 0 <= position.evaluated && position.evaluated <= position.step;
  if (!ordered || from.at("updates") != position.updates())
    throw Wrong("has position " + from.dump() + ", which contradicts itself");
  return position;
}

static json written(const Setting &setting) {
  const OptimizerSettings &rates = setting.rates;
  json out;
  out["optimizer"] = {{"kind", setting.optimizer},
                      {"weight_decay", rates.weightDecay},
                      {"weight_decay_for", nameOf(rates.decayed)},
                      {"beta1", rates.beta1},
                      {"beta2", rates.beta2},
                      {"eps", rates.eps},
                      {"clip", setting.clip}};
  out["learning_rate"] = {{"schedule", nameOf(setting.schedule.kind)},
                          {"lr", rates.lr},
                          {"lr_min", setting.schedule.lowest},
                          {"warmup", setting.schedule.warmup},
                          {"decay_steps", setting.schedule.decaySteps},
                          {"steps", setting.steps}};
  out["data"] = {{"path", setting.data.path},
                 {"bytes", setting.data.bytes},
                 {"modified", setting.data.modified},
                 {"hash", setting.data.hash},
                 {"samples_per_step", setting.samplesPerStep},
                 {"shuffle", setting.shuffle},
                 {"seed", setting.seed}};
  out["plan"] = {{"path", setting.plan},
                 {"hash", setting.planHash},
                 {"weights_hash", setting.weightsHash},
                 {"precision", setting.precision},
                 {"devices", setting.devices},
                 {"microbatches", setting.microbatches},
                 {"updates_per_step", setting.updatesPerStep},
                 {"threads", setting.threads}};
  return out;
}

/// Older ones have neither a lowest rate nor steps of decay.
static RateSchedule readSchedule(const json &from) {
  std::string name = from.at("schedule");
  auto kind = scheduleNamed(name);
  if (!kind)
    throw Wrong("has learning rate schedule '" + name + "', expected " + scheduleNames);
  RateSchedule schedule{*kind, Whole(from, "warmup"), from.value("lr_min", 0.0)};
  if (from.contains("decay_steps"))
    schedule.decaySteps = Whole(from, "decay_steps");
  return schedule;
}

/// In older ones all parameters decay.
static Decayed readDecayed(const json &optimizer) {
  std::string name = optimizer.value("weight_decay_for", nameOf(Decayed::All));
  for (Decayed decayed : {Decayed::All, Decayed::Matrices})
    if (name == nameOf(decayed))
      return decayed;
  throw Wrong("has weight decay for '" + name + "', expected all or matrices");
}

static Setting readSetting(const json &from) {
  Setting setting;
  const json &optimizer = from.at("optimizer");
  setting.optimizer = optimizer.at("kind");
  const json &rate = from.at("learning_rate");
  setting.rates = {rate.at("lr"), optimizer.at("weight_decay"),
                   optimizer.at("beta1"), optimizer.at("beta2"),
                   optimizer.at("eps"), readDecayed(optimizer)};
  setting.clip = optimizer.at("clip");
  setting.schedule = readSchedule(rate);
  setting.steps = Whole(rate, "steps");
  const json &data = from.at("data");
  setting.data = {data.at("path"), Whole(data, "bytes"), Whole(data, "modified"),
                  data.at("hash")};
  setting.samplesPerStep = Whole(data, "samples_per_step");
  setting.shuffle = data.at("shuffle");
  setting.seed = Whole(data, "seed");
  const json &plan = from.at("plan");
  setting.plan = plan.at("path");
  setting.planHash = plan.at("hash");
  setting.weightsHash = plan.at("weights_hash");
  setting.precision = plan.value("precision", "f32"); // older ones have none
  setting.devices = Whole(plan, "devices");
  setting.microbatches = Whole(plan, "microbatches");
  if (plan.contains("updates_per_step")) // there was one before there could be more
    setting.updatesPerStep = Whole(plan, "updates_per_step");
  if (plan.contains("threads")) // there was one before there could be more
    setting.threads = Whole(plan, "threads");
  return setting;
}

static json written(const SavedParameter &parameter) {
  return {{"name", parameter.name},
          {"shape", parameter.shape},
          {"trained", parameter.trained},
          {"aliases", parameter.aliases}};
}

static SavedParameter readParameter(const json &from) {
  for (const json &size : from.at("shape"))
    if (!size.is_number_integer())
      throw Wrong("has a size " + size.dump() + ", expected a whole number");
  return {from.at("name"), from.at("shape"), from.at("trained"),
          from.at("aliases")};
}

static json written(const SavedFile &file) {
  return {{"name", file.name}, {"bytes", file.bytes}, {"hash", file.hash}};
}

static SavedFile readFile(const json &from) {
  SavedFile file{from.at("name"), Whole(from, "bytes"), from.at("hash")};
  // It lies in this folder and nowhere else.
  if (file.name.empty() || file.name.find('/') != file.name.npos)
    throw Wrong("names a file '" + file.name + "', expected one of its folder");
  return file;
}

static std::string onOneLine(const json &value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// An entry of the manifest that is a list, an item on each line.
template <typename Item>
static std::string listEntry(const char *name, const std::vector<Item> &items) {
  std::string text = joined(",\n \"", name, "\": [");
  for (size_t i = 0; i < items.size(); ++i)
    text += (i ? ",\n  " : "\n  ") + onOneLine(written(items[i]));
  return text + "]";
}

static std::string endOf(const std::string &text) {
  return hashEntry + hashBytes(text.data(), text.size()) + "\"\n}\n";
}

/// Whether nothing has changed what text() returned.
static bool isIntact(const std::string &text) {
  size_t end = text.rfind(hashEntry);
  return end != text.npos && text.substr(end) == endOf(text.substr(0, end));
}

std::string bitpipe::text(const Manifest &manifest) {
  json out;
  out[mark::key] = mark::value;
  out["format"] = format;
  out["position"] = written(manifest.position);
  out.update(written(manifest.setting));
  std::string text = out.dump(1, ' ', false, json::error_handler_t::replace);
  text.resize(text.size() - std::string("\n}").size());
  text += listEntry("files", manifest.files) +
          listEntry("parameters", manifest.parameters);
  return text + endOf(text);
}

Manifest bitpipe::parseManifest(const std::string &text,
                                const std::string &path) {
  json from = json::parse(text, nullptr, false);
  if (!from.is_object() || from.value(mark::key, json()) != mark::value)
    fail(path, ": error: is no manifest of a checkpoint");
  try {
    if (from.at("format") != format)
      throw Wrong("has format " + from.at("format").dump() + ", expected " +
                  std::to_string(format));
    Manifest manifest{readPosition(from.at("position")), readSetting(from), {}, {}};
    manifest.intact = isIntact(text);
    for (const json &item : from.at("parameters"))
      manifest.parameters.push_back(readParameter(item));
    for (const json &item : from.at("files"))
      manifest.files.push_back(readFile(item));
    return manifest;
  } catch (const json::exception &error) {
    fail(path, ": error: is no manifest of a checkpoint: ", error.what());
  } catch (const Wrong &error) {
    fail(path, ": error: ", error.what());
  }
}
