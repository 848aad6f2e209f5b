//===- Memory.h - One arena per device ------------------------------------===//
//
// Allocated once before step 1, zeroed by the operating system. Slots are
// addresses into it; the addresses of message slots move between devices when
// a message hands its memory over.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_MEMORY_H
#define BITPIPE_RUNTIME_EXECUTE_MEMORY_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// Zeroed memory, aligned to a page.
class Arena {
public:
  enum Use {
    Dense,  // all of it: in large pages
    Sparse, // some of it: the rest takes none of the machine's memory
  };

  /// Throws a std::system_error if there is no memory.
  explicit Arena(int64_t bytes, Use use = Dense);
  ~Arena();
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;

  char *data() const { return start; }
  int64_t bytes() const { return size; }
  /// Bytes that have been touched.
  int64_t residentBytes() const;

private:
  char *start = nullptr;
  int64_t size;
};

/// Refuses a limit on the process's memory (ulimit -v) that is too small for
/// arenas of so many bytes and so many threads: what is refused later is
/// refused to the libraries, which do not all say so.
void checkAddressSpace(int64_t arenas, int64_t threads);

/// A device's arena and the current address of each of its slots.
class SlotAddresses {
public:
  /// `arena` is where the device's memory begins, `host` where that of its host does, if
  /// any slots are there.
  SlotAddresses(const DeviceList &device, char *arena, char *host = nullptr);

  char *&address(int64_t slot) { return addresses[slot]; }
  float *floats(int64_t slot) {
    return reinterpret_cast<float *>(addresses[slot]);
  }

private:
  std::vector<char *> addresses; // null for inputs and seeds until a step
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_MEMORY_H
