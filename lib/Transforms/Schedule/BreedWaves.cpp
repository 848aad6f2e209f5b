//===- BreedWaves.cpp - Better waves by small changes ----------------------===//

#include "lib/Transforms/Schedule/BreedWaves.h"

#include "lib/Transforms/Schedule/Breed.h"

#include <array>

using namespace bitpipe::schedule;

namespace {
/// The speeds of a wave, against that of a micro-batch that nothing keeps, in
/// the first and second half of its stages; how far one enters after another,
/// against what a device has to do for one, and after what share of them that
/// changes.
enum Speed {
  EarlyForward,
  LateForward,
  LateBackward,
  EarlyBackward,
  Pace,
  LaterPace,
  Switch,
  Speeds
};
using Shape = std::array<double, Speeds>;

/// From where to where a speed is drawn, and by how much it changes at most.
struct Range {
  double low, high, step;
};
constexpr std::array<Range, Speeds> ranges = {{{0.4, 1.8, 0.3},
                                               {0.4, 1.8, 0.3},
                                               {1.75, 3.5, 0.4},
                                               {1.75, 3.5, 0.4},
                                               {0.6, 1.25, 0.1},
                                               {0.6, 1.25, 0.1},
                                               {0, 1, 0.15}}};

class Waves {
public:
  Waves(const Problem &problem, std::mt19937_64 &random)
      : problem(problem), random(random), interval(intervalOf(problem)) {}
  Found run(size_t tries);

private:
  Shape draw();
  Shape change(Shape shape);
  Priorities waveOf(const Shape &shape) const;

  const Problem &problem;
  std::mt19937_64 &random;
  double interval;
};
} // namespace

Shape Waves::draw() {
  Shape shape;
  for (int i = 0; i < Speeds; ++i)
    shape[i] = between(ranges[i].low, ranges[i].high, random);
  return shape;
}

/// One speed or two.
Shape Waves::change(Shape shape) {
  for (int times = 1 + int(random() % 2); times > 0; --times) {
    int i = int(random() % Speeds);
    shape[i] += between(-1, 1, random) * ranges[i].step;
    shape[i] = std::max(0.0, shape[i]);
  }
  return shape;
}

Priorities Waves::waveOf(const Shape &shape) const {
  Tasks tasks(problem);
  Priorities result(tasks.count());
  int stages = problem.placement.stages();
  Kind gradient = problem.split ? Kind::I : Kind::B;
  for (const Route &route : problem.placement.routes()) {
    size_t count = route.microbatches.size();
    double turn = shape[Switch] * count;
    for (size_t i = 0; i < count; ++i) {
      int m = route.microbatches[i];
      double time = interval * (shape[Pace] * std::min<double>(i, turn) +
                                shape[LaterPace] * std::max(0.0, i - turn));
      for (int stage = 0; stage < stages; ++stage) {
        result[tasks.index(Kind::F, stage, m)] = time;
        bool isLate = 2 * stage >= stages;
        time += problem.costs.stage(stage).forward *
                shape[isLate ? LateForward : EarlyForward];
      }
      for (int stage = stages; stage-- > 0;) {
        Action action{gradient, false, stage, m};
        result[tasks.index(gradient, stage, m)] = time;
        if (problem.split)
          result[tasks.index(Kind::W, stage, m)] = time + interval;
        bool isLate = 2 * stage >= stages;
        time += problem.costs.time(action) *
                shape[isLate ? LateBackward : EarlyBackward];
      }
    }
  }
  return result;
}

Found Waves::run(size_t tries) {
  Breed<Shape> how;
  how.draw = [&] { return draw(); };
  how.change = [&](Shape shape) { return change(shape); };
  how.priorities = [&](const Shape &shape) { return waveOf(shape); };
  how.kept = 40;
  how.drawn = 5;
  how.patience = 50;
  return breed(problem, how, tries, random);
}

Found bitpipe::schedule::breedWaves(const Problem &problem, size_t tries,
                                    std::mt19937_64 &random) {
  return Waves(problem, random).run(tries);
}
