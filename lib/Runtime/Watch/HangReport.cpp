//===- HangReport.cpp - Who waits for whom ----------------------------------===//

#include "lib/Runtime/Watch/HangReport.h"

#include "lib/Runtime/Error.h"

#include <cstdio>
#include <set>

using namespace bitpipe;

namespace {

/// A device, or the main thread of a rank where device is -1.
struct Party {
  int rank;
  int64_t device;

  auto operator<=>(const Party &) const = default;
};

class Reporter {
public:
  Reporter(const std::vector<RankStatus> &ranks, const Program *program,
           const Links *links)
      : ranks(ranks), program(program), links(links) {
    for (size_t rank = 0; rank < ranks.size(); ++rank)
      for (const DeviceMoment &device : ranks[rank].devices) {
        parties.push_back({int(rank), int64_t(moments.size())});
        moments.push_back(&device);
      }
  }

  std::string report() {
    std::string text;
    for (size_t rank = 0; rank < ranks.size(); ++rank)
      text += describeRank(int(rank)) + "\n";
    for (const Party &party : parties)
      text += "  " + describe(party) + "\n";
    return text + conclusion() + "\n";
  }

private:
  static std::string seconds(double time) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.0f s", time);
    return text;
  }

  std::string describeRank(int number) const {
    const RankStatus &rank = ranks[number];
    std::string name = joined("rank ", number, ": ");
    const char *doing = MainThread::names[rank.main.doing];
    switch (rank.life) {
    case RankStatus::Unheard:
      return name + "has not been heard of";
    case RankStatus::Ended:
      return name + "has ended; last heard " + seconds(rank.silentSeconds) +
             " ago, when it did this: " + doing;
    case RankStatus::Finished:
      return name + "is done";
    case RankStatus::Silent:
      return name + "silent for " + seconds(rank.silentSeconds) +
             "; did this: " + doing;
    case RankStatus::Alive:
      return name + doing + (rank.main.waits ? ", waits" : "");
    }
    return name;
  }

  const Wait *waitOf(const Party &party) const {
    const DeviceMoment &moment = *moments[party.device];
    const DeviceLinks &device = links->devices[party.device];
    if (moment.wait < 0 || moment.instruction > device.waits.size())
      return nullptr;
    bool atEnd = moment.instruction == device.waits.size();
    auto &waits = atEnd ? device.atEnd : device.waits[moment.instruction];
    return size_t(moment.wait) < waits.size() ? &waits[moment.wait] : nullptr;
  }

  std::string describe(const Party &party) const {
    const DeviceMoment &moment = *moments[party.device];
    auto &list = program->devices[party.device].instructions;
    std::string text = joined("device ", party.device, " (rank ", party.rank, "): ");
    if (moment.begun() == 0)
      return text + "has begun no step";
    text += joined("step ", moment.begun(), ", ");
    if (moment.wait == DeviceStatus::AwaitsStep)
      return text + "has done it and waits for the next one";
    if (moment.wait == DeviceStatus::AwaitsGPU)
      return text + "which its GPU has not ended, and does not tell where it is";
    text += moment.instruction < list.size() ? bitpipe::text(list[moment.instruction]) : "its end";
    if (moment.wait == DeviceStatus::AwaitsAgreement)
      return text + ": waits for the numbers of all devices";
    const Wait *wait = waitOf(party);
    return wait ? text + ": waits for " + describe(*wait, party.device) : text;
  }

  std::string describe(const Wait &wait, int64_t device) const {
    if (wait.kind == Wait::Collective)
      return nounOf(links->collectives[wait.index]) + " over devices " +
             listText(links->collectives[wait.index].devices);
    const MessageLink &link = links->messages[wait.index];
    std::string run = bitpipe::text(link.run);
    return device == link.to ? joined(run, " from device ", link.from)
                             : joined("device ", link.to, " to take ", run);
  }

  bool isHeard(int rank) const {
    return ranks[rank].life == RankStatus::Alive;
  }

  /// How far a device has come: its step, and where in it.
  std::pair<uint64_t, uint32_t> progressOf(int64_t device) const {
    const DeviceMoment &moment = *moments[device];
    bool done = moment.wait == DeviceStatus::AwaitsStep;
    return {2 * uint64_t(moment.begun()) + done, done ? 0 : moment.instruction};
  }

  Party leastAdvanced(const std::vector<int64_t> &devices) const {
    int64_t least = devices.front();
    for (int64_t device : devices)
      if (progressOf(device) < progressOf(least))
        least = device;
    return parties[least];
  }

