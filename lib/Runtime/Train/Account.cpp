//===- Account.cpp - What a run tells when it has ended --------------------===//

#include "lib/Runtime/Train/Account.h"

#include "lib/Costs/CostFile.h"
#include "lib/Files/OutputFile.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Train/Prediction.h"
#include "lib/Runtime/Train/Profile.h"
#include "lib/Runtime/Train/Report.h"
#include "lib/Runtime/Train/Trace.h"

using namespace bitpipe;

std::optional<schedule::Costs> bitpipe::givenCosts(const TrainOptions &options,
                                                   const Program &program) {
  if (options.costFile.empty())
    return std::nullopt;
  auto costs = readCosts(options.costFile, int(program.devices.size()));
  if (!costs)
    fail(costs.error().text);
  checkCosts(*costs, program, options.costFile);
  return std::move(*costs);
}

/// What a run can do without.
template <typename Write>
static void attempt(const char *what, const std::string &path, Write write) {
  if (path.empty())
    return;
  try {
    write();
  } catch (const std::exception &error) {
    warn("no ", what, ": ", error.what());
  }
}

namespace {

/// On rank 0, with what all ranks have said.
class Account {
public:
  Account(const EndedRun &run, const std::vector<ProcessReport> &processes,
          const std::vector<DeviceTrace> &traces)
      : run(run), processes(processes), traces(traces),
        measured(profile(run.program, run.links, processes,
                         run.training.feedSeconds())) {}

  void give() const {
    const auto &costs = run.costs ? *run.costs : measured;
    Prediction prediction = predicted(costs, true, predictedSteps());
    attempt("trace", run.options.trace, [&] { trace(prediction); });
    attempt("profile", run.options.profile, [&] {
      OutputFile file(run.options.profile);
      file.write(textOf(measured));
      file.commit();
    });
    printReport(processes, run.training.stepSeconds(), run.tokensPerStep,
                {predicted(measured, true).bubble(),
                 predicted(measured, false).bubble()});
    if (run.options.predict)
      printPrediction(prediction,
                      run.costs ? run.options.costFile : "the times of this run",
                      processes, run.training.stepSeconds());
  }

private:
  /// On the cores that there are, or with one for each device and its sums.
  Prediction predicted(const schedule::Costs &costs, bool onCores,
                       int64_t tracedSteps = 0) const {
    PredictOptions options;
    if (onCores)
      options.machines = machinesOf(processes);
    if (processes.size() > 1)
      options.processes = processesOf(processes);
    for (const ProcessReport &process : processes)
      options.eagerBytes.push_back(process.eagerBytes);
    options.tracedSteps = tracedSteps;
    return predict(run.program, run.links,
                   workTimes(run.program, run.links, costs), options);
  }

  /// How many steps the trace is to have beside the measured ones.
  int64_t predictedSteps() const {
    if (!run.options.predict || run.options.trace.empty())
      return 0;
    return std::min(run.options.traceSteps,
                    int64_t(run.training.stepSeconds().size()));
  }

  void trace(const Prediction &prediction) const {
    std::vector<DeviceTrace> second;
    for (size_t d = 0; run.options.predict && d < traces.size(); ++d)
      second.push_back(predictedTrace(run.program, prediction, d, traces));
    writeTrace(run.options.trace, run.program, traces, second);
  }

  const EndedRun &run;
  const std::vector<ProcessReport> &processes;
  const std::vector<DeviceTrace> &traces;
  const schedule::Costs measured;
};

} // namespace

void bitpipe::giveAccount(const EndedRun &run, World &world) {
  std::vector<ProcessReport> processes =
      gatherReports(world, run.program, run.executor);
  std::vector<DeviceTrace> traces;
  if (!run.options.trace.empty())
    traces = gatherTraces(world, run.executor);
  if (!world.speaks())
    return;
  if (run.training.stepSeconds().empty())
    attempt("trace", run.options.trace,
            [&] { writeTrace(run.options.trace, run.program, traces); });
  else
    Account(run, processes, traces).give();
}
