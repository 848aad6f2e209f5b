//===- Schedule.h - Actions, routes, placements, orders ----------*- C++ -*-===//
//
// A schedule says where every stage of every micro-batch runs (a placement, a
// set of routes) and in which order each device computes. Messages, gradient
// sums and times all follow from these two and are derived elsewhere.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_SCHEDULE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_SCHEDULE_H

#include "lib/Transforms/Schedule/Core/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitpipe::schedule {

/// Forward, whole backward, input gradient, weight gradient, recomputation: what the
/// forward would have saved, once more; update of the weights between micro-batches. Of a
/// stage of which each replica keeps a slice: its weights are gathered (A) and dropped (D),
/// and its gradients summed and scattered (S). And moves of what a forward has saved to
/// another device and back: it is evicted (E), there given back (G); and kept there (K), at
/// home loaded (L).
enum class Kind : uint8_t { F, B, I, W, R, U, A, D, S, E, G, K, L };
constexpr std::string_view kindLetters = "FBIWRUADSEGKL";
constexpr size_t kindCount = kindLetters.size();

inline char letterOf(Kind kind) { return kindLetters[size_t(kind)]; }

/// True for what makes the gradient that the previous stage waits for.
inline bool makesInputGradient(Kind kind) {
  return kind == Kind::B || kind == Kind::I;
}

/// True for what completes the weight gradient and frees the activations.
inline bool makesWeightGradient(Kind kind) {
  return kind == Kind::B || kind == Kind::W;
}

/// True for what other stages wait for.
inline bool handsOn(Kind kind) { return kind == Kind::F || makesInputGradient(kind); }

/// True for what computes.
inline bool isRun(Kind kind) { return kind <= Kind::U; }

/// True for what is of a stage and not of a micro-batch, since slices are gathered or summed.
inline bool isOfShards(Kind kind) { return kind >= Kind::A && kind <= Kind::S; }
/// True for what all replicas do together, beside their runs.
inline bool isMeeting(Kind kind) { return kind == Kind::A || kind == Kind::S; }

/// True for what moves what a forward has saved, and computes nothing: E and G send, K and
/// L receive.
inline bool isMove(Kind kind) { return kind >= Kind::E; }
inline bool sendsMove(Kind kind) { return kind == Kind::E || kind == Kind::G; }

/// What each of the devices that hold a stage keeps a slice of alone: nothing; the optimizer's
/// moments, so that it steps that slice; the gradients, too, when they are summed; and the
/// parameters, which it gathers before it needs them. Each includes those before.
enum class Shard : uint8_t { None, Optimizer, Gradients, Parameters };

/// `none`, `optimizer`, `gradients`, `parameters`.
const char *nameOf(Shard shard);
/// The reverse; nothing for another name.
std::optional<Shard> shardNamed(std::string_view name);

/// One stage's work on one micro-batch; an update is named by the last one of its group that
/// its device runs the stage for. What is of shards is named by the first micro-batch that its device runs
/// the stage for.
struct Action {
  Kind kind = Kind::F;
  /// Meant to run at the same time as the action that follows it.
  bool overlapsNext = false;
  int stage = 0;
  int microbatch = 0;
  /// Of an update: how many versions of the weights its stage has (Updates).
  int versions = 0;

  bool operator==(const Action &) const = default;
};

/// `3F2`: stage 3, forward, micro-batch 2. `3U2V4`: update of stage 3 after micro-batch
/// 2, of 4 versions. `3UNSHARD`, `3RESHARD`, `3REDUCE_GRAD`: A, D and S of stage 3.
std::string toString(const Action &action);

/// The device of every stage, for a set of micro-batches.
struct Route {
  std::vector<int> devices;
  std::vector<int> microbatches;

  bool operator==(const Route &) const = default;
};

/// Updates between the micro-batches of an iteration. Without them there is one at its
/// end. With them the micro-batches are taken in groups of `every`, in their order: after
/// the gradients of group t each stage is updated, which makes version t + 1 of its
/// weights. All that a stage runs for group t reads version t + 1 - versions, and the
/// first one, 0, before that is there. Each of several devices that hold a stage, or share
/// parameters with it, makes the update with the sum of all their gradients of the group.
struct Updates {
  int every = 0; // 0: there are none
  std::vector<int> versions; // of each stage

  explicit operator bool() const { return every > 0; }
  bool operator==(const Updates &) const = default;
};

/// Routes that cover every micro-batch once. What is replicated, and which
/// devices must sum gradients, follows from it.
class Placement {
public:
  /// Fails unless all routes have the same number of stages, name existing
  /// devices, and cover the micro-batches 0..N-1 once. How large a placement may
  /// be is in Limits.h.
  static ErrorOr<Placement> make(int devices, std::vector<Route> routes);

  int devices() const { return deviceCount; }
  int stages() const { return int(routeList.front().devices.size()); }
  int microbatches() const { return int(routeOf.size()); }
  const std::vector<Route> &routes() const { return routeList; }
  int route(int microbatch) const { return routeOf[microbatch]; }
  int device(int stage, int microbatch) const {
    return routeList[routeOf[microbatch]].devices[stage];
  }
  /// The devices that hold the parameters of a stage, ascending.
  std::vector<int> holders(int stage) const;
  /// Of how many equal pipelines it consists, each on as many devices and with as many
  /// micro-batches that follow those of the one before, or with updates between them take
  /// turns with those (Replicas.h): the most that there are, 1 if it is one.
  int replicas() const { return replicaCount; }
  /// The number of a micro-batch's route in its replica.
  int way(int microbatch) const {
    return routeOf[microbatch] % int(routeList.size() / replicaCount);
  }