  /// Whom a party waits for; itself if it does not wait.
  Party awaited(const Party &party) const {
    if (!isHeard(party.rank))
      return party;
    if (party.device < 0)
      return awaitedByMain(party);
    const DeviceMoment &moment = *moments[party.device];
    if (moment.wait == DeviceStatus::Works || moment.wait == DeviceStatus::AwaitsGPU)
      return party;
    if (moment.wait == DeviceStatus::AwaitsStep)
      return {party.rank, -1};
    if (moment.wait == DeviceStatus::AwaitsAgreement)
      return leastBehindAgreement(party);
    const Wait *wait = waitOf(party);
    if (!wait)
      return party;
    if (wait->kind == Wait::Collective)
      return leastAdvanced(links->collectives[wait->index].devices);
    const MessageLink &link = links->messages[wait->index];
    return parties[link.to == party.device ? link.from : link.to];
  }

  /// The device that has come least far of those that have not given their
  /// numbers.
  Party leastBehindAgreement(const Party &party) const {
    std::vector<int64_t> missing;
    for (const Party &other : parties)
      if (moments[other.device]->begun() == moments[party.device]->begun()
              ? moments[other.device]->wait != DeviceStatus::AwaitsAgreement
              : moments[other.device]->begun() < moments[party.device]->begun())
        missing.push_back(other.device);
    return missing.empty() ? party : leastAdvanced(missing);
  }

  /// The main thread, or the one that writes checkpoints for it, waits for a rank
  /// that has begun fewer exchanges; or the main thread for one of its own devices.
  Party awaitedByMain(const Party &party) const {
    const MainThread::Moment &main = ranks[party.rank].main;
    if (!main.waits)
      return party;
    auto exchanges = main.forWriter ? &MainThread::Moment::ofWriter
                                    : &MainThread::Moment::exchanges;
    int least = party.rank;
    for (size_t rank = 0; rank < ranks.size(); ++rank)
      if (ranks[rank].main.*exchanges < ranks[least].main.*exchanges)
        least = int(rank);
    if (least != party.rank || main.forWriter)
      return {least, -1};
    for (const Party &own : parties)
      if (own.rank == party.rank &&
          moments[own.device]->wait != DeviceStatus::AwaitsStep)
        return own;
    return party;
  }

  std::string conclusion() const {
    for (size_t rank = 0; rank < ranks.size(); ++rank)
      if (ranks[rank].life == RankStatus::Ended)
        return joined("rank ", rank, " has ended, and everything waits for it");
    std::set<Party> seen;
    Party at{0, -1};
    for (const Party &party : parties)
      if (isHeard(party.rank) &&
          moments[party.device]->wait != DeviceStatus::Works) {
        at = party;
        break;
      }
    while (seen.insert(at).second) {
      Party next = awaited(at);
      if (next == at)
        return "everything waits for " + name(at);
      if (const MessageLink *owed = owedBy(next, at))
        return joined("everything waits for ", name(next), ": its end of ", bitpipe::text(owed->run),
                      " with device ", at.device, " comes before all that it waits for");
      at = next;
    }
    return "devices wait for each other, " + name(at) + " among them";
  }

  /// The message for which `at` waits, if the device at its other end has to start it before it
  /// comes to what it waits for itself: a GPU may be computing what lies before.
  const MessageLink *owedBy(const Party &next, const Party &at) const {
    if (at.device < 0 || next.device < 0 || !isHeard(next.rank))
      return nullptr;
    const Wait *wait = waitOf(at);
    const DeviceMoment &moment = *moments[next.device];
    if (!wait || wait->kind != Wait::Message || moment.step != moments[at.device]->step ||
        moment.wait == DeviceStatus::Works || moment.wait == DeviceStatus::AwaitsStep)
      return nullptr;
    const std::vector<int64_t> &starts = links->devices[next.device].starts;
    auto &list = program->devices[next.device].instructions;
    for (size_t i = 0; i < std::min<size_t>(moment.instruction, list.size()); ++i)
      if (starts[i] == wait->index && !std::holds_alternative<Collective>(list[i]))
        return &links->messages[wait->index];
    return nullptr;
  }

  std::string name(const Party &party) const {
    std::string text = joined("rank ", party.rank);
    if (party.device >= 0)
      text += joined(" (device ", party.device, ")");
    if (!isHeard(party.rank))
      return text + ", which is not heard any more";
    bool works = party.device >= 0
                     ? moments[party.device]->wait == DeviceStatus::Works
                     : !ranks[party.rank].main.waits;
    return text + (works ? ", which works" : "");
  }

  const std::vector<RankStatus> &ranks;
  const Program *program;
  const Links *links;
  std::vector<Party> parties;                // by device
  std::vector<const DeviceMoment *> moments; // by device
};

} // namespace

std::string bitpipe::hangReport(const std::vector<RankStatus> &ranks,
                                const Program *program, const Links *links) {
  return Reporter(ranks, program, links).report();
}
