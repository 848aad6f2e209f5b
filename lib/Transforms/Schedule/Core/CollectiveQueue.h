//===- CollectiveQueue.h - Which collective is next ---------------*- C++ -*-===//
//
// Sums, gathers and scatters: a device starts those that it takes part in in the order of its
// list. One happens when it is the next on all of its members, which may free those behind it.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_COLLECTIVEQUEUE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_COLLECTIVEQUEUE_H

#include <algorithm>
#include <cstddef>
#include <vector>

namespace bitpipe::schedule {

/// An item is one device's part; `isLike` says whether two are parts of the same.
template <typename Item> class CollectiveQueue {
public:
  explicit CollectiveQueue(size_t devices) : started(devices), done(devices) {}

  /// What a device has started so far, in order, and how much of that has happened.
  const std::vector<Item> &startedBy(int device) const { return started[device]; }
  size_t doneBy(int device) const { return done[device]; }
  /// The first that has not happened, or null.
  const Item *first(int device) const {
    return done[device] < started[device].size() ? &started[device][done[device]] : nullptr;
  }
  bool isNext(int device, const Item &item) const {
    const Item *own = first(device);
    return own && own->isLike(item);
  }
  /// The member that has not come to what is the first on a device; -1 if there is none.
  template <typename MembersOf> int missingMember(int device, MembersOf membersOf) const {
    if (const Item *item = first(device))
      for (int member : membersOf(*item))
        if (!isNext(member, *item))
          return member;
    return -1;
  }

  /// A device has come to one. Calls `happen` with each that happens now, while it is still the
  /// first on its members.
  template <typename MembersOf, typename Happen>
  void start(int device, const Item &item, MembersOf membersOf, Happen happen) {
    started[device].push_back(item);
    std::vector<Item> candidates{item};
    while (!candidates.empty()) {
      Item candidate = candidates.back();
      candidates.pop_back();
      const std::vector<int> &members = membersOf(candidate);
      if (!std::ranges::all_of(members, [&](int member) { return isNext(member, candidate); }))
        continue; // Comes again when it is next on another member.
      happen(candidate);
      for (int member : members) {
        ++done[member];
        if (const Item *behind = first(member))
          candidates.push_back(*behind);
      }
    }
  }

private:
  std::vector<std::vector<Item>> started; // by device
  std::vector<size_t> done;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_COLLECTIVEQUEUE_H
