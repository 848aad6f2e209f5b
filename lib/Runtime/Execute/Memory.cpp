//===- Memory.cpp - One arena per device ----------------------------------===//

#include "lib/Runtime/Execute/Memory.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sys/mman.h>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

using namespace bitpipe;

Arena::Arena(int64_t bytes, Use use) : size(std::max<int64_t>(bytes, 1)) {
  int unreserved = use == Sparse ? MAP_NORESERVE : 0;
  void *mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | unreserved, -1, 0);
  if (mapped == MAP_FAILED)
    throw std::system_error(errno, std::generic_category());
  // Large pages save page faults in step 1 and address translation later. A
  // kernel without them says so by failing, which changes nothing.
  (void)madvise(mapped, size, use == Sparse ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
  start = static_cast<char *>(mapped);
}

Arena::~Arena() { munmap(start, size); }

int64_t Arena::residentBytes() const {
  int64_t page = sysconf(_SC_PAGESIZE);
  std::vector<unsigned char> resident((size + page - 1) / page);
  if (mincore(start, size, resident.data()) != 0)
    return 0;
  return page * std::ranges::count_if(resident, [](unsigned char flags) {
    return flags & 1;
  });
}

SlotAddresses::SlotAddresses(const DeviceList &device, char *arena, char *host)
    : addresses(device.slots.size()) {
  for (size_t i = 0; i < device.slots.size(); ++i)
    if (device.slots[i].inArena())
      addresses[i] = arena + device.slots[i].offset;
    else if (device.slots[i].onHost())
      addresses[i] = host + device.slots[i].offset;
}

void bitpipe::checkAddressSpace(int64_t arenas, int64_t threads) {
  constexpr int64_t mebibyte = 1 << 20, others = 128 * mebibyte; // libraries
  struct rlimit space, stack;
  if (getrlimit(RLIMIT_AS, &space) != 0 || space.rlim_cur == RLIM_INFINITY ||
      getrlimit(RLIMIT_STACK, &stack) != 0)
    return;
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages; // 0 if it cannot be read
  int64_t perThread = stack.rlim_cur == RLIM_INFINITY
                          ? 2 * mebibyte
                          : int64_t(stack.rlim_cur);
  double needed = double(pages) * sysconf(_SC_PAGESIZE) + double(arenas) +
                  double(threads) * double(perThread) + others;
  if (needed > double(space.rlim_cur))
    fail("error: not enough memory: the run needs about ",
         int64_t(needed / mebibyte) + 1, " MiB (arenas ", arenas / mebibyte,
         " MiB, stacks of ", threads, " threads, libraries), the limit is ",
         int64_t(space.rlim_cur) / mebibyte, " MiB (ulimit -v)");
}
