//===- schedule-cases.h - All problems that the documentation speaks of -----===//

#ifndef BITPIPE_TEST_UNIT_SCHEDULE_CASES_H
#define BITPIPE_TEST_UNIT_SCHEDULE_CASES_H

#include "lib/Transforms/Schedule/Core/Routes.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Search/Problem.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace bitpipe::schedule {

/// A problem whose order is searched. `group` is the part of the documentation that
/// it is from.
struct Case {
  std::string group, name;
  Problem problem;
  /// None: the problem is given to the solver as it is.
  std::optional<Request> asked;
};

class Cases {
public:
  std::vector<Case> all() {
    idleTable();
    fewMicrobatches();
    odd();
    shares();
    tight();
    messages();
    placements();
    return std::move(cases);
  }

private:
  static Request ask(const char *family, int devices, int microbatches) {
    Request asked;
    asked.pipeline = family;
    asked.devices = devices;
    asked.microbatches = microbatches;
    return asked;
  }

  /// `share` activations per device are what the family holds unless told.
  void add(const char *group, Request asked, double share, bool split,
           double message = 0) {
    ErrorOr<Placement> placement = placementFor(asked);
    if (!placement)
      return;
    asked.costs.link.transfer = message;
    double own = asked.pipeline == "zb-h2" ? 2 * asked.devices - 1
                 : share < 1.5             ? asked.devices + 1
                                           : share * asked.devices;
    std::string name = asked.pipeline + " " + std::to_string(asked.devices) + "/" +
                       std::to_string(asked.microbatches);
    if (asked.chunks)
      name += " chunks " + std::to_string(asked.chunks);
    if (asked.down >= 0)
      name += " down " + std::to_string(asked.down);
    if (asked.memory > 0)
      name += " memory " + number(asked.memory);
    if (message > 0)
      name += " message " + number(message);
    double unit = std::max(1.0, asked.chunks / 2.0);
    if (asked.chunks > 2) {
      double part = 2.0 / asked.chunks;
      asked.costs.stages = {{part, part, part, 2 * part, part}};
    }
    cases.push_back({group, name, problemFor(asked, *placement, own, split, unit), asked});
  }

  void idleTable() {
    for (int d : {2, 4, 8, 16, 32})
      for (int k : {1, 2, 4, 8}) {
        add("idle", ask("bitpipe", d, k * d), 2.5, false);
        add("idle", ask("bitpipe-zb", d, k * d), 2, true);
        add("idle", ask("zb-h2", d, k * d), 0, true);
      }
    for (int d : {4, 6, 8, 16, 32})
      for (int k : {1, 4}) {
        Request asked = ask("bitpipe-zb", d, k * d);
        asked.chunks = 4;
        add("idle", asked, 2, true);
      }
  }

  void fewMicrobatches() {
    for (int d : {4, 8})
      for (int n = d; 2 * n < 3 * d; ++n)
        add("few", ask("bitpipe", d, n), 2.5, false);
    for (int d : {3, 5, 7})
      for (int n = d; 2 * n < 3 * d; ++n)
        add("few", ask("bitpipe", d, n), 2.5, false);
  }

  void odd() {
    for (int n : {6, 7, 9, 12, 24, 47})
      add("odd", ask("bitpipe", 3, n), 2.5, false);
    for (int d : {5, 7, 9, 11, 13, 15, 23, 31})
      for (double k : {1.5, 2.0, 3.0, 4.0, 8.0})
        add("odd", ask("bitpipe", d, int(std::ceil(k * d))), 2.5, false);
    for (int d : {3, 5, 9, 15})
      for (int k : {2, 4})
        add("odd", ask("chimera", d, k * d), 1.25, false);
    for (int d : {5, 7, 9, 15, 31})
      for (int k : {1, 2})
        add("odd", ask("bitpipe-zb", d, k * d), 2, true);
    for (int d : {5, 9, 15})
      add("odd", ask("bitpipe-zb", d, 4 * d), 2, true);
  }

  void share(const char *family, int devices, int microbatches, int down, double share,
             bool split) {
    Request asked = ask(family, devices, microbatches);
    asked.down = down;
    add("shares", asked, share, split);
  }

