//===- Races.cpp - Accesses of a launch that nothing puts in order ---------===//

#include "test/Doubles/Races.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <limits>

using namespace bitpipe;
using namespace bitpipe::doubles;

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

void Races::Shadow::forget() {
  pages.clear();
  found.fill({});
}

/// Nothing of launches before matters: pages are kept since the next one takes the same.
void Races::beginLaunch() {
  constexpr size_t most = 1 << 12; // of pages
  bool isLate = now > std::numeric_limits<Time>::max() / 2;
  for (Shadow *shadow : {&shared, &global})
    if (isLate || shadow->pages.size() > most)
      shadow->forget();
  launch = isLate ? now = 1 : ++now;
  blocks.clear();
}

void Races::beginBlock(int64_t number) {
  block = phase = ++now;
  blocks.push_back({now, number});
}

//===----------------------------------------------------------------------===//
// Cells
//===----------------------------------------------------------------------===//

inline Races::Page &Races::Shadow::pageOf(uint64_t number) {
  auto &[key, page] = found[number % found.size()];
  if (!page || key != number)
    key = number, page = &pages[number];
  return *page;
}

/// Makes cells narrower, which then know what the wide one knew.
void Races::split(Page &page, int shift) {
  size_t count = size_t(1) << (pageShift - shift);
  int each = page.shift - shift;
  page.cells.resize(std::max(page.cells.size(), count));
  for (size_t i = count; i-- > 0;)
    page.cells[i] = page.cells[i >> each];
  page.shift = shift;
}

/// The first cell for which `each` says that something is wrong.
template <typename Each> inline Races::Cell *Races::findCell(const Place &place, Each each) {
  Shadow &shadow = place.shared ? shared : global;
  int shift = std::countr_zero(place.begin | uint64_t(place.bytes) | 1 << widest);
  for (uint64_t at = place.begin, end = at + uint64_t(place.bytes); at < end;) {
    uint64_t number = at >> pageShift, stop = std::min(end, (number + 1) << pageShift);
    Page &page = shadow.pageOf(number);
    if (page.begun < launch) { // what its cells say is too old to matter
      page.begun = launch, page.shift = shift;
      page.cells.resize(std::max(page.cells.size(), size_t(1) << (pageShift - shift)));
    } else if (shift < page.shift) {
      split(page, shift);
    }
    constexpr uint64_t within = (1 << pageShift) - 1;
    Cell *cell = page.cells.data() + ((at & within) >> page.shift);
    for (; at < stop; at += uint64_t(1) << page.shift, ++cell)
      if (each(*cell))
        return cell;
  }
  return nullptr;
}

/// Whether a thread may not read; notes that it does otherwise, as do the next two.
inline bool Races::read(Cell &cell, const Moment &at) {
  if (at.conflicts(cell.wrote, cell.writer))
    return true;
  if (cell.read >= at.phase) {
    if (cell.reader != at.self)
      cell.otherReader = at.self;
    return false;
  }
  if (cell.read >= at.since && cell.read < at.block)
    cell.readBefore = cell.read, cell.readerBefore = cell.reader;
  cell.read = at.now;
  cell.reader = cell.otherReader = at.self;
  return false;
}

static bool isReadElsewhere(const auto &cell, const auto &at) {
  return at.conflicts(cell.read, cell.reader) || at.conflicts(cell.read, cell.otherReader) ||
         cell.readBefore >= at.since;
}

inline bool Races::write(Cell &cell, const Moment &at, Who as) {
  if (at.conflicts(cell.wrote, cell.writer) || isReadElsewhere(cell, at))
    return true;
  cell.wrote = at.now;
  cell.writer = as;
  return false;
}

