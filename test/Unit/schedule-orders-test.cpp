//===- schedule-orders-test.cpp - Orders from files are right or refused ----===//
//
// Orders of all families are written as text, and the text is broken: cells lost,
// doubled, moved, exchanged, renamed, joined to pairs. What is read must be what a
// second reader, written from the definition alone, takes for an order that runs;
// everything else must be refused. Routes are broken likewise.
//
// Usage: schedule-orders-test [ROUNDS [SEED]]
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/CSV.h"
#include "lib/Transforms/Schedule/Simulate/OrderFile.h"
#include "lib/Transforms/Schedule/Core/Limits.h"
#include "lib/Transforms/Schedule/Core/Routes.h"
#include "test/Unit/order-moves.h"
#include "test/Unit/order-updates.h"
#include "test/Unit/schedule-support.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <unistd.h>

using namespace bitpipe::schedule;

namespace {
std::mt19937 generator;

size_t below(size_t count) {
  return std::uniform_int_distribution<size_t>(0, count - 1)(generator);
}

Rows rowsOf(const std::string &text) {
  Rows rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');)
      rows.back().push_back(cell);
  }
  return rows;
}

std::string textOf(const Rows &rows) {
  std::string text;
  for (const auto &row : rows) {
    for (size_t i = 0; i < row.size(); ++i)
      text += (i ? "," : "") + row[i];
    text += '\n';
  }
  return text;
}

/// Whether any recomputation of a stage runs.
bool recomputes(int stage, const std::set<Run> &all) {
  auto first = all.lower_bound({'R', stage, 0});
  return first != all.end() && std::get<0>(*first) == 'R' && std::get<1>(*first) == stage;
}

/// What a run must have of others, on any device.
std::set<Run> neededBy(const Run &run, int stages, const std::set<Run> &all) {
  auto [kind, stage, m] = run;
  auto gradient = [&](int of) {
    return Run{all.count({'B', of, m}) ? 'B' : 'I', of, m};
  };
  std::set<Run> needed;
  if (kind == 'F' && stage > 0)
    needed.insert({'F', stage - 1, m});
  if (kind == 'W')
    needed.insert(gradient(stage));
  if (kind == 'R' || kind == 'E')
    needed.insert({'F', stage, m});
  if (kind == 'G')
    needed.insert({{'E', stage, m}, {'K', stage, m}});
  if (kind == 'B' || kind == 'I') {
    needed.insert({recomputes(stage, all) ? 'R' : 'F', stage, m});
    if (all.count({'L', stage, m}))
      needed.insert({{'G', stage, m}, {'L', stage, m}});
    if (stage + 1 < stages)
      needed.insert(gradient(stage + 1));
  }
  return needed;
}

/// Whether the cells can be done one after the other in every row, both runs of a
/// pair at once.
bool runsToEnd(const Rows &rows, int stages, const std::set<Run> &all, const Between &between,
               const std::map<Run, size_t> &device) {
  std::set<Run> done;
  std::vector<size_t> at(rows.size());
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t row = 0; row < rows.size(); ++row)
      for (; at[row] < rows[row].size(); ++at[row], moved = true) {
        bool ready = true;
        std::set<Run> others = mustHaveGone(rows[row], at[row]);
        for (const Run &run : runsIn(rows[row][at[row]])) {
          std::set<Run> needed = neededBy(run, stages, all);
          if (between.every && !moves(std::get<0>(run)))
            addUpdates(run, between, all, device, needed);
          if (std::get<0>(run) == 'U')
            others.merge(beforeOthers(rows, device, run, between.every));
          for (const Run &one : needed) {
            others.insert(one);
            if (all.count(one))
              others.merge(mustHaveCome(rows, device, one, row));
          }
        }
        for (const Run &other : others)
          ready = ready && done.count(other);
        if (!ready)
          break;
        for (const Run &run : runsIn(rows[row][at[row]]))
          done.insert(run);
      }
  }
  return done == all;
}

