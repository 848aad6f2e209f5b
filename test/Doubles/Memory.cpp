//===- Memory.cpp - The memory of GPUs that are not there --------------------===//

#include "test/Doubles/Memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <sstream>
#include <string_view>
#include <sys/mman.h>

using namespace doubles;

static void *reserve(size_t bytes, int protection) {
  void *range = mmap(nullptr, bytes, protection,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED)
    std::abort();
  return range;
}

/// BITPIPE_DOUBLES_MEMORY: bytes that each device has; BITPIPE_DOUBLES_PINNED: that can be pinned.
static size_t limitOf(const char *variable, size_t most) {
  const char *given = std::getenv(variable);
  return given ? std::min<size_t>(most, std::strtoull(given, nullptr, 10)) : most;
}

void doubles::merge(Clock &into, const Clock &from) {
  if (into.size() < from.size())
    into.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i)
    into[i] = std::max(into[i], from[i]);
}

Memory::Memory()
    : fake(reinterpret_cast<uint64_t>(reserve(reserved, PROT_NONE))),
      memory(static_cast<char *>(reserve(everything, PROT_READ | PROT_WRITE))),
      cells(static_cast<Cell *>(
          reserve(everything / cellBytes * sizeof(Cell), PROT_READ | PROT_WRITE))),
      limit(limitOf("BITPIPE_DOUBLES_MEMORY", perDevice)),
      hostLimit(limitOf("BITPIPE_DOUBLES_PINNED", perDevice)) {}

/// The offset of so many bytes of a device's part or the host's, or no place.
size_t Memory::take(size_t part, size_t bytes, size_t most) {
  size_t rounded = (bytes + 511) / 512 * 512 + guard;
  if (used[part] + rounded > most)
    return everything;
  size_t begin = part * perDevice + used[part];
  used[part] += rounded;
  allocations[begin] = begin + bytes;
  std::memset(memory + begin, 0xff, bytes); // NaN, as whatever was there before
  return begin;
}

uint64_t Memory::allocate(int device, size_t bytes) {
  size_t begin = take(size_t(device), bytes, limit);
  return begin < everything ? fake + begin : 0;
}

char *Memory::pin(size_t bytes) {
  size_t begin = take(mostDevices, bytes, hostLimit);
  return begin < everything ? memory + begin : nullptr;
}

/// As with a device's, the place is not given to others.
bool Memory::unpin(const void *address) {
  lastBegin = lastEnd = 0;
  return isPinned(address, 1) && allocations.erase(offsetOf(address));
}

bool Memory::isPinned(const void *address, size_t bytes) const {
  size_t begin = offsetOf(address);
  if (begin < reserved || begin >= everything)
    return false;
  auto after = allocations.upper_bound(begin);
  return after != allocations.begin() && begin + bytes <= std::prev(after)->second;
}

std::pair<size_t, size_t> Memory::touchedOf(const void *address) const {
  auto found = allocations.find(offsetOf(address));
  if (found == allocations.end())
    return {};
  auto [begin, end] = *found;
  size_t touched = 0;
  for (size_t at = begin; at < end; at += cellBytes)
    if (cells[at / cellBytes].operation != 0)
      touched += std::min(cellBytes, end - at);
  return {end - begin, touched};
}

/// The place is not given to others, so that who still uses it is found.
bool Memory::release(uint64_t pointer) {
  lastBegin = lastEnd = 0;
  return isDevice(pointer) && allocations.erase(pointer - fake);
}

size_t Memory::freeBytes(int device) const { return limit - used[device]; }

bool Memory::isGlobal(const void *address) const {
  auto *byte = static_cast<const char *>(address);
  auto after = globals.upper_bound(byte);
  return after != globals.begin() && byte < std::prev(after)->second;
}

