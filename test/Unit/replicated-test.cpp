//===- replicated-test.cpp - Replicated stages against all divisions --------===//
//
// All chains of up to five layers with work, parameters and messages from a few values, on
// up to four devices in one level and on two levels, for micro-batches that some numbers of
// devices divide: the period is the least of all divisions, written down one by one, and that
// of the stages which are returned.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/Replicated.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>

using namespace bitpipe;

static int failures = 0, impossible = 0;

static double sumOf(const std::vector<Layer> &layers, size_t begin, size_t end,
                    double Layer::*part) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i)
    sum += layers[i].*part;
  return sum;
}

/// Calls `visit` with every way to divide layers [begin, end) in stages that use exactly so
/// many parts.
template <typename Visit>
static void forAllDivisions(size_t begin, size_t end, size_t parts,
                            std::vector<ReplicatedStage> &chosen, Visit visit) {
  if (begin == end) {
    if (parts == 0)
      visit(chosen);
    return;
  }
  for (size_t next = begin + 1; next <= end; ++next)
    for (size_t own = 1; own <= parts; ++own) {
      chosen.push_back({begin, next, own});
      forAllDivisions(next, end, parts - own, chosen, visit);
      chosen.pop_back();
    }
}

/// The least period of layers [begin, end) on levels up to `level`, each division of which
/// is tried with each of every stage on the level below; infinite where none has numbers of
/// devices that divide the micro-batches.
static double least(const std::vector<Layer> &layers, const std::vector<MachineLevel> &levels,
                    size_t level, size_t begin, size_t end, size_t microbatches) {
  double best = std::numeric_limits<double>::infinity(), bandwidth = levels[level].bandwidth;
  std::vector<ReplicatedStage> chosen;
  forAllDivisions(begin, end, levels[level].count, chosen, [&](const auto &stages) {
    double period = 0;
    for (const ReplicatedStage &stage : stages) {
      if (microbatches % stage.replicas)
        return;
      double work = level ? least(layers, levels, level - 1, stage.begin, stage.end,
                                  microbatches / stage.replicas)
                          : sumOf(layers, stage.begin, stage.end, &Layer::work);
      double weights = sumOf(layers, stage.begin, stage.end, &Layer::weights);
      double replicas = double(stage.replicas);
      period = std::max({period, work / replicas,
                         2 * (replicas - 1) * weights / (replicas * bandwidth)});
      if (stage.end < end)
        period = std::max(period, 2 * layers[stage.end - 1].message / bandwidth);
    }
    best = std::min(best, period);
  });
  return best;
}

static void fail(const char *what, const std::vector<Layer> &layers,
                 const ReplicatedDivision &got, double wanted) {
  ++failures;
  std::fprintf(stderr, "failed: %s: %g, expected %g; layers", what, got.period, wanted);
  for (const Layer &layer : layers)
    std::fprintf(stderr, " (%g, %g, %g)", layer.work, layer.weights, layer.message);
  std::fprintf(stderr, "\n");
}

static void test(const std::vector<Layer> &layers, const std::vector<MachineLevel> &levels,
                 size_t microbatches) {
  std::optional<ReplicatedDivision> found = divideReplicated(layers, levels, microbatches);
  double wanted = least(layers, levels, levels.size() - 1, 0, layers.size(), microbatches);
  if (found.has_value() == std::isinf(wanted))
    return fail("whether there is a division", layers, found.value_or(ReplicatedDivision{}), wanted);
  if (!found) {
    ++impossible;
    return;
  }
  const ReplicatedDivision &got = *found;
  if (std::abs(got.period - wanted) > 1e-12 * wanted)
    fail("the period", layers, got, wanted);
  size_t begin = 0, devices = 0, all = 1;
  for (const ReplicatedStage &stage : got.stages) {
    if (stage.begin != begin || stage.end <= begin)
      fail("stages do not follow each other", layers, got, wanted);
    if (microbatches % stage.replicas)
      fail("devices of a stage do not divide the micro-batches", layers, got, wanted);
    begin = stage.end;
    devices += stage.replicas;
  }
  for (const MachineLevel &level : levels)
    all *= level.count;
  if (begin != layers.size() || devices != all)
    fail("not all layers or devices are used", layers, got, wanted);
  if (levels.size() > 1)
    return;
  double period = 0;
  for (const ReplicatedStage &stage : got.stages) {
    double replicas = double(stage.replicas);
    period = std::max(
        {period, sumOf(layers, stage.begin, stage.end, &Layer::work) / replicas,
         2 * (replicas - 1) * sumOf(layers, stage.begin, stage.end, &Layer::weights) /
             (replicas * levels[0].bandwidth),
         stage.end < layers.size() ? 2 * layers[stage.end - 1].message / levels[0].bandwidth
                                   : 0});
  }
  if (std::abs(period - got.period) > 1e-12 * period)
    fail("the stages have another period", layers, got, period);
}

/// Every chain of layers of these kinds.
static int testAll() {
  const Layer kinds[] = {{1, 1, 1}, {3, 1, 4}, {2, 9, 1}};
  int tested = 0;
  for (size_t count = 1; count <= 5; ++count) {
    size_t chains = size_t(std::pow(std::size(kinds), count));
    for (size_t number = 0; number < chains; ++number) {
      std::vector<Layer> layers;
      for (size_t i = 0, rest = number; i < count; ++i, rest /= std::size(kinds))
        layers.push_back(kinds[rest % std::size(kinds)]);
      for (size_t devices = 1; devices <= 4; ++devices)
        for (double bandwidth : {0.5, 4.0, 100.0}) {
          test(layers, {{devices, bandwidth}}, 12);
          test(layers, {{devices, bandwidth}}, 6 + devices % 2);
          tested += 2;
        }
      for (double outer : {0.5, 4.0}) {
        for (size_t microbatches : {4, 6, 7})
          test(layers, {{2, 8}, {2, outer}}, microbatches);
        tested += 3;
      }
    }
  }
  return tested;
}

static int testRandom() {
  std::mt19937 random(1);
  auto number = [&](double most) {
    return std::uniform_real_distribution<double>(0.1, most)(random);
  };
  int rounds = 2000;
  for (int i = 0; i < rounds; ++i) {
    std::vector<Layer> layers(1 + random() % 6);
    for (Layer &layer : layers)
      layer = {number(3), number(9), number(2)};
    size_t microbatches = 1 + random() % 30;
    test(layers, {{1 + random() % 5, number(9)}}, microbatches);
    if (i % 4 == 0)
      test(layers, {{1 + random() % 3, number(9)}, {1 + random() % 3, number(3)}}, microbatches);
  }
  return rounds;
}

int main() {
  int all = testAll(), some = testRandom();
  std::printf("%d chains of all, %d of random numbers, each the best of all divisions\n", all,
              some);
  return failures || !impossible ? 1 : 0;
}