/// By an atomic operation. What conflicts with one of an earlier block conflicts with all of
/// this block, which need no note then.
bool Races::change(Cell &cell, const Moment &at) {
  bool isOther = at.conflicts(cell.wrote, cell.writer);
  if ((isOther && !(cell.writer & isAtomic)) || isReadElsewhere(cell, at))
    return true;
  if (isOther && cell.wrote < at.block)
    return false;
  cell.wrote = at.now;
  cell.writer = isOther ? several : at.self | isAtomic;
  return false;
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

Races::Wrong Races::access(int64_t thread, const Place &place, gpu::Access how) {
  auto self = Who(thread);
  Moment at = momentOf(place.shared, self);
  const Cell *wrong = nullptr;
  switch (how) {
  case gpu::Reads:
    wrong = findCell(place, [&](Cell &cell) { return read(cell, at); });
    break;
  case gpu::Writes:
    wrong = findCell(place, [&](Cell &cell) { return write(cell, at, self); });
    break;
  case gpu::ReadsForWarp:
    at.self = Who(isWarp | thread / 32);
    wrong = findCell(place, [&](Cell &cell) { return read(cell, at); });
    break;
  case gpu::Changes:
    wrong = findCell(place, [&](Cell &cell) { return change(cell, at); });
    break;
  }
  if (!wrong) [[likely]]
    return std::nullopt;
  constexpr const char *does[] = {"reads", "writes", "reads for its warp", "changes"};
  return describe(does[how], place, *wrong, at, how);
}

std::pair<Races::Time, Races::Wrong> Races::startCopy(int64_t thread, const Place &to,
                                                      const std::optional<Place> &from) {
  Moment at = momentOf(to.shared, Who(thread));
  if (auto *wrong = findCell(to, [&](Cell &cell) { return write(cell, at, at.self | isUnderWay); }))
    return {now, describe("starts a copy to", to, *wrong, at, gpu::Writes)};
  if (from) {
    at = momentOf(from->shared, at.self);
    if (auto *wrong = findCell(*from, [&](Cell &cell) { return read(cell, at); }))
      return {now, describe("starts a copy from", *from, *wrong, at, gpu::Reads)};
  }
  return {now++, std::nullopt}; // what is written from now on is written too early
}

Races::Wrong Races::endCopy(int64_t thread, const Place &to, const std::optional<Place> &from, Time started) {
  Moment at = momentOf(to.shared, Who(thread));
  findCell(to, [&](Cell &cell) { return cell.wrote = at.now, cell.writer = at.self, false; });
  if (!from)
    return std::nullopt;
  at = momentOf(from->shared, at.self);
  auto *wrong = findCell(*from, [&](Cell &cell) { return cell.wrote > started || read(cell, at); });
  return wrong ? Wrong(describe("awaits a copy from", *from, *wrong, at, gpu::Reads)) : std::nullopt;
}

//===----------------------------------------------------------------------===//
// What is said
//===----------------------------------------------------------------------===//

std::string Races::describeOther(Time time, Who who, bool wrote) const {
  auto next = std::upper_bound(blocks.begin(), blocks.end(), time,
                               [](Time at, const auto &begun) { return at < begun.first; });
  std::string of = " of block " + std::to_string(std::prev(next)->second);
  if (who == several)
    return "several threads" + of + " change";
  if (who & isWarp)
    return "warp " + std::to_string(who & ~isWarp) + of + " reads";
  std::string thread = "thread " + std::to_string(who & ~(isUnderWay | isAtomic)) + of;
  if (who & isUnderWay)
    return "a copy that " + thread + " has not awaited writes";
  return thread + (who & isAtomic ? " changes" : wrote ? " writes" : " reads");
}

/// Of what a cell knows, what `at` conflicts with.
std::string Races::describeOther(const Cell &cell, const Moment &at, gpu::Access how) const {
  bool allowed = how == gpu::Changes && cell.writer & isAtomic;
  if (how == gpu::Reads || how == gpu::ReadsForWarp || (!allowed && at.conflicts(cell.wrote, cell.writer)))
    return describeOther(cell.wrote, cell.writer, true);
  if (at.conflicts(cell.read, cell.reader))
    return describeOther(cell.read, cell.reader, false);
  if (at.conflicts(cell.read, cell.otherReader))
    return describeOther(cell.read, cell.otherReader, false);
  return describeOther(cell.readBefore, cell.readerBefore, false);
}

std::string Races::describe(const char *does, const Place &place, const Cell &cell, const Moment &at,
                            gpu::Access how) const {
  char where[64];
  std::snprintf(where, sizeof(where), place.shared ? " byte %llu of shared memory" : " 0x%llx",
                static_cast<unsigned long long>(place.begin));
  return std::string(does) + where + ", " + std::to_string(place.bytes) + " bytes, which " +
         describeOther(cell, at, how) + ", and nothing puts one after the other";
}
