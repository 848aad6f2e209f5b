//===- Folder.cpp - The checkpoints of a run on the disk -------------------===//

#include "lib/Runtime/Checkpoint/Folder.h"

#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Runtime/Checkpoint/Manifest.h"
#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace bitpipe;
namespace fs = std::filesystem;

/// What a folder of checkpoints and a checkpoint hold, by name.
static const std::regex completeName("step-(\\d{8,18})");
static const std::regex draftName("\\.step-\\d{8,18}\\.draft");
static const std::regex temporaryName("\\.bitpipe-(\\d+)-\\d+");
static const std::regex ownName(
    "checkpoint\\.json|(model|moment1|moment2)\\.safetensors\\.index\\.json|"
    "(model|moment1|moment2)-\\d+-of-\\d+\\.safetensors|\\.bitpipe-\\d+-\\d+");

static std::string folderName(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof(name), "step-%08lld", static_cast<long long>(step));
  return name;
}

/// The step of a complete checkpoint, -1 for another name.
static int64_t stepOf(const std::string &name) {
  std::smatch parts;
  return std::regex_match(name, parts, completeName) ? std::stoll(parts[1]) : -1;
}

[[noreturn]] static void refuse(const std::string &path, const std::string &what,
                                int why) {
  throw WriteError(path, what + ": " + std::strerror(why));
}

/// Brings the names in a folder to the disk.
static void syncFolder(const std::string &path) {
  int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Some file systems cannot sync a folder, and say so with EINVAL.
  int why = folder < 0 || (fsync(folder) != 0 && errno != EINVAL) ? errno : 0;
  if (folder >= 0)
    close(folder);
  if (why)
    refuse(path, "cannot write", why);
}

static bool holdsOwnFilesOnly(const fs::path &folder) {
  std::error_code none;
  for (const auto &entry : fs::directory_iterator(folder, none))
    if (!std::regex_match(entry.path().filename().string(), ownName) ||
        !entry.is_regular_file(none))
      return false;
  return !none;
}

/// Removes a folder with nothing but a checkpoint's files in it.
static void removeOwn(const fs::path &folder) noexcept {
  std::error_code none;
  if (holdsOwnFilesOnly(folder))
    fs::remove_all(folder, none);
}

CheckpointFolder::~CheckpointFolder() {
  if (lockFile >= 0)
    close(lockFile);
}

std::string CheckpointFolder::complete(int64_t step) const {
  return path + "/" + folderName(step);
}

std::string CheckpointFolder::draft(int64_t step) const {
  return path + "/." + folderName(step) + ".draft";
}

void CheckpointFolder::claim() {
  // No more than the last folder of the path: a mistyped one, or a disk that is
  // not mounted, is better found now.
  if (mkdir(path.c_str(), 0777) != 0 && errno != EEXIST)
    refuse(path, "cannot make the folder for checkpoints", errno);
  if (!fs::is_directory(path))
    throw WriteError(path, "is no folder, expected one for checkpoints");
  lock();
  std::string marker = path + "/latest";
  if (fs::exists(marker) && marked() < 0)
    throw WriteError(marker, "is there and was not written by bitpipe, expected "
                             "another folder for checkpoints");
  removeDrafts();
}

void CheckpointFolder::lock() {
  std::string name = path + "/.bitpipe-lock";
  lockFile = open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (lockFile < 0)
    refuse(path, "cannot write", errno);
  // Where the file system knows no locks, nobody is kept out.
  if (flock(lockFile, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw WriteError(path, "another run writes its checkpoints there, expected a "
                           "folder for each run");
}

/// Whether a file is a marker that was not finished. Another run may be writing
/// something else here.
static bool isHalfMarker(const fs::path &file) {
  std::smatch parts;
  std::string name = file.filename().string(), text;
  if (!std::regex_match(name, parts, temporaryName))
    return false;
  std::getline(std::ifstream(file), text);
  if (!text.empty())
    return text.starts_with("step-");
  return kill(pid_t(std::stoll(parts[1])), 0) != 0 && errno == ESRCH;
}

void CheckpointFolder::removeDrafts() const {
  std::error_code none;
  for (const auto &entry : fs::directory_iterator(path, none))
    if (std::regex_match(entry.path().filename().string(), draftName))
      removeOwn(entry.path());
    else if (isHalfMarker(entry.path()))
      fs::remove(entry.path(), none);
}

std::vector<int64_t> CheckpointFolder::steps() const {
  std::vector<int64_t> found;
  std::error_code none;
  for (const auto &entry : fs::directory_iterator(path, none))
    if (int64_t step = stepOf(entry.path().filename().string());
        step >= 0 && entry.is_directory(none))
      found.push_back(step);
  std::ranges::sort(found, std::greater());
  return found;
}

int64_t CheckpointFolder::marked() const {
  std::ifstream file(path + "/latest");
  std::string name;
  std::getline(file, name);
  return stepOf(name);
}

void CheckpointFolder::begin(int64_t step) {
  std::string folder = draft(step);
  removeOwn(folder);
  if (mkdir(folder.c_str(), 0777) != 0)
    refuse(folder, "cannot make the folder", errno);
}

void CheckpointFolder::publish(int64_t step) {
  syncFolder(draft(step));
  if (std::rename(draft(step).c_str(), complete(step).c_str()) != 0)
    refuse(complete(step), "cannot give the checkpoint its name", errno);
  syncFolder(path);
  mark(step);
}

void CheckpointFolder::mark(int64_t step) const {
  OutputFile marker(path + "/latest");
  marker.write(folderName(step) + "\n");
  marker.commit();
  syncFolder(path);
}

void CheckpointFolder::discard(int64_t step) const noexcept {
  removeOwn(draft(step));
}

static bool isCheckpoint(const std::string &folder) {
  std::ifstream file(folder + "/" + manifestName);
  std::string start(256, '\0');
  file.read(start.data(), std::streamsize(start.size()));
  return start.find("\"" + std::string(mark::key) + "\": \"" +
                    std::string(mark::value) + "\"") != start.npos;
}

void CheckpointFolder::keepNewest(size_t count) const {
  std::vector<int64_t> found = steps();
  for (size_t i = count; i < found.size(); ++i) {
    std::string old = complete(found[i]);
    if (!isCheckpoint(old) || !holdsOwnFilesOnly(old))
      continue;
    // Half of it may be left, which must not look like a checkpoint.
    if (std::rename(old.c_str(), draft(found[i]).c_str()) == 0)
      removeOwn(draft(found[i]));
    else
      warn(old, ": cannot remove the old checkpoint: ", std::strerror(errno));
  }
}
