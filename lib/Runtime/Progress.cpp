//===- Progress.cpp - A line per step -------------------------------------===//

#include "lib/Runtime/Progress.h"

#include "lib/Runtime/Error.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

using namespace bitpipe;

Progress::Progress(int64_t steps, int64_t tokensPerStep,
                   const std::string &metricsPath)
    : steps(steps), tokensPerStep(tokensPerStep), path(metricsPath),
      terminal(isatty(STDOUT_FILENO)), start(now()) {
  if (path.empty())
    return;
  metrics = std::fopen(path.c_str(), "w");
  if (!metrics)
    fail(path, ": error: cannot write: ", std::strerror(errno));
}

Progress::~Progress() {
  if (metrics)
    std::fclose(metrics);
}

void Progress::writeMetrics(const StepMetrics &step) {
  std::fprintf(metrics,
               "{\"step\": %ld, \"loss\": %.9g, \"grad_norm\": %.9g, "
               "\"lr\": %.9g, \"tokens_per_second\": %.6g, "
               "\"step_seconds\": %.6g}\n",
               long(step.step), step.loss, step.gradNorm, step.lr,
               tokensPerStep / step.seconds, step.seconds);
  if (std::fflush(metrics) != 0)
    fail(path, ": error: cannot write: ", std::strerror(errno));
}

void Progress::show(const StepMetrics &step) {
  if (metrics)
    writeMetrics(step);
  constexpr Nanoseconds second = 1'000'000'000;
  Nanoseconds time = now(), pause = terminal ? second / 10 : second;
  bool edge = step.step == 1 || step.step == steps;
  if (!edge && time - lastShown < pause)
    return;
  lastShown = time;
  double left = double(time - start) / second / step.step * (steps - step.step);
  std::printf("%sstep %ld/%ld  loss %.4f  norm %.3f  lr %.2e  %.0f tokens/s  "
              "%.0f s left%s",
              terminal ? "\r" : "", long(step.step), long(steps), step.loss,
              step.gradNorm, step.lr, tokensPerStep / step.seconds, left,
              terminal ? "   " : "\n");
  std::fflush(stdout);
}

void Progress::finish() {
  if (terminal)
    std::printf("\n");
  if (!metrics)
    return;
  int closed = std::fclose(metrics);
  metrics = nullptr;
  if (closed != 0)
    fail(path, ": error: cannot write: ", std::strerror(errno));
}