  /// Whether the forwards of a stage save nothing, and its gradients read what a
  /// recomputation makes: for all micro-batches, or none. No stage does at first.
  bool recomputes(int stage) const { return !recomputed.empty() && recomputed[stage]; }
  bool recomputes() const { return !recomputed.empty(); }
  /// One per stage.
  std::vector<bool> recomputedStages() const;
  void setRecomputed(std::vector<bool> stages);
  /// Whether the last stage computes its loss with its input gradient, so that its forward hands
  /// nothing on; false at first, and where no model tells.
  bool lossInGradient() const { return hasLossInGradient; }
  void setLossInGradient(bool has) { hasLossInGradient = has; }
  /// Whether the forward of a stage has nothing to do, since it neither hands on nor saves: then the
  /// recomputation reads what comes from the stage before.
  bool hasEmptyForward(int stage) const {
    return hasLossInGradient && stage + 1 == stages() && recomputes(stage);
  }

  /// Updates between micro-batches; none at first.
  const Updates &updates() const { return updated; }
  void setUpdates(Updates updates);

  /// The device that keeps what a forward has saved for a while, between its eviction and
  /// when it is given back; -1: it stays where it is, as all does at first. The device that
  /// evicts it stands for its host, which then keeps it in memory of its own.
  int keeper(int stage, int microbatch) const {
    return keepers.empty() ? -1 : keepers[size_t(stage) * microbatches() + microbatch];
  }
  bool moves() const { return !keepers.empty(); }
  bool isOnHost(int stage, int microbatch) const {
    return moves() && keeper(stage, microbatch) == device(stage, microbatch);
  }
  /// One per stage and micro-batch, those of a stage one behind the other.
  void setKeepers(std::vector<int> devices);
  /// What is kept in slices; nothing at first.
  Shard shard() const { return sharded; }
  void setShard(Shard shard);
  bool scatters() const { return sharded >= Shard::Gradients; }
  bool gathers() const { return sharded == Shard::Parameters; }
  /// Where gradients are scattered, or weights updated between micro-batches: those that run a
  /// stage on the device of this one, ascending. There they add to one sum, and read weights
  /// that are there once.
  const std::vector<int> &together(int stage, int microbatch) const {
    return rows[heldAs(stage, microbatch)];
  }
  /// The number of a stage on the device of a micro-batch, among all stages on all devices
  /// that hold them; where these rows are.
  int heldAs(int stage, int microbatch) const {
    return rowOf[size_t(stage) * routeList.size() + routeOf[microbatch]];
  }
  const std::vector<std::vector<int>> &allTogether() const { return rows; }
  int firstOf(int stage, int microbatch) const { return together(stage, microbatch).front(); }
  /// Where an action takes place.
  int place(const Action &action) const {
    bool isAway = action.kind == Kind::G || action.kind == Kind::K;
    return isAway ? keeper(action.stage, action.microbatch)
                  : device(action.stage, action.microbatch);
  }

private:
  void findRows();

  int deviceCount = 0;
  std::vector<Route> routeList;
  std::vector<int> routeOf;
  /// Empty where no stage does.
  std::vector<bool> recomputed;
  bool hasLossInGradient = false;
  Updates updated;
  /// Empty where nothing moves.
  std::vector<int> keepers;
  int replicaCount = 1;
  Shard sharded = Shard::None;
  /// By stage and route, where gradients are scattered or weights updated between micro-batches.
  std::vector<int> rowOf;
  std::vector<std::vector<int>> rows;
};

/// What each device computes, in order.
using Order = std::vector<std::vector<Action>>;

/// Whether an action of a device's list is the first of a pair that is meant to run at the same
/// time, or the second.
inline bool beginsPair(const std::vector<Action> &list, size_t i) {
  return list[i].overlapsNext && i + 1 < list.size();
}
inline bool endsPair(const std::vector<Action> &list, size_t i) {
  return i > 0 && list[i - 1].overlapsNext;
}
/// Whether it has any action of a kind.
bool hasKind(const Order &order, Kind kind);
/// How many pairs there are.
size_t pairsIn(const Order &order);
/// What is told beside times of pairs that go on at the same time.
constexpr const char *runsApart = "bitpipe-run runs the two of a pair one after the other";

/// Where an order comes from: a rule that is written down under the schedule's name, the
/// scheduler, or a file. A plan does not tell.
enum class Origin { Unknown, Rule, Solver, File };

struct Schedule {
  std::string name;
  Placement placement;
  Order order;
  Origin origin = Origin::Unknown;
  /// What was done to the order and what was not, in one line, if there is anything to tell.
  std::string note = {};
};

/// Fails where a placement shards and has updates between micro-batches.
std::optional<Error> checkShardable(const Placement &placement);

/// Whether there are devices that could keep slices: those that hold a stage together; of
/// gradients and parameters where all stages are on several devices.
bool sharesAny(const Placement &placement, Shard shard);

/// The updates of an order as the first ones of each stage imply them, of which the last is
/// named by the end of the first group; whether the others agree is checked (Check.h).
Updates updatesIn(const Order &order, int stages);

/// Reads the routes off an order: the device that runs the forward of a stage
/// is its place; a stage of which any recomputation runs recomputes; updates are those
/// that the first one of each stage implies; the device that keeps what is evicted is its
/// keeper; what is sharded is told by shardIn. Fails where a forward is missing or doubled, and where something is evicted or
/// loaded that no device keeps.
ErrorOr<Placement> inferPlacement(const Order &order);

/// Parameters where any are gathered or dropped, else gradients where any are scattered,
/// else nothing.
Shard shardIn(const Order &order);

/// Who keeps what an order moves, as Placement has it.
ErrorOr<std::vector<int>> keepersIn(const Order &order, int stages, int microbatches);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_SCHEDULE_H
