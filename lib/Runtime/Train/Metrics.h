//===- Metrics.h - What is known of every step -----------------------------===//
//
// A line of JSON per step. The file is this run's alone, and whatever happens
// to the disk, it holds whole lines.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_METRICS_H
#define BITPIPE_RUNTIME_TRAIN_METRICS_H

#include <cstdint>
#include <string>

namespace bitpipe {

struct StepMetrics {
  int64_t step; // from 1
  double loss, gradNorm, lr, tokensPerSecond, seconds;
  int64_t threads; // per device
  bool notFinite;      // the loss or the gradient norm
  int64_t updatesMade; // of a step that is not finite: within it, before that was known

  /// Whether it changed nothing.
  bool isSkipped() const { return notFinite && updatesMade == 0; }
};

class MetricsFile {
public:
  /// Opens the file and leaves of it the steps up to `step`, after which the run
  /// goes on; an empty path stands for none. Every step says the precision, where it
  /// is not f32. Throws a UserError if it cannot be
  /// written, or another run writes to it.
  MetricsFile(const std::string &path, int64_t step, const std::string &precision);
  ~MetricsFile();
  MetricsFile(const MetricsFile &) = delete;
  MetricsFile &operator=(const MetricsFile &) = delete;

  /// A failure is a warning, after which nothing more is written.
  void write(const StepMetrics &step);

private:
  bool keepUntil(int64_t step);
  void giveUp();

  std::string path, tail; // what every line ends with
  int file = -1;
  int64_t written = 0; // bytes, in whole lines
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_METRICS_H
