//===- Memory.h - The memory of GPUs that are not there ----------------------===//
//
// Device pointers lie in a range that nobody can read or write; what they stand for
// lies elsewhere, at a fixed distance, and only the doubles know where. So a host that
// follows a device pointer ends, as it does on a machine with a GPU.
//
// For every 64 bytes it is known which operation wrote and read them last. One that
// comes to bytes that another has touched, one of the two writing, must come after that
// one: by the order of a stream, by events, or because the host waited in between.
// Clocks of all streams tell (Mattern, "Virtual time", 1989). So an edge that is missing is
// found even where the accident does not happen.
//
// Memory of the host that is pinned lies where the host can reach it, and is known likewise: of
// copies. Of the host's own writing it is known only that what a copy is to read differs from what the
// last copy was to read: by then that one must have ended, and the host must know it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_DOUBLES_MEMORY_H
#define BITPIPE_TEST_DOUBLES_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace doubles {

/// For each lane (a stream, or a stream's part in a graph) how many of its operations
/// have ended before.
using Clock = std::vector<uint32_t>;
void merge(Clock &into, const Clock &from);

/// What is carried out at the moment.
struct Operation {
  std::string name;
  int device;
  uint32_t lane;
  Clock clock; // with its own tick in its own lane
};

constexpr int mostDevices = 16;

/// All members are called with the engine locked.
class Memory {
public:
  Memory();

  /// A device pointer, or 0 if the device has no more memory.
  uint64_t allocate(int device, size_t bytes);
  bool release(uint64_t pointer);
  /// Pinned memory, or null if the host has no more.
  char *pin(size_t bytes);
  bool unpin(const void *address);
  bool isPinned(const void *address, size_t bytes) const;
  /// Of a pinned piece: its bytes, and how many of them copies have touched, in whole cells.
  std::pair<size_t, size_t> touchedOf(const void *address) const;
  size_t freeBytes(int device) const;
  size_t totalBytes() const { return limit; }
  /// Takes memory that nobody gets an address of.
  void take(int device, size_t bytes) { used[device] += bytes; }
  void enablePeer(int from, int to) { peers[from][to] = true; }

  /// Begins an operation: the accesses that follow are its own.
  void begin(const Operation &operation);
  const Operation &current() const { return now; }
  /// Checks an access to a device pointer; says what is wrong with it.
  std::optional<std::string> access(uint64_t pointer, size_t bytes, bool writes);
  /// The same for pinned memory.
  std::optional<std::string> accessPinned(const void *address, size_t bytes, bool writes);
  /// A copy from there is asked for, or a graph with such a copy launched.
  std::optional<std::string> giveToCopy(const void *address, size_t bytes, const Clock &host);
  /// It has read what it was given.
  void tookCopy(const void *address, size_t bytes);
  /// The same for an access by a kernel, which knows real addresses.
  std::optional<std::string> accessReal(const void *address, size_t bytes, bool writes);

  bool isDevice(uint64_t pointer) const { return pointer - fake < reserved; }
  char *real(uint64_t pointer) const { return memory + (pointer - fake); }
  /// Addresses of modules' globals, which are what they are.
  void addGlobals(const char *begin, const char *end) { globals[begin] = end; }
  bool isGlobal(const void *address) const;

private:
  static constexpr size_t perDevice = size_t(4) << 30, reserved = mostDevices * perDevice;
  static constexpr size_t everything = reserved + perDevice; // the host's is the last part
  static constexpr size_t cellBytes = 64, guard = 1 << 16;

  struct Touch {
    uint32_t lane, tick;
  };
  /// tick 0: nobody.
  struct Cell {
    uint32_t operation; // the last one
    uint8_t did;        // 1: read, 2: wrote
    uint8_t nextReader;
    Touch writer, readers[3];
  };

  /// What the host gave to copies from one place.
  struct Given {
    size_t hash = 0, asked = 0, ended = 0;
    Touch last = {}; // that ended
  };

  bool isKnown(const Touch &other, const Clock &clock) const {
    return other.tick == 0 || (other.lane < clock.size() && clock[other.lane] >= other.tick);
  }
  static uint8_t bitOf(bool writes) { return writes ? 2 : 1; }
  size_t take(size_t part, size_t bytes, size_t most);
  size_t offsetOf(const void *address) const {
    return size_t(static_cast<const char *>(address) - memory);
  }
  bool findAllocation(size_t begin, size_t end);
  std::optional<std::string> touchAll(size_t begin, size_t end, bool writes);
  std::optional<std::string> touch(Cell &cell, size_t offset, bool writes);
  bool isBefore(const Touch &other) const;
  std::string place(size_t offset) const;

  const uint64_t fake;
  char *memory;
  Cell *cells;
  std::map<size_t, size_t> allocations; // begin to end, as offsets
  std::map<const char *, const char *> globals;
  std::map<std::pair<size_t, size_t>, Given> given; // by offset and bytes
  size_t used[mostDevices + 1] = {}, limit, hostLimit;
  bool peers[mostDevices][mostDevices] = {};
  size_t lastBegin = 0, lastEnd = 0; // of the allocation that was found last
  Operation now;
  uint32_t number = 0; // of the operation
  std::map<uint64_t, std::string> nameOfTick; // of the last ones, by lane and tick
};

} // namespace doubles

#endif // BITPIPE_TEST_DOUBLES_MEMORY_H
