//===- Compare.cpp - Schedules side by side --------------------------------===//

#include "lib/Transforms/Schedule/Emit/Compare.h"

#include "lib/Transforms/Schedule/Choose/Measure.h"
#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Emit/Print.h"
#include "lib/Transforms/Schedule/Search/Bounds.h"

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <map>
#include <set>
#include <sstream>

using namespace bitpipe::schedule;

namespace {
/// What a row tells. Activations and weights are counted in stages of 2D.
struct Row {
  double makespan = 0, bound = 0, idle = 0, bubble = 0;
  /// With gradient sums.
  double end = 0, endBound = 0;
  /// With updates, as a step of many; 0 if costs do not tell.
  double step = 0;
  double activations = 0, onHost = 0, weights = 0;
  int messages = 0;
  /// Whether larger micro-batches pay, in lines of its own.
  std::string pays;

  double time() const { return step > 0 ? step : end; }
};

/// Which schedules were compared without an option that means nothing to them.
using LeftOut = std::map<std::string, std::set<std::string>>;
} // namespace

static ErrorOr<Row> rowOf(const Request &request, const std::string &name,
                          const std::optional<Efficiencies> &efficiencies) {
  ErrorOr<Simulated> simulated = measure(request);
  if (!simulated)
    return simulated.error();
  int stages = simulated->schedule.placement.stages();
  int base = commonStages(request);
  Bounds bound = bounds(*simulated);
  Row row;
  row.makespan = simulated->timing.makespan;
  row.bound = bound.anyMemory;
  row.end = simulated->iterationEnd;
  row.endBound = bound.iteration;
  row.step = simulated->step;
  row.bubble = bubble(simulated->use, simulated->timing);
  for (const DeviceUse &use : simulated->use) {
    row.idle = std::max(row.idle, use.idle);
    row.activations = std::max(row.activations, use.peakActivation);
    row.onHost = std::max(row.onHost, use.peakOnHost);
    row.weights = std::max(row.weights, double(use.weights) * base / stages);
    row.messages += use.messages;
  }
  if (!efficiencies)
    return row;
  std::ostringstream pays;
  if (std::optional<Error> wrong = emitSpeedups(pays, *simulated, *efficiencies, name + ": "))
    return *wrong;
  row.pays = pays.str();
  return row;
}

/// The columns that not every table has.
struct Columns {
  bool sums, updates, hosts;
};

static void printHead(std::ostream &stream, Columns columns) {
  print(stream, "%-24s %6s %10s %10s ", "schedule", "N", "makespan", "bound");
  if (columns.sums)
    print(stream, "%10s %10s ", "with sums", "bound");
  if (columns.updates)
    print(stream, "%10s ", "step");
  print(stream, "%8s %8s %12s ", "idle", "bubble", "activations");
  if (columns.hosts)
    print(stream, "%8s ", "on host");
  print(stream, "%8s %9s %7s\n", "weights", "messages", "speed");
}

/// Iterations are as fast as their sums, and steps as their updates.
static void printRow(std::ostream &stream, const Row &row, Columns columns, double first) {
  print(stream, "%10.6g %10.6g ", row.makespan, row.bound);
  if (columns.sums)
    print(stream, "%10.6g %10.6g ", row.end, row.endBound);
  if (columns.updates)
    print(stream, "%10.6g ", row.step);
  print(stream, "%8.6g %7.2f%% %12.6g ", row.idle, 100 * row.bubble, row.activations);
  if (columns.hosts)
    print(stream, "%8.6g ", row.onHost);
  print(stream, "%8.6g %9d %6.3fx\n", row.weights, row.messages, first / row.time());
}

/// Takes out of a request what means nothing to a family, to compare it with those to which it
/// does, and names it as options.
static std::vector<std::string> leaveOutUnknown(Request &request, const Family &family) {
  std::vector<std::string> left;
  if (request.down >= 0 && !family.hasTwoWays) {
    left.push_back("--down");
    request.down = -1;
  }
  if (request.updateEvery && !family.updatesBetween) {
    left.push_back("--update-every");
    request.updateEvery = 0;
  }
  if (!request.stageReplicas.empty() && !family.sharesStages) {
    left.push_back("--stage-replicas");
    request.stageReplicas.clear();
  }
  if (request.balance && (family.updatesBetween || family.movesActivations)) {
    left.push_back("--balance");
    request.balance = false;
  }
  if (request.offload > 0 && (family.updatesBetween || family.movesActivations)) {
    left.push_back("--offload");
    request.offload = 0;
  }
  ErrorOr<Placement> placement = placementFor(request); // or the row tells why there is none
  if (request.isSharded() &&
      (family.updatesBetween || (placement && !sharesAny(*placement, request.shard)))) {
    left.push_back("--shard");
    request.shard = Shard::None;
  }
  return left;
}

static void printLeftOut(std::ostream &stream, const LeftOut &leftOut) {
  for (const auto &[option, names] : leftOut) {
    stream << "without " << option << ", which means nothing to them:";
    for (const std::string &name : names)
      stream << (name == *names.begin() ? " " : ", ") << name;
    stream << '\n';
  }
}

