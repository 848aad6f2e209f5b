//===- Replicated.cpp - Stages that several devices share ------------------===//
//
// Dynamic programming level by level. A[i][j][m] is the best period of layers i to j on m
// parts of a level: either one stage whose m parts do in turn what the level below does
// best on one of them, or the best of some first layers on fewer parts, and a last such
// stage on the rest.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/Replicated.h"

#include <algorithm>
#include <limits>

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
  /// `inner` is the level below, on all of its parts; null for single devices.
  LevelDivision(const std::vector<Layer> &layers, const MachineLevel &level,
                const LevelDivision *inner)
      : layers(layers), level(level), inner(inner),
        best(layers.size() * (layers.size() + 1) * (level.count + 1)) {
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
    if (inner)
      inner->append(entry.last, end, inner->level.count, replicas * entry.parts, stages);
    else
      stages.push_back({entry.last, end, replicas * entry.parts});
  }

private:
  /// One stage of the level: its period and how many stages the level below makes of it.
  std::pair<double, size_t> alone(size_t begin, size_t end, size_t parts) const {
    double work = 0, weights = 0;
    for (size_t i = begin; i < end; ++i) {
      work += layers[i].work;
      weights += layers[i].weights;
    }
    size_t stages = 1;
    if (inner) {
      work = inner->onAll(begin, end).period;
      stages = inner->onAll(begin, end).stages;
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
  const LevelDivision *inner;
  std::vector<Best> best;
};

} // namespace

ReplicatedDivision bitpipe::divideReplicated(const std::vector<Layer> &layers,
                                             const std::vector<MachineLevel> &levels) {
  std::vector<LevelDivision> solved;
  solved.reserve(levels.size()); // each points to the one before
  for (const MachineLevel &level : levels)
    solved.emplace_back(layers, level, solved.empty() ? nullptr : &solved.back());
  ReplicatedDivision result;
  result.period = solved.back().onAll(0, layers.size()).period;
  solved.back().append(0, layers.size(), levels.back().count, 1, result.stages);
  return result;
}
