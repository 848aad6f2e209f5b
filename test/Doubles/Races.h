//===- Races.h - Accesses of a launch that nothing puts in order -----------===//
//
// Two accesses of a byte, one of them a write, need an order that CUDA promises, whatever
// order they ran in here:
//
//   threads of a block   a barrier of the block between the two. Shuffles, products of a
//                        warp and ldmatrix wait for the warp, but order no memory
//   threads of two       nothing orders them in one launch: no kernel hands over by fences
//   blocks
//   ldmatrix             what a thread points to is read for others of its warp: nothing
//                        orders that with what the thread itself writes, but a barrier
//   cp.async             the copy is made at any time from its start to where its thread
//                        awaits it. The other threads' accesses need a barrier before the
//                        one or behind the other; its own may not lie between
//   atomic operations    need no order among themselves
//
// Two that write the same value are no exception, for no kernel needs one. Of every byte it is
// known who wrote it last, which two have read it since the last barrier (a write conflicts
// with one of them, if with anyone), and who of an earlier block. Times take the place of
// clocks, as in Flanagan and Freund, "FastTrack" (2009).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_DOUBLES_RACES_H
#define BITPIPE_TEST_DOUBLES_RACES_H

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/Runtime/CUDA/Kernels/EmulatedThread.h" // behind cstdint

namespace bitpipe::doubles {

/// Bytes of the memory that a block shares, from an offset on, or of that of all.
struct Place {
  bool shared;
  uint64_t begin;
  int64_t bytes;
};

/// One thread of the host has one for all that it runs.
class Races {
public:
  /// What is wrong, but for the kernel, block and thread that do it.
  using Wrong = std::optional<std::string>;
  /// Counts what may come after another; 0: before all.
  using Time = uint32_t;

  void beginLaunch();
  void beginBlock(int64_t number);
  void passBarrier() { phase = ++now; }

  Wrong access(int64_t thread, const Place &place, gpu::Access how);

  /// A copy that goes on while its thread does; when it began is given back at its end.
  std::pair<Time, Wrong> startCopy(int64_t thread, const Place &to, const std::optional<Place> &from);
  Wrong endCopy(int64_t thread, const Place &to, const std::optional<Place> &from, Time started);

private:
  /// A thread's number in its block, or a warp's, and how it touches.
  using Who = uint16_t;
  static constexpr Who isUnderWay = 1 << 15, isAtomic = 1 << 14, isWarp = 1 << 13;
  static constexpr Who several = isAtomic | (isWarp - 1);

  struct Cell {
    Time wrote = 0, read = 0, readBefore = 0; // the last one: of an earlier block
    Who writer = 0, reader = 0, otherReader = 0, readerBefore = 0;
  };
  /// Cells are as wide as the narrowest access of the page since it was begun.
  struct Page {
    Time begun = 0;
    int shift = 0;
    std::vector<Cell> cells;
  };
  static constexpr int pageShift = 12, widest = 4;

  /// Pages, and those that were found last.
  struct Shadow {
    std::unordered_map<uint64_t, Page> pages;
    std::array<std::pair<uint64_t, Page *>, 64> found{};
    Page &pageOf(uint64_t number);
    void forget();
  };

  /// Who does something now, and since when it matters what others did.
  struct Moment {
    Time now, phase, block, since;
    Who self;
    bool conflicts(Time time, Who who) const {
      return time >= since &&
             (time < block || who & isUnderWay || (time >= phase && (who & ~isAtomic) != self));
    }
  };
  Moment momentOf(bool shared, Who self) const { return {now, phase, block, shared ? block : launch, self}; }

  template <typename Each> Cell *findCell(const Place &place, Each each);
  static void split(Page &page, int shift);
  static bool read(Cell &cell, const Moment &at);
  static bool write(Cell &cell, const Moment &at, Who as);
  static bool change(Cell &cell, const Moment &at);

  std::string describe(const char *does, const Place &place, const Cell &cell, const Moment &at,
                       gpu::Access how) const;
  std::string describeOther(const Cell &cell, const Moment &at, gpu::Access how) const;
  std::string describeOther(Time time, Who who, bool wrote) const;

  Shadow shared, global;
  Time now = 0, launch = 0, block = 0, phase = 0; // and when these began
  std::vector<std::pair<Time, int64_t>> blocks;   // of the launch, by when they began
};

} // namespace bitpipe::doubles

#endif // BITPIPE_TEST_DOUBLES_RACES_H
