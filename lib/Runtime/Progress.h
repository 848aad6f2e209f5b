//===- Progress.h - A line per step ---------------------------------------===//
//
// On a terminal one line that changes, otherwise plain lines, seldom enough to
// read; and every step into the metrics file.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_PROGRESS_H
#define BITPIPE_RUNTIME_PROGRESS_H

#include "lib/Runtime/Recorder.h"

#include <cstdio>
#include <string>

namespace bitpipe {

struct StepMetrics {
  int64_t step; // from 1
  double loss, gradNorm, lr, seconds;
};

class Progress {
public:
  /// `metrics` is a path, or empty.
  Progress(int64_t steps, int64_t tokensPerStep, const std::string &metrics);
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  void show(const StepMetrics &step);
  /// Ends the line on a terminal and checks that all metrics are written.
  void finish();

private:
  void writeMetrics(const StepMetrics &step);

  int64_t steps, tokensPerStep;
  std::string path;
  std::FILE *metrics = nullptr;
  bool terminal;
  Nanoseconds start, lastShown = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PROGRESS_H
