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
#include <string_view>

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

struct EvaluationMetrics {
  int64_t step; // after which
  double loss;
  int64_t samples;
  double seconds;
};

class MetricsFile {
public:
  /// The last lines that stay of a file.
  struct Kept {
    int64_t step, evaluated; // of steps, of evaluations after them
  };

  /// Opens the file and leaves of it the lines up to those after which the run
  /// goes on; an empty path stands for none. Every step says the precision, where it
  /// is not f32. Throws a UserError if it cannot be
  /// written, or another run writes to it.
  MetricsFile(const std::string &path, const Kept &kept, const std::string &precision);
  ~MetricsFile();
  MetricsFile(const MetricsFile &) = delete;
  MetricsFile &operator=(const MetricsFile &) = delete;

  /// A failure is a warning, after which nothing more is written.
  void write(const StepMetrics &step);
  void write(const EvaluationMetrics &evaluation);

private:
  bool keep(const Kept &kept);
  void writeLine(std::string_view line);
  void giveUp();

  std::string path, tail; // what every line ends with
  int file = -1;
  int64_t written = 0; // bytes, in whole lines
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_METRICS_H
