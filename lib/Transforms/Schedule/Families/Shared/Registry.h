//===- Registry.h - Schedules by name ----------------------------*- C++ -*-===//
//
// A family of schedules is a placement rule and an ordering rule under a name.
// Families/*.cpp hold one each (and its variants).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_REGISTRY_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_REGISTRY_H

#include "lib/Transforms/Schedule/Families.inc"
#include "lib/Transforms/Schedule/Families/Shared/Request.h"
#include "lib/Transforms/Schedule/Search/Problem.h"

namespace bitpipe::schedule {

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
