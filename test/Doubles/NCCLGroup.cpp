//===- NCCLGroup.cpp - The ranks of a communicator that meet ---------------------===//

#include "test/Doubles/NCCLGroup.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace doubles;
namespace fs = std::filesystem;

static const char *nameOf(Call::Kind kind) {
  switch (kind) {
  case Call::Begin:
    return "ncclCommInitRank";
  case Call::Send:
    return "ncclSend";
  case Call::Receive:
    return "ncclRecv";
  case Call::AllReduce:
    return "ncclAllReduce";
  case Call::ReduceScatter:
    return "ncclReduceScatter";
  case Call::AllGather:
    return "ncclAllGather";
  case Call::Broadcast:
    return "ncclBroadcast";
  }
  std::abort();
}

std::string Call::text() const {
  std::string text = std::string(nameOf(kind)) + "(count " + std::to_string(count);
  if (type >= 0)
    text += ", type " + std::to_string(type);
  if (operation >= 0)
    text += ", op " + std::to_string(operation);
  if (root >= 0)
    text += (kind == Broadcast ? ", root " : ", from rank ") + std::to_string(root);
  return text + ")";
}

Call Call::counterpart() const {
  Call other = *this;
  if (kind == Send || kind == Receive)
    other.kind = kind == Send ? Receive : Send;
  return other;
}

/// Whole or not at all; false where there is one already.
static bool give(const std::string &path, const std::string &bytes) {
  std::string part = path + "~" + std::to_string(getpid());
  std::ofstream(part, std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
  std::error_code exists;
  fs::create_hard_link(part, path, exists);
  fs::remove(part);
  return !exists;
}

static std::string take(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Group::mark(const std::string &what, int rank) const {
  static const char *given = std::getenv("BITPIPE_DOUBLES_EXCHANGE");
  return std::string(given ? given : "/dev/shm") + "/" + name + "." + what + "." + std::to_string(rank);
}

/// Whoever is at an operation has ended the one before, so that nobody reads the one before
/// that.
uint64_t Group::post(const Call &call, const char *data, size_t bytes) {
  uint64_t operation = started++;
  if (operation >= 2)
    fs::remove(fileOf(operation - 2, rank));
  std::string part(sizeof(call) + bytes, '\0');
  std::memcpy(part.data(), &call, sizeof(call));
  if (bytes > 0)
    std::memcpy(part.data() + sizeof(call), data, bytes);
  give(fileOf(operation, rank), part);
  return operation;
}

bool Group::allHaveCome(uint64_t operation) const {
  for (int other = 0; other < ranks; ++other)
    if (!fs::exists(fileOf(operation, other)))
      return false;
  return true;
}

std::optional<std::string> Group::compare(const std::string &where, const Call &mine, int other,
                                          const Call &theirs) const {
  if (other == rank || theirs == mine.counterpart())
    return std::nullopt;
  return where + " of communicator " + name + ": rank " + std::to_string(rank) + " of " +
         std::to_string(ranks) + " calls " + mine.text() + ", rank " + std::to_string(other) +
         " calls " + theirs.text() + ", which do not match";
}

std::optional<std::string> Group::collect(uint64_t operation, const Call &mine,
                                          std::vector<std::string> &parts) const {
  for (int other = 0; other < ranks; ++other) {
    std::string part = take(fileOf(operation, other));
    Call theirs = mine;
    if (part.size() < sizeof(theirs)) // this rank ends early
      return "operation " + std::to_string(operation) + " of communicator " + name + ": rank " +
             std::to_string(other) + " has not come";
    std::memcpy(&theirs, part.data(), sizeof(theirs));
    if (auto wrong = compare("operation " + std::to_string(operation), mine, other, theirs))
      return wrong;
    parts.push_back(part.substr(sizeof(theirs)));
  }
  return std::nullopt;
}

/// BITPIPE_DOUBLES_MEETING: the seconds (default 120) that ranks wait for each other, which the
/// real ones do for ever.
static std::chrono::duration<double> longestMeeting() {
  const char *given = std::getenv("BITPIPE_DOUBLES_MEETING");
  return std::chrono::duration<double>(given ? std::atof(given) : 120.0);
}

/// " 1 3".
std::string Group::missingAt(const std::string &where) const {
  std::string missing;
  for (int other = 0; other < ranks; ++other)
    if (!fs::exists(mark(where, other)))
      missing += " " + std::to_string(other);
  return missing;
}

std::optional<std::string> Group::meetHosts(const std::string &where, const Call &call) {
  if (!give(mark(where, rank), {reinterpret_cast<const char *>(&call), sizeof(call)}))
    return "rank " + std::to_string(rank) + " of communicator " + name + " comes twice";
  places.push_back(where);
  auto until = std::chrono::steady_clock::now() + longestMeeting();
  for (int other = 0; other < ranks;) {
    if (fs::exists(mark(where, other))) {
      Call theirs = call;
      std::memcpy(&theirs, take(mark(where, other)).data(), sizeof(theirs));
      if (auto wrong = compare(where, call, other, theirs))
        return wrong;
      ++other;
    } else if (std::chrono::steady_clock::now() > until)
      return where + " of communicator " + name + ": rank " + std::to_string(rank) + " of " +
             std::to_string(ranks) + " is in " + call.text() + ", to which did not come:" +
             missingAt(where);
    else
      std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return std::nullopt;
}

std::optional<std::string> Group::begin() {
  return meetHosts("begin", {Call::Begin, size_t(ranks)});
}

/// Whatever the root, but for messages, which have one connection for each way.
static std::pair<Call::Kind, int> wayOf(const Call &call) {
  bool isMessage = call.kind == Call::Send || call.kind == Call::Receive;
  return {call.kind, isMessage ? call.root : -1};
}

bool Group::isConnected(const Call &call) const { return connected.contains(wayOf(call)); }

std::optional<std::string> Group::connect(const Call &call) {
  connected.insert(wayOf(call));
  return meetHosts("connection-" + std::to_string(connected.size()), call);
}

bool Group::isAtRest(const Clock &host) const {
  auto [lane, tick] = lastEnd;
  return asked == 0 || (asked == ended && lane < host.size() && host[lane] >= tick);
}

void Group::awaitMarks(const char *what) const {
  std::error_code ignored;
  for (int other = 0, tries = 0; other < ranks && tries < 10'000;)
    if (fs::exists(mark(what, other), ignored))
      ++other;
    else
      ++tries, std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// Each leaves a mark, and the first rank, which goes last, takes the marks away.
void Group::end() {
  std::error_code ignored;
  give(mark("ends", rank), "");
  awaitMarks("ends");
  for (uint64_t i = started >= 2 ? started - 2 : 0; i < started; ++i)
    fs::remove(fileOf(i, rank), ignored);
  for (const std::string &where : places)
    fs::remove(mark(where, rank), ignored);
  give(mark("ended", rank), "");
  if (rank != 0)
    return;
  awaitMarks("ended");
  for (int other = 0; other < ranks; ++other)
    for (const char *what : {"ends", "ended"})
      fs::remove(mark(what, other), ignored);
}
