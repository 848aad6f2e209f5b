//===- Replicated.cpp - Stages that several devices share ------------------===//
//
// Dynamic programming level by level. A[i][j][m] is the best period of layers i to j on m
// parts of a level: either one stage whose m parts do in turn what the level below does
// best on one of them, or the best of some first layers on fewer parts, and a last such
// stage on the rest. The m parts must divide the micro-batches, and the level below what
// each of them has of these: it is solved for every share that there may be.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/Replicated.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <span>

using namespace bitpipe;

namespace {

/// How layers i to j are divided on so many parts of a level.
struct Best {
  double period = std::numeric_limits<double>::infinity();
  size_t stages = 0;
  // The last stage: its first layer and its parts; the rest is another entry.
  size_t last = 0, parts = 0;

  bool isBeatenBy(double time, size_t count) const {
    return time < period || (time == period && count < stages);
  }
};

class LevelDivision {
public:
  /// The last of these levels is divided, for so many micro-batches.
  LevelDivision(const std::vector<Layer> &layers, std::span<const MachineLevel> levels,
                size_t microbatches)
      : layers(layers), level(levels.back()),
        isInnermost(levels.size() == 1), microbatches(microbatches), inner(level.count + 1),
        best(layers.size() * (layers.size() + 1) * (level.count + 1)) {
    for (size_t parts = 1; !isInnermost && parts <= level.count; ++parts)
      if (microbatches % parts == 0)
        inner[parts] = std::make_unique<LevelDivision>(layers, levels.first(levels.size() - 1),
                                                       microbatches / parts);
    for (size_t length = 1; length <= layers.size(); ++length)
      for (size_t begin = 0; begin + length <= layers.size(); ++begin)
        for (size_t parts = 1; parts <= level.count; ++parts)
          solve(begin, begin + length, parts);
  }

  const Best &on(size_t begin, size_t end, size_t parts) const {
    return best[(begin * (layers.size() + 1) + end) * (level.count + 1) + parts];
  }
  const Best &onAll(size_t begin, size_t end) const { return on(begin, end, level.count); }

  /// Appends the stages of an entry, each on `replicas` times as many devices.
  void append(size_t begin, size_t end, size_t parts, size_t replicas,
              std::vector<ReplicatedStage> &stages) const {
    const Best &entry = on(begin, end, parts);
    if (entry.last > begin)
      append(begin, entry.last, parts - entry.parts, replicas, stages);
    if (isInnermost)
      stages.push_back({entry.last, end, replicas * entry.parts});
    else
      inner[entry.parts]->append(entry.last, end, inner[entry.parts]->level.count,
                                 replicas * entry.parts, stages);
  }

private:
  /// One stage of the level: its period, infinite where it cannot be, and how many stages the
  /// level below makes of it.
  std::pair<double, size_t> alone(size_t begin, size_t end, size_t parts) const {
    if (microbatches % parts)
      return {std::numeric_limits<double>::infinity(), 1};
    double work = 0, weights = 0;
    for (size_t i = begin; i < end; ++i) {
      work += layers[i].work;
      weights += layers[i].weights;
    }
    size_t stages = 1;
    if (!isInnermost) {
      work = inner[parts]->onAll(begin, end).period;
      stages = inner[parts]->onAll(begin, end).stages;
    }
    double sum = 2 * double(parts - 1) * weights / level.bandwidth;
    return {std::max(work, sum) / double(parts), stages};
  }

  void solve(size_t begin, size_t end, size_t parts) {
    Best &entry = best[(begin * (layers.size() + 1) + end) * (level.count + 1) + parts];
    auto offer = [&](double time, size_t stages, size_t last, size_t lastParts) {
      if (entry.isBeatenBy(time, stages))
        entry = {time, stages, last, lastParts};
    };
    auto [time, stages] = alone(begin, end, parts);
    offer(time, stages, begin, parts);
    for (size_t last = begin + 1; last < end; ++last)
      for (size_t lastParts = 1; lastParts < parts; ++lastParts) {
        const Best &first = on(begin, last, parts - lastParts);
        auto [time, stages] = alone(last, end, lastParts);
        double message = 2 * layers[last - 1].message / level.bandwidth;
        offer(std::max({first.period, message, time}), first.stages + stages, last, lastParts);
      }
  }

  const std::vector<Layer> &layers;
  const MachineLevel level;
  const bool isInnermost;
  const size_t microbatches;
  /// The level below, on all of its parts, beneath a stage on so many of this one; null where
  /// they do not divide the micro-batches.
  std::vector<std::unique_ptr<LevelDivision>> inner;
  std::vector<Best> best;
};

} // namespace

std::optional<ReplicatedDivision>
bitpipe::divideReplicated(const std::vector<Layer> &layers,
                          const std::vector<MachineLevel> &levels, size_t microbatches) {
  LevelDivision solved(layers, levels, microbatches);
  ReplicatedDivision result;
  result.period = solved.onAll(0, layers.size()).period;
  if (std::isinf(result.period))
    return {};
  solved.append(0, layers.size(), levels.back().count, 1, result.stages);
  return result;
}