  void shares() {
    for (int d : {4, 5})
      for (int down = 0; down <= 2 * d; ++down) {
        share("bitpipe", d, 2 * d, down, 2.5, false);
        share("bitpipe-zb", d, 2 * d, down, 2, true);
        share("chimera", d, 2 * d, down, 1.25, false);
        share("dualpipe", d, 2 * d, down, 1.25, true);
      }
    for (int d : {8, 14})
      for (int down = 0; down <= d; down += 2)
        share("bitpipe-zb", d, 2 * d, down, 2, true);
    for (int d : {8, 12})
      for (int down = 0; down <= d; ++down)
        share("bitpipe", d, 2 * d, down, 2.5, false);
    share("bitpipe", 9, 36, 4, 2.5, false);
    share("bitpipe", 8, 32, 3, 2.5, false);
    share("bitpipe", 12, 48, 2, 2.5, false);
    share("bitpipe-zb", 9, 36, 3, 2, true);
    share("bitpipe-zb", 16, 64, 5, 2, true);
  }

  void tight() {
    for (auto [d, n] : std::vector<std::pair<int, int>>{
             {4, 9}, {6, 12}, {6, 13}, {8, 16}, {8, 19}, {8, 21}, {8, 128}, {10, 25},
             {12, 31}, {12, 36}, {14, 28}, {14, 33}, {16, 32}, {16, 37}, {16, 41},
             {16, 240}, {20, 51}, {24, 61}, {24, 100}, {28, 71}, {32, 66}, {32, 79},
             {32, 81}, {32, 256}}) {
      Request asked = ask("bitpipe", d, n);
      asked.memory = 2 * d;
      add("tight", asked, 2, false);
    }
    for (auto [d, n] : std::vector<std::pair<int, int>>{{4, 4}, {6, 12}, {8, 8}, {8, 16}, {14, 14}}) {
      Request asked = ask("v-half", d, n);
      asked.memory = d + 2;
      add("tight", asked, 2, true);
    }
  }

  void message(const char *family, int devices, int microbatches, double time,
               double share, bool split, double memory = 0) {
    Request asked = ask(family, devices, microbatches);
    asked.memory = memory;
    add("messages", asked, share, split, time);
  }

  void messages() {
    message("bitpipe-zb", 8, 16, .1, 2, true);
    message("bitpipe-zb", 8, 33, .1, 2, true);
    message("bitpipe-zb", 8, 16, .1, 2, true, 20);
    message("bitpipe", 8, 16, .1, 2.5, false);
    message("bitpipe", 8, 33, .3, 2.5, false);
    message("bitpipe-zb", 4, 8, .1, 2, true);
    message("bitpipe", 4, 8, .2, 2.5, false);
    message("zb-h2", 8, 16, .2, 0, true);
    message("bitpipe", 16, 32, .1, 2.5, false);
    message("bitpipe-zb", 16, 40, .1, 2, true);
    message("bitpipe", 16, 40, .1, 2.5, false, 32);
    message("bitpipe-zb", 32, 128, .1, 2, true);
    message("bitpipe", 32, 128, .1, 2.5, false, 64);
    message("bitpipe-zb", 32, 256, .1, 2, true);
    message("bitpipe", 32, 256, .1, 2.5, false);
    message("bitpipe-zb", 64, 1024, .1, 2, true);
    message("bitpipe", 64, 1024, .1, 2.5, false);
    message("bitpipe-zb", 64, 256, .1, 2, true);
  }

  void placements() {
    constexpr int d = 8, n = 16;
    struct Row {
      const char *name;
      std::vector<int> route;
      bool both;
    };
    const Row rows[] = {{"one V", wave(d, 2), false},
                        {"one loop of 2", loop(d, 2), false},
                        {"one wave of 4", wave(d, 4), false},
                        {"one loop of 4", loop(d, 4), false},
                        {"two opposite V", wave(d, 2), true},
                        {"two opposite waves of 4", wave(d, 4), true},
                        {"two opposite loops of 2", loop(d, 2), true},
                        {"two opposite straight", loop(d, 1), true}};
    for (const Row &row : rows)
      for (auto [message, memory] : {std::pair(0.0, 2.0), {0, 2.5}, {.1, 2.5}, {.1, 3},
                                     {.2, 2.5}, {.2, 3}, {.4, 3}}) {
        Problem problem{row.both ? *twoWays(d, n, row.route, 2, 1) : *oneWay(d, n, row.route),
                        {}, std::vector<double>(d, memory * d), true};
        double part = 2.0 * d / row.route.size();
        problem.costs.stages = {{part, part, part, 2 * part, part}};
        problem.costs.link.transfer = message;
        cases.push_back({"placements", std::string(row.name) + " message " + number(message) +
                         " memory " + number(memory * d), problem, {}});
      }
  }

  static std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%g", value);
    return text;
  }

  std::vector<Case> cases;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TEST_UNIT_SCHEDULE_CASES_H