/// What the columns count, and what the schedules are.
static void printNotes(std::ostream &stream, const Request &base,
                       const std::vector<std::string> &names) {
  stream << "times in " << base.costs.timeUnit << "; activations in "
         << base.costs.sizeUnit << "; weights in stages; a stage is 1/"
         << commonStages(base) << " of the model for all schedules\n"
         << "idle, activations and weights: of the device with most; speed: "
            "iterations by time, relative to the first row of the same N; which "
            "schedule is for what: docs/Schedules.md\n";
  if (base.costs.hasUpdates())
    stream << "step: one of many, with gradient norm and updates, by which speed counts\n";
  if (base.costs.overlapsPairs())
    stream << "pairs go on at the same time in the shares of the costs; " << runsApart << '\n';
  if (base.offload > 0)
    stream << "on host: activations that the host of a device keeps for it, copied beside its runs\n";
  std::set<std::string> told;
  for (const std::string &name : names)
    if (ErrorOr<const Family *> family = familyNamed(name);
        family && told.insert(name).second)
      stream << name << ": " << (*family)->summary
             << ((*family)->isDefault ? " (a default)" : "") << '\n';
}

static ErrorOr<std::vector<std::string>>
splitNames(const std::string &names) {
  std::vector<std::string> result;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    ErrorOr<const Family *> family = familyNamed(name);
    if (!family)
      return family.error();
    result.push_back(std::move(name));
  }
  if (result.empty())
    return Error{"no schedule to compare, expected names such as bitpipe,1f1b"};
  return result;
}

/// What a row has in the place of numbers: its first column is the schedule's name.
static std::string withoutName(const Error &error, const std::string &name) {
  return error.text.starts_with(name + ": ") ? error.text.substr(name.size() + 2) : error.text;
}

namespace {
/// The table as it grows: a row per schedule and number of micro-batches.
class Table {
public:
  Table(std::ostream &stream, const Request &base, const std::optional<Efficiencies> &efficiencies)
      : stream(stream), columns{base.costs.hasSums(), base.costs.hasUpdates(), base.offload > 0},
        efficiencies(efficiencies) {
    printHead(stream, columns);
  }

  void add(const std::string &name, const Request &request) {
    ErrorOr<Row> row = rowOf(request, name, efficiencies);
    stream << std::left << std::setw(24) << name;
    print(stream, " %6d ", request.microbatches);
    if (!row) {
      stream << withoutName(row.error(), name) << '\n';
      if (std::find(wrong.begin(), wrong.end(), row.error().text) == wrong.end())
        wrong.push_back(row.error().text);
      return;
    }
    hasResult = true;
    pays += row->pays;
    first = first > 0 ? first : row->time();
    printRow(stream, *row, columns, first);
  }
  /// What follows is for other numbers of micro-batches.
  void next() { first = 0; }

  /// A line per row that tells whether larger micro-batches pay, if that is asked.
  std::string pays;

  /// Why no row has a result, where none has.
  std::optional<Error> check() const {
    if (hasResult)
      return {};
    std::string all;
    for (const std::string &text : wrong)
      all += (all.empty() ? "" : "; ") + text;
    return Error{"none of the schedules to compare can be made: " + all};
  }

private:
  std::ostream &stream;
  const Columns columns;
  const std::optional<Efficiencies> &efficiencies;
  double first = 0;               // time of its row
  std::vector<std::string> wrong; // of rows that have no result
  bool hasResult = false;
};
} // namespace

/// The name of the file that a request names, if it does.
static std::string fileOf(const Request &request) {
  const std::string &path = request.order.empty() ? request.routes : request.order;
  return oneLine(std::filesystem::path(path).filename().string());
}

std::optional<Error>
bitpipe::schedule::emitComparison(std::ostream &stream, const Request &base,
                                  const std::string &names,
                                  const std::vector<int> &microbatches,
                                  const std::optional<Efficiencies> &efficiencies) {
  ErrorOr<std::vector<std::string>> list = splitNames(names);
  if (!list)
    return list.error();
  Request own = base, named = base;
  named.order = named.routes = "";
  std::vector<int> counts = microbatches;
  std::string file = fileOf(base);
  if (!file.empty()) {
    ErrorOr<Placement> placement = placementFor(base);
    if (!placement)
      return placement.error();
    own.devices = named.devices = placement->devices();
    if (!base.order.empty() || base.microbatches == 0)
      counts = {placement->microbatches()};
  }
  LeftOut leftOut;
  Table table(stream, base, efficiencies);
  for (int count : counts) {
    own.microbatches = named.microbatches = count;
    table.next();
    if (!file.empty())
      table.add(file, own);
    for (const std::string &name : *list) {
      Request request = named;
      request.pipeline = name;
      for (const std::string &option : leaveOutUnknown(request, **familyNamed(name)))
        leftOut[option].insert(name);
      table.add(name, request);
    }
  }
  stream << table.pays;
  printLeftOut(stream, leftOut);
  printNotes(stream, named, *list);
  return table.check();
}
