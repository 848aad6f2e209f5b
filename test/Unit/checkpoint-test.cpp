//===- checkpoint-test.cpp - What a checkpoint says, and where it lies -----===//

#include "lib/Runtime/Checkpoint/Compare.h"
#include "lib/Runtime/Checkpoint/Folder.h"
#include "lib/Runtime/Error.h"
#include "test/Unit/check.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

using namespace bitpipe;
namespace fs = std::filesystem;

namespace {

std::string errorOf(const std::function<void()> &work) {
  try {
    work();
  } catch (const UserError &error) {
    return error.what();
  }
  return "";
}

/// A manifest with no two numbers alike, and such as a double cannot hold.
Manifest example() {
  Manifest manifest;
  manifest.position = {(int64_t(1) << 53) + 1, 5, 3, (int64_t(1) << 61) + 1, 7};
  Setting &setting = manifest.setting;
  setting.optimizer = "adamw";
  setting.rates = {0.1, 1.0 / 3, 0.7, 0.9999999999999999, 1e-38, Decayed::Matrices};
  setting.clip = 2.5;
  setting.schedule = {Schedule::WSD, 17, 0.01, 18};
  setting.steps = int64_t(1) << 62;
  setting.data = {"/a \"quoted\"\npath", 11, 12, "0123456789abcdef"};
  setting.samplesPerStep = 13;
  setting.shuffle = true;
  setting.seed = UINT64_MAX;
  setting.plan = "/plan.mlir";
  setting.planHash = "1";
  setting.weightsHash = "2";
  setting.devices = 14;
  setting.microbatches = 15;
  setting.threads = 16;
  manifest.parameters = {{"a.b", {2, 3}, true, {"c", "d"}}, {"scalar", {}, false, {}}};
  manifest.files = {{"model-00001-of-00002.safetensors", 16, "3"}};
  return manifest;
}

void testManifest() {
  std::string written = text(example());
  Manifest read = parseManifest(written, "x");
  check(text(read) == written, "a manifest changes as it is read:\n" + written);
  check(read.position.samples == example().position.samples && read.position.evaluated == 7 &&
            read.setting.seed == UINT64_MAX && read.setting.rates.beta2 < 1 &&
            read.setting.rates.weightDecay == 1.0 / 3 &&
            read.setting.schedule == example().setting.schedule &&
            read.setting.rates.decayed == Decayed::Matrices &&
            read.parameters[0].aliases.size() == 2,
        "a manifest holds other values than were written");
  // Whatever byte changes is noticed.
  check(read.intact, "a manifest is not as it was written");
  for (size_t at = 0; at < written.size(); ++at) {
    std::string other = written;
    other[at] ^= 1;
    Manifest changed;
    std::string error = errorOf([&] { changed = parseManifest(other, "x"); });
    check(!error.empty() || !changed.intact,
          "a manifest with another byte " + std::to_string(at) + " is taken");
  }
  // One of before there were these.
  std::string older = written;
  for (const char *part : {"evaluated", "lr_min", "decay_steps", "weight_decay_for"})
    older.replace(older.find("\"" + std::string(part) + "\""), 2, "\"_");
  read = parseManifest(older, "x");
  check(read.position.evaluated == 0 && read.setting.schedule == RateSchedule{Schedule::WSD, 17} &&
            read.setting.rates.decayed == Decayed::All,
        "an older manifest is read as something else");
  // Cut off anywhere it is refused, as is one that lacks a part.
  for (size_t length = 0; length + 2 < written.size(); ++length)
    check(errorOf([&] { parseManifest(written.substr(0, length), "x"); })
              .starts_with("x: error: "),
          "a manifest cut off after " + std::to_string(length) + " bytes is read");
  for (const char *part : {"position", "optimizer", "learning_rate", "data", "plan",
                           "files", "parameters", "skipped", "seed", "shape"}) {
    std::string without = written;
    without.replace(without.find("\"" + std::string(part) + "\""), 2, "\"_");
    check(!errorOf([&] { parseManifest(without, "x"); }).empty(),
          "a manifest without '" + std::string(part) + "' is read");
  }
}

void testCompare() {
  Manifest saved = example();
  Setting now = saved.setting;
  check(changes(saved.setting, now).empty(), "nothing has changed, but is said");
  checkBelongs(saved, now, saved.parameters, false, "x");
  now.rates.lr = 0.2;
  now.schedule.kind = Schedule::Cosine;
  now.devices = 2;
  now.weightsHash = "9";
  now.data.modified = 0;
  std::vector<std::string> lines = changes(saved.setting, now);
  check(lines.size() == 4 &&
            lines[0].ends_with(": --lr 0.2 (was 0.1), --lr-schedule cosine (was wsd)") &&
            lines[1].ends_with(": devices 2 (was 14)"),
        "the changes are told as " + listText(lines));
  now.data.bytes = 1;
  check(errorOf([&] { checkBelongs(saved, now, saved.parameters, false, "x"); })
            .starts_with("x: error: was trained on"),
        "other data are taken");
  checkBelongs(saved, now, saved.parameters, true, "x");
  std::vector<SavedParameter> fewer = {saved.parameters[0]};
  check(errorOf([&] { checkBelongs(saved, now, fewer, true, "x"); })
                .find("holds parameter 'scalar'") != std::string::npos,
        "a parameter too many is taken");
}

void put(const fs::path &path, const std::string &text) {
  std::ofstream(path) << text;
}

void publish(CheckpointFolder &folder, int64_t step) {
  folder.begin(step);
  Manifest manifest = example();
  manifest.position = {step, 0, 0, 0};
  put(fs::path(folder.draft(step)) / manifestName, text(manifest));
  put(fs::path(folder.draft(step)) / "model-00001-of-00001.safetensors", "x");
  folder.publish(step);
}

void testFolder(const fs::path &path) {
  CheckpointFolder folder(path);
  folder.claim();
  check(folder.steps().empty() && folder.marked() == -1, "a new folder holds something");
  for (int64_t step : {7, 100, 123456789, 8}) {
    publish(folder, step);
    check(folder.marked() == step, "the marker is not the one published last");
  }
  check(folder.steps() == std::vector<int64_t>{123456789, 100, 8, 7},
        "steps are not in order: " + listText(folder.steps()));
  check(!errorOf([&] { CheckpointFolder(path).claim(); }).empty(),
        "two claim one folder");
  // Neither what is not of bitpipe nor what holds more is removed.
  fs::create_directory(path / "step-00000002");
  put(fs::path(folder.complete(7)) / "note", "mine");
  folder.keepNewest(1);
  check(folder.steps() == std::vector<int64_t>{123456789, 7, 2},
        "kept are " + listText(folder.steps()));
  // A write that was ended leaves what was there.
  folder.begin(200);
  put(fs::path(folder.draft(200)) / ".bitpipe-1-1", "half");
  folder.begin(200);
  check(fs::is_empty(folder.draft(200)), "a draft begins with what was left");
  folder.discard(200);
  check(!fs::exists(folder.draft(200)), "a draft is there though discarded");
}

void testPrint(const fs::path &folder) {
  fs::path path = folder / "data";
  std::string bytes(5 << 20, 'a');
  put(path, bytes);
  DataPrint before = takePrint(path);
  check(before.sameContents(takePrint(path)), "a print changes by itself");
  for (size_t place : {size_t(0), bytes.size() / 2, bytes.size() - 1}) {
    std::string other = bytes;
    // Blocks lie closer than this.
    for (size_t i = 0; i < std::min<size_t>(100'000, other.size() - place); ++i)
      other[place + i] = 'b';
    put(path, other);
    check(!before.sameContents(takePrint(path)),
          "a change at byte " + std::to_string(place) + " is not seen");
  }
  put(path, bytes + "a");
  check(!before.sameContents(takePrint(path)), "another size is not seen");
  fs::resize_file(path, int64_t(1) << 40); // no time for as much
  check(takePrint(path).bytes == int64_t(1) << 40, "a large file");
}

} // namespace

int main() {
  std::string folder = (fs::temp_directory_path() / "checkpoint-test-XXXXXX").string();
  if (!mkdtemp(folder.data()))
    return 1;
  testManifest();
  testCompare();
  testFolder(folder);
  testPrint(folder);
  fs::remove_all(folder);
  if (failures == 0)
    std::printf("all good\n");
  return failures != 0;
}