void Memory::begin(const Operation &operation) {
  now = operation;
  ++number;
  uint64_t key = uint64_t(now.lane) << 32 | now.clock[now.lane];
  nameOfTick[key] = now.name;
  if (nameOfTick.size() > 100'000)
    nameOfTick.clear();
}

bool Memory::isBefore(const Touch &other) const {
  return isKnown(other, now.clock);
}

std::string Memory::place(size_t offset) const {
  std::ostringstream out;
  auto after = allocations.upper_bound(offset);
  if (after == allocations.begin())
    out << "0x" << std::hex << fake + offset;
  else
    out << "byte " << offset - std::prev(after)->first << " of an allocation of "
        << std::prev(after)->second - std::prev(after)->first;
  return out.str();
}

std::optional<std::string> Memory::access(uint64_t pointer, size_t bytes, bool writes) {
  if (bytes == 0)
    return std::nullopt;
  if (!isDevice(pointer))
    return now.name + ": not a device pointer";
  size_t begin = pointer - fake, end = begin + bytes;
  if (!findAllocation(begin, end))
    return now.name + (writes ? " writes " : " reads ") + std::to_string(bytes) +
           " bytes outside of any allocation: " + place(begin);
  int owner = int(begin / perDevice);
  if (owner != now.device && !peers[now.device][owner])
    return now.name + ": device " + std::to_string(now.device) +
           " has no access to the memory of device " + std::to_string(owner);
  return touchAll(begin, end, writes);
}

/// It may have been given back since the copy was asked for.
std::optional<std::string> Memory::accessPinned(const void *address, size_t bytes, bool writes) {
  if (bytes == 0)
    return std::nullopt;
  if (!isPinned(address, bytes))
    return now.name + ": no pinned memory";
  return touchAll(offsetOf(address), offsetOf(address) + bytes, writes);
}

std::optional<std::string> Memory::giveToCopy(const void *address, size_t bytes, const Clock &host) {
  size_t begin = offsetOf(address), hash = std::hash<std::string_view>()({memory + begin, bytes});
  Given &one = given[{begin, bytes}];
  bool changed = one.asked > 0 && hash != one.hash;
  bool isRead = one.asked > one.ended || !isKnown(one.last, host);
  for (size_t cell = begin / cellBytes; cell * cellBytes < begin + bytes; ++cell)
    changed &= cells[cell].writer.tick == 0; // or a copy wrote it
  one.hash = hash;
  ++one.asked;
  if (!changed || !isRead)
    return std::nullopt;
  return "the host writes " + place(begin) + " of its pinned memory, which a copy reads, and does not "
         "wait for that one's end";
}

void Memory::tookCopy(const void *address, size_t bytes) {
  Given &one = given[{offsetOf(address), bytes}];
  ++one.ended;
  one.last = {now.lane, now.clock[now.lane]};
}

/// Whether all of it lies in one, which is remembered.
bool Memory::findAllocation(size_t begin, size_t end) {
  if (begin >= lastBegin && end <= lastEnd)
    return true;
  auto after = allocations.upper_bound(begin);
  if (after == allocations.begin() || end > std::prev(after)->second)
    return false;
  lastBegin = std::prev(after)->first;
  lastEnd = std::prev(after)->second;
  return true;
}

std::optional<std::string> Memory::touchAll(size_t begin, size_t end, bool writes) {
  for (size_t cell = begin / cellBytes; cell * cellBytes < end; ++cell) {
    if (cells[cell].operation == number && cells[cell].did & bitOf(writes))
      continue; // most accesses are not the first of their operation there
    if (auto wrong = touch(cells[cell], cell * cellBytes, writes))
      return wrong;
  }
  return std::nullopt;
}

std::optional<std::string> Memory::accessReal(const void *address, size_t bytes, bool writes) {
  size_t offset = static_cast<const char *>(address) - memory;
  if (offset < reserved)
    return access(fake + offset, bytes, writes);
  if (isGlobal(address))
    return std::nullopt;
  std::ostringstream out;
  out << now.name << (writes ? " writes " : " reads ") << bytes
      << " bytes that are no memory of the device, at " << address;
  return out.str();
}

std::optional<std::string> Memory::touch(Cell &cell, size_t offset, bool writes) {
  if (cell.operation != number) {
    cell.operation = number;
    cell.did = 0;
  }
  const Touch mine{now.lane, now.clock[now.lane]};
  auto conflict = [&](const Touch &other, const char *what) {
    auto name = nameOfTick.find(uint64_t(other.lane) << 32 | other.tick);
    return now.name + (writes ? " writes " : " reads ") + place(offset) + ", which " +
           (name == nameOfTick.end() ? "another operation" : name->second) + " " + what +
           ", and nothing puts one after the other";
  };
  auto isMine = [&](const Touch &other) {
    return other.lane == mine.lane && other.tick == mine.tick;
  };
  if (!isMine(cell.writer) && !isBefore(cell.writer))
    return conflict(cell.writer, "writes");
  if (writes)
    for (Touch &reader : cell.readers) {
      if (!isMine(reader) && !isBefore(reader))
        return conflict(reader, "reads");
      reader = {};
    }
  cell.did |= bitOf(writes);
  if (writes) {
    cell.writer = mine;
    return std::nullopt;
  }
  // Who read before this one did is also before whoever comes after it.
  for (Touch &reader : cell.readers)
    if (isBefore(reader)) {
      reader = mine;
      return std::nullopt;
    }
  cell.readers[cell.nextReader++ % 3] = mine;
  return std::nullopt;
}
