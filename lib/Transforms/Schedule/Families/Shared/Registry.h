//===- Registry.h - Schedules by name ----------------------------*- C++ -*-===//
//
// A family of schedules is a placement rule and an ordering rule under a name.
// Families/*.cpp hold one each (and its variants).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_REGISTRY_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_REGISTRY_H

#include "lib/Transforms/Schedule/Families.inc"
#include "lib/Transforms/Schedule/Search/Problem.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitpipe::schedule {

class OrderStore;

/// What is asked of a family.
struct Request {
  std::string pipeline = "bitpipe";
  /// Beside a file with routes or an order, 0 for what the file says; any other
  /// number, also of chunks, must be the file's.
  int devices = 4;
  int microbatches = 8;
  /// How many pipelines share the devices and the micro-batches (and those that go
  /// down): the order is found for one of them, which has its part of each, and is
  /// that of all (Core/Replicas.h). A file is that of one.
  int replicas = 1;
  /// Stages per device and direction; 0 for the family's own number.
  int chunks = 0;
  /// How many of the micro-batches go down (enter on device 0) where a family
  /// has two directions; the others go up. Negative: half of them.
  int down = -1;
  /// Where a family updates between micro-batches: after how many; 0 for the family's own
  /// number.
  int updateEvery = 0;
  /// Where a family has stages that several devices share: how many take turns at each;
  /// empty: one.
  std::vector<int> stageReplicas;
  /// What a scheduled order is made for. No schedule takes more than the memory
  /// that they give the devices.
  Costs costs;
  /// Samples of a micro-batch, if they are chosen, and how efficiently stages run as many, beside as
  /// many as the costs are of; 0 samples: the costs are of the micro-batches.
  int samples = 0;
  double efficiency = 1;
  /// Most live activations per device: an order is searched for them, and
  /// refused if it takes more; 0 for the family's own limit.
  double memory = 0;
  /// A file with the routes of the placement, for an order made by the
  /// scheduler; its devices count then. Backwards are split.
  std::string routes;
  /// A file with the order itself, in PyTorch's text form.
  std::string order;
  /// The stages that recompute: none, all or a list (Recompute.h); empty: those of the
  /// file with the order, or none. Orders are searched without recomputation.
  std::string recompute;
  /// Whether devices that hold more evict activations to those that hold less (Balance.h).
  bool balance = false;
  /// Whether devices evict to their hosts what they would hold above so many activations
  /// (Offload.h); 0: they do not.
  double offload = 0;
  /// What errors count one activation of `memory`, and one of `offload`, as: in tables of
  /// several schedules as many as it is in stages that are the same for all.
  double memoryCounts = 1, offloadCounts = 1;
  /// What each of the devices that hold a stage keeps a slice of (Shard.h).
  Shard shard = Shard::None;
  bool isSharded() const { return shard != Shard::None; }
  /// How much is searched for a better order, where the family searches: see solve.
  double effort = 1;
  /// Where orders are kept that are those of several requests; null: nowhere.
  std::shared_ptr<OrderStore> orders;
};

/// What a family gives: an order by its own rule, or the scheduler's.
struct Ordered {
  Ordered(Order order, Origin origin = Origin::Rule)
      : order(std::move(order)), origin(origin) {}

  Order order;
  Origin origin;
};

struct Family {
  std::string name;
  /// One line for lists of schedules.
  std::string summary;
  /// Stages per device and direction when none are asked for.
  int chunks = 1;
  /// The routes of a request, or what the family needs and did not get.
  ErrorOr<Placement> (*place)(const Request &request);
  /// The order of a request on the placement made for it.
  ErrorOr<Ordered> (*order)(const Request &request, const Placement &placement);
  /// Micro-batches go down and up, so that Request::down means something.
  bool hasTwoWays = false;
  /// Weights are updated between micro-batches, so that it trains to other numbers than
  /// the families that do the same in another order.
  bool updatesBetween = false;
  /// Several devices take turns at a stage as Request::stageReplicas says.
  bool sharesStages = false;
  /// One of those that are chosen among where no schedule is named.
  bool isDefault = false;
  /// Its own order moves activations, so that there is nothing to balance.
  bool movesActivations = false;
};

/// The number of micro-batches that go down; of an odd number one more does.
int downCount(const Request &request);

/// Fails unless half of the micro-batches go down: for families whose order is
/// made of two equal halves.
std::optional<Error> needsHalves(const Request &request);

/// Each file of Families/ defines the function of its own name.
namespace file {
#define DECLARE(File) std::vector<Family> File();
BITPIPE_FAMILIES(DECLARE)
#undef DECLARE
} // namespace file

/// All families, by name.
const std::vector<Family> &families();

/// Fails with the names that there are.
ErrorOr<const Family *> familyNamed(const std::string &name);

/// Takes out of a request what means nothing to a family, and names it as options, to compare
/// that family with those to which it does.
std::vector<std::string> leaveOutUnknown(Request &request, const Family &family);

/// Fails where the request's devices, micro-batches or chunks, if it gives them,
/// are not the placement's.
std::optional<Error> checkAgrees(const Request &request,
                                 const Placement &placement);

/// The placement alone: what a partitioner needs, since it tells the number
/// of stages.
ErrorOr<Placement> placementFor(const Request &request);

/// What the scheduler is asked for by a family that holds at most `own`
/// activations of a stage on a device if the request gives no number. Where
/// requests count activations of longer stages, one is `stagesPerActivation` of
/// the mean stage's.
Problem problemFor(const Request &request, const Placement &placement,
                   double own, bool split, double stagesPerActivation = 1);

/// A family's own number of activations, which is no limit where the memory of the devices
/// is known: that alone is then.
double unlessKnown(const Request &request, double own);

/// The scheduler's order for a problem, with the effort of the request.
ErrorOr<Ordered> search(const Problem &problem, const Request &request);

/// The whole schedule of a request. Fails if a device would hold more than it
/// may.
ErrorOr<Schedule> buildSchedule(const Request &request);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_REGISTRY_H