/// The definition of an order: see CSV.h and CheckOrder.h.
bool isRight(const Rows &rows) {
  std::set<Run> all;
  std::map<Run, size_t> device;
  int stages = 0, microbatches = 0;
  Between between;
  for (size_t row = 0; row < rows.size(); ++row)
    for (const std::string &cell : rows[row]) {
      std::vector<Run> runs = runsIn(cell);
      bool isUpdate = runs.size() == 1 && std::get<0>(runs[0]) == 'U';
      if (isUpdate != (cell[0] != '(' && cell.find('V') != std::string::npos))
        return false;
      if (isUpdate)
        between.add(runs[0], versionsIn(cell), row);
      if (isUpdate && (versionsIn(cell) < 1 ||
                       versionsIn(cell) != between.versions[std::get<1>(runs[0])]))
        return false;
      if (runs.size() == 2) {
        std::string kinds{std::get<0>(runs[0]), std::get<0>(runs[1])};
        if (kinds != "FB" && kinds != "BF" && kinds != "FI" && kinds != "IF")
          return false;
      }
      for (const Run &run : runs) {
        if (!all.insert(run).second)
          return false;
        device[run] = row;
        stages = std::max(stages, std::get<1>(run) + 1);
        microbatches = std::max(microbatches, std::get<2>(run) + 1);
      }
    }
  for (int stage = 0; stage < stages; ++stage)
    for (int m = 0; m < microbatches; ++m) {
      bool split = all.count({'I', stage, m});
      if (!all.count({'F', stage, m}) || bool(all.count({'W', stage, m})) != split ||
          bool(all.count({'B', stage, m})) == split ||
          bool(all.count({'R', stage, m})) != recomputes(stage, all))
        return false;
      for (char kind : {'B', 'I', 'W', 'R'})
        if (auto it = device.find({kind, stage, m});
            it != device.end() && it->second != device[{'F', stage, m}])
          return false;
      if (!movesRight(rows, device, stage, m))
        return false;
    }
  between.finish();
  bool movesAny = std::any_of(all.begin(), all.end(),
                              [](const Run &run) { return moves(std::get<0>(run)); });
  if (between.every && movesAny)
    return false;
  if (between.every && !updatesAreWhole(between, stages, microbatches, all, device))
    return false;
  return stages > 0 && movesInTurn(rows, device) &&
         runsToEnd(rows, stages, all, between, device);
}

std::vector<std::string> &someRow(Rows &rows) {
  while (true)
    if (std::vector<std::string> &row = rows[below(rows.size())]; !row.empty())
      return row;
}

/// Breaks the text in one way; it may be right afterwards.
void breakOnce(Rows &rows) {
  std::vector<std::string> &row = someRow(rows);
  size_t at = below(row.size());
  std::string cell = row[at];
  switch (below(7)) {
  case 0: // lost, but not the last one
    if (row.size() > 1)
      row.erase(row.begin() + at);
    return;
  case 1: // doubled
    row.insert(row.begin() + below(row.size() + 1), cell);
    return;
  case 2: { // moved
    row.erase(row.begin() + at);
    std::vector<std::string> &other = rows[below(rows.size())];
    other.insert(other.begin() + below(other.size() + 1), cell);
    return;
  }
  case 3: // exchanged with its neighbour
    if (at + 1 < row.size())
      std::swap(row[at], row[at + 1]);
    return;
  case 4: { // of another kind
    size_t letter = cell.find_first_of(kinds);
    row[at][letter] = kinds[below(10)];
    return;
  }
  case 5: { // another number
    size_t digit = below(2) ? cell.find_first_of("0123456789")
                            : cell.find_last_of("0123456789");
    row[at][digit] = char('0' + below(10));
    return;
  }
  default: // a pair
    if (at + 1 < row.size() && cell[0] != '(' && row[at + 1][0] != '(') {
      row[at] = "(" + cell + ";" + row[at + 1] + ")OVERLAP_F_B";
      row.erase(row.begin() + at + 1);
    }
  }
}

void write(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}

void testOrder(const std::string &path, const Rows &rows, unsigned seed) {
  // Only what a row begins with shows that a device has no work.
  Rows trimmed = rows;
  while (!trimmed.empty() && trimmed.back().empty())
    trimmed.pop_back();
  std::string text = textOf(trimmed);
  write(path, text);
  ErrorOr<Schedule> read = readSchedule(path);
  bool right = isRight(trimmed);
  expect(bool(read) == right,
         "seed " + std::to_string(seed) + ": " +
             (read ? "taken" : "refused: " + read.error().text) + "\n" + text);
  if (read) {
    std::ostringstream again;
    writeCSV(again, read->order);
    expect(again.str() == text, "seed " + std::to_string(seed) +
                                    ": written as " + again.str() + "for\n" + text);
  } else {
    expect(read.error().text.find('\n') == std::string::npos,
           "seed " + std::to_string(seed) + ": more than one line");
  }
}

/// Lines of routes, each right by itself: the whole must give every micro-batch a
/// place, once.
void testRoutes(const std::string &path, unsigned seed) {
  size_t count = 1 + below(3), stages = 1 + below(4);
  std::string text = below(2) ? "\xef\xbb\xbf# routes\r\n" : "";
  std::multiset<int> named;
  bool right = true, anyNamed = false, anyBare = false;
  for (size_t i = 0; i < count; ++i) {
    size_t length = below(12) ? stages : stages + 1;
    right = right && (length == stages || i == 0);
    if (i == 0)
      stages = length;
    for (size_t s = 0; s < length; ++s)
      text += std::to_string(below(4)) + " ";
    if (below(3)) {
      anyNamed = true;
      text += ":";
      size_t members = below(4);
      right = right && members > 0;
      for (size_t m = 0; m < members; ++m) {
        named.insert(int(below(6)));
        text += " " + std::to_string(*std::prev(named.end()));
      }
    } else {
      anyBare = true;
    }
    text += below(2) ? "  # comment : 9\n\n" : "\n";
  }
  // The numbers that the text has, which a multiset does not keep in turn.
  named.clear();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line = line.substr(0, line.find('#'));
    size_t colon = line.find(':');
    if (colon == std::string::npos)
      continue;
    std::istringstream numbers(line.substr(colon + 1));
    for (int m; numbers >> m;)
      named.insert(m);
  }
  int next = 0;
  for (int m : named)
    right = right && m == next++;
  right = right && anyNamed != anyBare;
  write(path, text);
  ErrorOr<Placement> read = readRoutes(path, 6);
  expect(bool(read) == right,
         "seed " + std::to_string(seed) + ": routes " +
             (read ? "taken" : "refused: " + read.error().text) + "\n" + text);
}

