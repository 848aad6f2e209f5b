//===- Beat.h - What ranks tell of themselves once a second -----------------===//
//
// Every rank sends its status to the listeners, ranks 0 and 1, so that one of them is
// left to tell when the other has ended. A listener has one receive posted per rank.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_WATCH_BEAT_H
#define BITPIPE_RUNTIME_WATCH_BEAT_H

#include "lib/Runtime/Watch/RankStatus.h"

#include <chrono>
#include <deque>

namespace bitpipe {

class Beats {
public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds interval{1};

  explicit Beats(World &world);

  bool listens() const { return world.rank() < listeners(); }
  /// Sends the status if it is time and the one before is gone. The last one is
  /// sent once and ends the receives of the others; true when it is gone.
  bool send(const RankStatus &status, bool last);
  /// Takes what has come.
  void receive();
  /// Whether all ranks have sent their last.
  bool allFinished() const;
  /// What is known of a rank.
  RankStatus status(int rank) const;

private:
  /// As it travels: its head, then the devices.
  struct Head {
    MainThread::Moment main;
    uint32_t devices;
    uint8_t last;
  };
  struct Ear {
    std::vector<char> message;
    Counter arrived;
    uint32_t posted = 0;
    RankStatus status;
    Clock::time_point heard;
  };

  int listeners() const { return std::min(world.size(), 2); }
  static size_t bytesFor(size_t devices) {
    return sizeof(Head) + devices * sizeof(DeviceMoment);
  }
  void listen(int rank);
  void read(Ear &ear);

  World &world;
  std::vector<char> mine; // message under way
  Counter sent;
  uint32_t sends = 0;
  bool saidLast = false;
  Clock::time_point lastSend;
  std::deque<Ear> ears; // by rank, of a listener
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_WATCH_BEAT_H
