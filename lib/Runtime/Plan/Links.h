//===- Links.h - Who waits for whom in a plan -----------------------------===//
//
// Derived once from a program, before anything runs: which transmit meets
// which receive (first in, first out per ordered pair of devices), which
// instructions of a group form one collective (a sum, or an exchange of slices), and
// which of them every instruction must wait for because it touches memory that is
// still being sent, received or summed.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_LINKS_H
#define BITPIPE_RUNTIME_PLAN_LINKS_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// A transmit and its receive.
struct MessageLink {
  RunName run;
  int64_t from, to;
  int64_t fromSlot, toSlot;
  int64_t bytes;
  bool swap; // exchange the memory of the slots instead of copying

  /// Or from there: a copy between the device and its host.
  bool isToHost() const { return from == to; }
  /// Of such a copy, whether it goes there.
  bool leaves() const { return run.kind == 'E'; }
};

/// One sum or gather; member i is devices[i] with slots[i].
struct CollectiveLink {
  Collective::Kind kind;
  std::vector<int64_t> stages, devices, slots;
  int64_t elements; // that all slices make up
  int64_t slice;    // elements of each, but for an all-reduce
  std::vector<int64_t> own; // member i's slot of its slice alone, or -1
  /// In words of four bytes: but for an all-reduce, where the slices of members begin in a slot,
  /// and its end; where a member's own slot has what of its slice is gathered.
  std::vector<int64_t> bounds = {}, ownBegins = {};
  double share = 1; // of what all slices have
  /// Members by node, each with those of one, where what they exchange goes within nodes
  /// first and then between them; else empty.
  std::vector<std::vector<size_t>> nodes = {};

  /// Whether all slices are as long, and all of each is gathered.
  bool isEven() const;

  /// What a member adds up, or gives to the others: in an all-reduce even parts that
  /// begin at lines of memory.
  Range sliceOf(size_t member) const;
  /// Where member i keeps its slice: the slot, which is its own or that of all, and the
  /// element of it with which the slice begins.
  std::pair<int64_t, int64_t> placeOfSlice(size_t member) const;
  size_t memberOf(int64_t device) const;
};

/// "the sum of stages [5]", "the gather of stages [5]".
std::string nounOf(const CollectiveLink &link);

/// Waits until a message or collective is complete.
struct Wait {
  enum Kind { Message, Collective } kind;
  int64_t index;
  bool previousStep; // the one of the step before

  bool operator==(const Wait &) const = default;
};

struct DeviceLinks {
  /// Per instruction: what it waits for, and the number of the message or
  /// collective that it starts (or -1).
  std::vector<std::vector<Wait>> waits;
  std::vector<int64_t> starts;
  /// The device's collectives in the order in which it starts them.
  std::vector<int64_t> collectives;
  /// What must be complete before a step ends: on GPUs, what it started after the
  /// norm, and copies to and from the host. Elsewhere the next step waits where it has to.
  std::vector<Wait> atEnd;
};

struct Links {
  std::vector<MessageLink> messages;
  std::vector<CollectiveLink> collectives;
  std::vector<DeviceLinks> devices;
};

/// Throws a UserError if messages or collectives do not match.
Links deriveLinks(const Program &program);

/// Fills in what the instructions of a device wait for, given what they start.
void findWaits(const Program &program, const DeviceList &device,
               DeviceLinks &links);

/// Replays three steps under the rules of a transport without tags: a send is
/// complete when its receive was started, collectives of a device run one after the
/// other. Throws a UserError that says which actions wait for which if the
/// plan would block, or uses a tensor before it is received.
void checkProgress(const Program &program, const Links &links);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_LINKS_H