/// Updates between micro-batches of stages that several devices hold.
void addShared(const std::string &path, std::vector<Rows> &orders) {
  for (const char *name : {"pipedream", "pipedream-vertical", "pipedream-2bw"})
    for (int replicas : {1, 2}) {
      Request asked = request(name, 3 * replicas, 16);
      asked.stageReplicas = {2, 1};
      asked.replicas = replicas;
      asked.updateEvery = name == std::string("pipedream-2bw") ? 4 * replicas : 0;
      ErrorOr<Schedule> schedule = buildSchedule(asked);
      expect(bool(schedule), toText(asked) + ": " + (schedule ? "" : schedule.error().text));
      std::ostringstream text;
      writeCSV(text, schedule->order);
      orders.push_back(rowsOf(text.str()));
      testOrder(path, orders.back(), 0);
    }
}

/// What no table may be made for.
void testLimits(const std::string &path) {
  auto isRefused = [&](const std::string &text, bool order) {
    write(path, text);
    bool taken = order ? bool(readSchedule(path)) : bool(readRoutes(path, 0));
    expect(!taken, "taken: " + text.substr(0, 60));
  };
  isRefused(std::string(30000, '\n') + "0F0,0B0\n", true);
  isRefused("0F1048576,0B1048576\n", true);
  isRefused("0F999999999999,0B0\n", true);
  isRefused("0 999999\n", false);
  isRefused("0 19999\n", false);
  isRefused("0 1 : 0 999999\n", false);
  isRefused(": 0 1\n", false);
  isRefused("0 1 :\n", false);
  write(path, "0F0,0B0\n" + std::string(30000, '\n'));
  expect(bool(readSchedule(path)), "blank lines at the end");
  write(path, std::string(30000, '\n') + "0 1 : 0\n");
  expect(bool(readRoutes(path, 0)), "blank lines in routes");
  for (int64_t devices : {int64_t(1025), int64_t(1) << 30})
    expect(!buildSchedule(request("1f1b", int(devices), 8)), "too many devices");
  expect(!buildSchedule(request("1f1b", 4, 1 << 30)), "too many micro-batches");
  expect(!buildSchedule(request("interleaved", 4, 8, 1 << 30)), "too many chunks");
  expect(!buildSchedule(request("1f1b", 1024, 65536)), "too large a product");
}
} // namespace

int main(int argc, char **argv) {
  int rounds = argc > 1 ? std::atoi(argv[1]) : 3000;
  unsigned first = argc > 2 ? unsigned(std::atoi(argv[2])) : 1;
  std::printf("%d rounds from seed %u\n", rounds, first);
  std::string path = "schedule-orders-test." + std::to_string(getpid());
  std::vector<Rows> orders;
  for (const Family &family : families())
    for (auto [devices, microbatches, recompute] :
         {std::tuple(2, 2, ""), {2, 4, ""}, {3, 4, ""}, {4, 8, ""}, {2, 4, "all"}, {4, 8, "1"},
          {4, 8, "balance"}, {4, 8, "offload"}}) {
      Request asked = request(family.name, devices, microbatches);
      asked.balance = recompute == std::string("balance") && family.name != "bpipe";
      bool offloads = recompute == std::string("offload");
      asked.recompute = offloads || recompute == std::string("balance") ? "" : recompute;
      asked.offload = offloads ? leastOnDevices(asked) : 0;
      if (auto schedule = buildSchedule(asked)) {
        std::ostringstream text;
        writeCSV(text, schedule->order);
        orders.push_back(rowsOf(text.str()));
        testOrder(path, orders.back(), 0);
      }
    }
  addShared(path, orders);
  for (int round = 0; round < rounds && failures < 10; ++round) {
    unsigned seed = first + unsigned(round);
    generator.seed(seed);
    Rows rows = orders[below(orders.size())];
    for (size_t times = 1 + below(2); times-- > 0;)
      breakOnce(rows);
    testOrder(path, rows, seed);
    testRoutes(path, seed);
  }
  testLimits(path);
  std::remove(path.c_str());
  return report();
}
