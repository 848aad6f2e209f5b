//===- Training.cpp - The loop over steps ----------------------------------===//

#include "lib/Runtime/Train/Training.h"

#include "lib/Runtime/EndProcess.h"
#include "lib/Runtime/Launch/Agree.h"
#include "lib/Runtime/Median.h"

#include <algorithm>
#include <cstring>
#include <unistd.h>

using namespace bitpipe;

Training::Training(const TrainOptions &options, const Program &program, World &world,
                   Executor &executor, Feeder &feeder, Evaluation *evaluation,
                   const Position &begin, Checkpoints *checkpoints)
    : options(options), program(program), world(world), executor(executor), feeder(feeder),
      evaluation(evaluation), agenda(options.steps, options.evaluation.every,
                                     evaluation ? evaluation->batches() : 0),
      begin(begin), checkpoints(checkpoints), progress(begin.step, options.steps),
      metrics(world.speaks() ? options.metrics : "", {begin.step, begin.evaluated},
              program.precision),
      next(agenda.first(begin.step, begin.evaluated)), skipped(begin.skipped),
      skippedInARow(begin.skippedInARow), evaluated(begin.evaluated) {
  seconds.reserve(std::min<int64_t>(options.steps, 1 << 20));
  feeds.reserve(seconds.capacity());
}

void Training::run(const StopRequest &stop) {
  last = now();
  if (!world.speaks() && isatty(STDOUT_FILENO))
    OpenLine::begin(OpenLine::OfAnotherRank);
  std::optional<Work> work = next;
  for (; work && canGoOn(); work = agenda.after(*work)) {
    submitAhead(stop);
    if (collected == submitted)
      break;
    collect(*work);
  }
  isWhole = !work;
  world.mainThread().beginWait();
  executor.stop();
  world.mainThread().endWait();
  shareFailure();
  OpenLine::end();
}

/// Submits what is waited for next, and what comes after it.
void Training::submitAhead(const StopRequest &stop) {
  while (next && submitted < collected + 2 && !ends) {
    if (prepared == submitted)
      prepare(*next, stop);
    if (ends || (saves && submitted > collected)) // not all devices stand still
      return;
    if (saves)
      checkpoints->take(position());
    executor.submit();
    ++submitted;
    next = agenda.after(*next);
  }
}

int64_t Training::fill(const Work &work, StepInputs &inputs) {
  if (work.evaluates())
    return evaluation->fill(work.batch, inputs);
  inputs.evaluates = false;
  inputs.number = work.done;
  inputs.dropoutSeed = options.seed;
  return feeder.fill(work.done - begin.step, inputs);
}

void Training::prepare(const Work &work, const StopRequest &stop) {
  Nanoseconds worked = processorTime();
  StepInputs &inputs = executor.nextInputs();
  bool isStep = !work.evaluates();
  // Time alone ends no run without a step, so that a job which is started again
  // and again comes to an end.
  timeIsOver = world.speaks() && isStep && work.done > begin.step && stop.isLate();
  News mine{0, stop.isInterrupted() || timeIsOver, false,
            isStep && checkpoints && checkpoints->isDue(work.done)};
  try {
    mine.labels = fill(work, inputs);
  } catch (const std::exception &error) {
    failure = error.what(); // the steps before it are good
    mine.ends = mine.failed = true;
  }
  int64_t labels = 0;
  world.allGatherValues(mine, news);
  for (const News &rank : news) {
    labels += rank.labels;
    ends |= rank.ends;
    failed |= rank.failed;
  }
  if (ends)
    return;
  saves = news.front().saves;
  divisors[prepared % 2] = feeder.setDivisor(labels, inputs);
  if (program.updateEvery)
    setSeeds(inputs);
  inputs.optimizer = options.optimizer;
  inputs.optimizer.lr =
      learningRate(options.schedule, options.optimizer.lr, work.done, options.steps);
  inputs.clip = options.clip;
  inputs.maxBadSteps = maxBadSteps();
  ++prepared;
  if (isStep)
    feeds.push_back((processorTime() - worked) * 1e-9);
}

