//===- balance-test.cpp - Balance against every possible division ----------===//
//
// Small lines of costs are divided in all possible ways; balance must find the
// fastest slowest stage, keep its tolerance, carry no more than the best and be
// as even as any that carries as little.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Partition/Balance.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <utility>

using namespace bitpipe;

namespace {

struct Line {
  const char *name;
  std::vector<double> cost;
  std::vector<double> carried;
  size_t stages;
  double tolerance;
};

struct Division {
  double slowest;
  double carried;
  double squares;
};

Division measure(const Line &line, const std::vector<size_t> &begin) {
  Division result{0, 0, 0};
  for (size_t stage = 0; stage < begin.size(); ++stage) {
    size_t end = stage + 1 < begin.size() ? begin[stage + 1] : line.cost.size();
    double sum = 0;
    for (size_t atom = begin[stage]; atom < end; ++atom)
      sum += line.cost[atom];
    result.slowest = std::max(result.slowest, sum);
    result.squares += sum * sum;
    result.carried += stage > 0 ? line.carried[begin[stage]] : 0;
  }
  return result;
}

/// Every division, by choosing the cuts in all ways.
template <typename Visit> void forAllDivisions(const Line &line, Visit visit) {
  std::vector<bool> cut(line.cost.size() - 1, false);
  std::fill(cut.end() - (line.stages - 1), cut.end(), true);
  do {
    std::vector<size_t> begin{0};
    for (size_t i = 0; i < cut.size(); ++i)
      if (cut[i])
        begin.push_back(i + 1);
    visit(measure(line, begin));
  } while (std::next_permutation(cut.begin(), cut.end()));
}

bool isDivision(const Line &line, const std::vector<size_t> &begin) {
  return begin.size() == line.stages && begin.front() == 0 &&
         begin.back() < line.cost.size() &&
         std::adjacent_find(begin.begin(), begin.end(),
                            std::greater_equal<>()) == begin.end();
}

bool fail(const Line &line, const char *what, double got, double expected) {
  std::printf("%s: %s is %g, expected %g\n", line.name, what, got, expected);
  return false;
}

bool check(const Line &line) {
  constexpr double none = std::numeric_limits<double>::infinity();
  double fastest = none;
  forAllDivisions(line, [&](Division d) { fastest = std::min(fastest, d.slowest); });
  double limit = fastest * (1 + line.tolerance);
  std::pair best{none, none};
  forAllDivisions(line, [&](Division d) {
    if (d.slowest <= limit)
      best = std::min(best, std::pair{d.carried, d.squares});
  });

  double got = slowestStage(line.cost, line.stages);
  if (got != fastest)
    return fail(line, "slowest stage", got, fastest);
  std::vector<size_t> begin =
      balance(line.cost, line.carried, line.stages, line.tolerance);
  if (!isDivision(line, begin))
    return fail(line, "number of stages", begin.size(), line.stages);
  Division division = measure(line, begin);
  if (division.slowest > limit)
    return fail(line, "slowest stage within tolerance", division.slowest, limit);
  if (division.carried != best.first)
    return fail(line, "carried", division.carried, best.first);
  if (division.squares != best.second)
    return fail(line, "sum of squares", division.squares, best.second);
  return true;
}

/// The slowest stage with what its cuts add, as Balance.h says it.
double price(const Line &line, const std::vector<size_t> &begin, double fastest) {
  double result = fastest > 0 ? measure(line, begin).slowest / fastest : 1;
  for (size_t stage = 1; stage < begin.size(); ++stage)
    result += halvingWorth * std::log2(line.carried[begin[stage]]);
  return result;
}

/// Messages are worth no more than said, and never cost more than they are.
bool checkMessages(const Line &line) {
  constexpr double most = 0.3;
  std::vector<size_t> plain =
      balance(line.cost, line.carried, line.stages, line.tolerance);
  std::vector<size_t> begin = balanceMessages(line.cost, line.carried,
                                              line.stages, line.tolerance, most);
  if (!isDivision(line, begin))
    return fail(line, "number of stages", begin.size(), line.stages);
  double fastest = slowestStage(line.cost, line.stages);
  double limit = fastest * (1 + std::max(most, line.tolerance));
  if (measure(line, begin).slowest > limit)
    return fail(line, "slowest stage for messages", measure(line, begin).slowest, limit);
  if (price(line, begin, fastest) > price(line, plain, fastest) + 1e-12)
    return fail(line, "price", price(line, begin, fastest), price(line, plain, fastest));
  return true;
}

/// One cut, before the second atom or, carrying five times as much, the third.
bool checkCut(double first, double between, double last, size_t expected) {
  Line line{"a large message", {first, between, last}, {0, 100, 500}, 2, 0.03};
  size_t got = balanceMessages(line.cost, line.carried, 2, 0.03, 0.1)[1];
  return got == expected || fail(line, "cut", got, expected);
}

/// Whole numbers, so that sums are exact.
Line randomLine(std::mt19937 &random) {
  auto number = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  size_t atoms = number(1, 11);
  Line line{"random", {}, {}, size_t(number(1, atoms)), number(0, 4) * 0.1};
  int largest = number(1, 40);
  for (size_t i = 0; i < atoms; ++i) {
    line.cost.push_back(number(0, largest));
    line.carried.push_back(number(1, 9));
  }
  return line;
}

} // namespace

int main() {
  const Line table[] = {
      {"one atom", {5}, {0}, 1, 0},
      {"one stage", {1, 2, 3}, {0, 1, 1}, 1, 0},
      {"as many stages as atoms", {1, 2, 3}, {0, 1, 1}, 3, 0},
      {"equal layers", {2, 2, 2, 2, 2, 2, 2, 2}, {0, 1, 1, 1, 1, 1, 1, 1}, 4, 0},
      {"one huge layer", {1, 1, 100, 1, 1, 1, 1}, {0, 9, 9, 9, 9, 9, 9}, 4, 0.1},
      {"nothing costs", {0, 0, 0, 0}, {0, 3, 1, 2}, 2, 0},
      {"fewer bytes a little off balance", {10, 1, 10}, {0, 9, 1}, 2, 0.2},
      {"tolerance too small for that", {10, 1, 10}, {0, 9, 1}, 2, 0},
  };
  bool good = true;
  for (const Line &line : table)
    good &= check(line);
  good &= checkCut(20, 2, 21, 1); // 4.5% slower
  good &= checkCut(20, 4, 23, 2); // 12.5% slower: the large message pays
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    Line line = randomLine(random);
    good &= check(line) && checkMessages(line);
  }
  return good ? 0 : 1;
}
