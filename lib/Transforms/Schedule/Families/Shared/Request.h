//===- Request.h - What is asked of a family ---------------------*- C++ -*-===//
//
// A number of micro-batches, devices, a file, and what is put into an order that is there; and
// whether that can be asked for.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_REQUEST_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_REQUEST_H

#include "lib/Transforms/Schedule/Core/Costs.h"

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

/// The number of micro-batches that go down; of an odd number one more does.
int downCount(const Request &request);

/// Fails unless half of the micro-batches go down: for families whose order is
/// made of two equal halves.
std::optional<Error> needsHalves(const Request &request);

/// Fails where the request's devices, micro-batches or chunks, if it gives them,
/// are not the placement's.
std::optional<Error> checkAgrees(const Request &request,
                                 const Placement &placement);

/// Fails where the directions cannot have the shares that are asked for.
std::optional<Error> checkDown(const Request &request, bool hasTwoWays);

/// Fails if the request says how many micro-batches go down beside a file that
/// says which.
std::optional<Error> checkNoDown(const Request &request, const std::string &file);

/// Fails where something is asked for that only other schedules have: a number of
/// micro-batches between updates, or devices that take turns at stages.
std::optional<Error> checkKnown(const Request &request, bool updatesBetween,
                                bool sharesStages);

/// Fails where the request asks for something else than a file has, with its name.
std::optional<Error> checkFile(const Request &request, const std::string &file,
                               const Placement &placement);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_REQUEST_H