/// Each update divides by what counts of its own micro-batches, on whatever ranks.
void Training::setSeeds(StepInputs &inputs) {
  const std::vector<int64_t> &mine = feeder.labels();
  std::vector<int64_t> labels(program.updatesPerStep());
  for (const std::string &rank :
       world.allGather({reinterpret_cast<const char *>(mine.data()), mine.size() * sizeof(int64_t)}))
    for (size_t mb = 0; mb < mine.size(); ++mb) {
      int64_t count;
      std::memcpy(&count, rank.data() + mb * sizeof(count), sizeof(count));
      labels[program.updateOf(int64_t(mb))] += count;
    }
  inputs.updates = program.updatesPerStep();
  inputs.seeds.clear();
  for (int64_t count : labels) {
    int64_t divisor = feeder.divisorOf(count, program.updateEvery);
    inputs.seeds.push_back(divisor ? float(1.0 / double(divisor)) : 0);
  }
}

double Training::feedSeconds() const {
  std::vector<double> all = feeds;
  return median(all);
}

/// Lets all ranks know what was wrong with the data of one.
void Training::shareFailure() {
  failed |= metBadIndex;
  if (!failed)
    return;
  // No kernel writes any more what it found.
  if (std::string index = executor.describeBadIndex(); !index.empty())
    failure = joined(lastWork, ": ", index);
  failure = gatherErrors(world, failure);
}

void Training::collect(const Work &work) {
  world.mainThread().beginWait();
  StepResult result = executor.finish();
  world.mainThread().endWait();
  Nanoseconds time = result.finished - last;
  last = result.finished;
  metBadIndex = result.judgement.badIndex;
  if (work.evaluates())
    collectEvaluation(work, result.judgement, time);
  else
    collectStep(work, result.judgement, time);
  ++collected;
}

void Training::collectStep(const Work &work, const Judgement &judged, Nanoseconds time) {
  seconds.push_back(time * 1e-9);
  skipped += judged.skips;
  skippedInARow = judged.skips ? skippedInARow + 1 : 0;
  if (judged.badIndex)
    lastWork = joined(options.data, ": error: step ", done());
  if (!world.speaks())
    return;
  // Where nothing counts there is no loss to divide.
  double divisor = divisors[collected % 2] * judged.count;
  if (divisor == 0)
    divisor = 1;
  StepMetrics line{work.done + 1,
                   judged.lossSum / divisor,
                   judged.gradNorm,
                   learningRate(options.schedule, options.optimizer.lr, work.done, options.steps),
                   feeder.tokensPerStep() / seconds.back(),
                   seconds.back(),
                   executor.calls().members(),
                   judged.skips,
                   program.updateEvery ? program.updatesPerStep() : 0};
  metrics.write(line);
  progress.show(line);
}

void Training::collectEvaluation(const Work &work, const Judgement &judged, Nanoseconds time) {
  if (judged.badIndex) {
    lastWork = joined(evaluation->path(), ": error: evaluation after step ", work.done);
    return;
  }
  evaluation->add(work.batch, judged, divisors[collected % 2], time);
  if (work.batch + 1 < evaluation->batches())
    return;
  evaluated = work.done;
  if (!world.speaks())
    return;
  EvaluationMetrics line = evaluation->result(work.done);
  metrics.write(line);
  progress.show(line);
}

Outcome Training::outcome() const {
  if (failed)
    return Outcome::Failed;
  if (diverged())
    return Outcome::Diverged;
  if (!isWhole)
    return Outcome::Interrupted;
  // A run does not end well with steps that changed nothing.
  return skippedInARow ? Outcome::Diverged : Outcome::Done;
}

Position Training::position() const {
  int64_t samples = feeder.samplesPerStep() * int64_t(seconds.size());
  return {done(), skipped, skippedInARow, begin.samples + samples, evaluated};
}

std::string Training::remark() const {
  int64_t done = this->done();
  if (outcome() == Outcome::Failed)
    return failure;
  if (outcome() == Outcome::Interrupted)
    return joined(timeIsOver ? "stopped" : "interrupted", " after step ", done,
                  " of ", options.steps,
                  agenda.evaluatesAfter(done) && evaluated < done ? ", before it was evaluated"
                                                                  : "");
  if (!skipped)
    return "";
  std::string why = ": loss or gradient norm was not finite, or too large for "
                    "f32";
  if (program.updateEvery)
    return joined("error: ended at step ", done, " of ", options.steps, why,
                  "; the updates within that step are made, so that the parameters are of "
                  "no use, and not saved: go on from a checkpoint of before, if there is one");
  if (outcome() == Outcome::Done)
    return joined(skipped, " of ", done, " steps changed nothing", why);
  return joined("error: ended at step ", done, " of ", options.steps, ", since ",
                skippedInARow, " steps in a row changed nothing", why,
                "; the parameters are those after step ", done - skippedInARow,
                " (--max-bad-steps=", options.maxBadSteps, ")");
}
