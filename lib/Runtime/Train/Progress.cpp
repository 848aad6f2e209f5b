//===- Progress.cpp - A line per step -------------------------------------===//

#include "lib/Runtime/Train/Progress.h"

#include "lib/Runtime/EndProcess.h"

#include <cmath>
#include <cstdio>
#include <unistd.h>

using namespace bitpipe;

Progress::Progress(int64_t done, int64_t steps)
    : begin(done), steps(steps), terminal(isatty(STDOUT_FILENO)), start(now()) {}

static std::string markOf(const StepMetrics &step) {
  if (step.isSkipped())
    return "  skipped";
  return step.notFinite ? "  not finite, " + std::to_string(step.updatesMade) + " updates made" : "";
}

/// A NaN has a sign, which says nothing.
static double unsignedNaN(double value) { return std::isnan(value) ? std::abs(value) : value; }

void Progress::show(const StepMetrics &step) {
  constexpr Nanoseconds second = 1'000'000'000;
  Nanoseconds time = now(), pause = terminal ? second / 10 : second;
  bool edge = step.step == begin + 1 || step.step == steps || step.notFinite != notFinite;
  notFinite = step.notFinite;
  if (!edge && time - lastShown < pause)
    return;
  lastShown = time;
  double left = double(time - start) / second / (step.step - begin) *
                (steps - step.step);
  std::printf("%sstep %ld/%ld  loss %.4f  norm %.3f  lr %.2e  %.0f tokens/s  "
              "%.0f s left%s%s",
              terminal ? "\r" : "", long(step.step), long(steps), unsignedNaN(step.loss),
              unsignedNaN(step.gradNorm), step.lr, step.tokensPerSecond, left,
              markOf(step).c_str(), terminal ? "   " : "\n");
  std::fflush(stdout);
  if (terminal)
    OpenLine::begin(OpenLine::Mine);
}

/// In a line of its own, which stays.
void Progress::show(const EvaluationMetrics &evaluation) {
  OpenLine::end();
  std::printf("step %ld/%ld  evaluation loss %.4f  %.1f s\n", long(evaluation.step), long(steps),
              unsignedNaN(evaluation.loss), evaluation.seconds);
  std::fflush(stdout);
}
