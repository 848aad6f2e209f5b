//===- Metrics.cpp - What is known of every step ---------------------------===//

#include "lib/Runtime/Train/Metrics.h"

#include "lib/Runtime/Error.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace bitpipe;

MetricsFile::MetricsFile(const std::string &path, const Kept &kept,
                         const std::string &precision)
    : path(path) {
  if (precision != "f32")
    tail = ", \"precision\": \"" + precision + "\"";
  if (path.empty())
    return;
  file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  struct stat status;
  bool regular = file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  // A terminal or a pipe may have many writers, a file of lines only one.
  bool mine = file >= 0 && (!regular || flock(file, LOCK_EX | LOCK_NB) == 0);
  bool taken = file >= 0 && !mine && errno == EWOULDBLOCK;
  if (mine && (!regular || keep(kept)))
    return;
  int why = errno;
  if (file >= 0)
    close(file); // a constructor that throws runs no destructor
  if (taken)
    fail(path, ": error: another run writes its metrics there, expected a file "
               "for each run");
  fail(path, ": error: cannot write: ", std::strerror(why));
}

/// Cuts off what a run wrote after its last checkpoint, maybe half a line.
bool MetricsFile::keep(const Kept &kept) {
  std::ifstream lines(path);
  std::string line;
  for (long long number; kept.step > 0 && std::getline(lines, line) && !lines.eof() &&
                         std::sscanf(line.c_str(), "{\"step\": %lld,", &number) == 1;) {
    bool evaluates = line.find("\"eval_loss\"") != line.npos;
    if (number > (evaluates ? kept.evaluated : kept.step))
      break;
    written += int64_t(line.size()) + 1;
  }
  return ftruncate(file, written) == 0 && lseek(file, written, SEEK_SET) >= 0;
}

MetricsFile::~MetricsFile() {
  if (file >= 0)
    close(file);
}

namespace {
/// A number as JSON has it, which knows no infinity and no NaN.
struct Number {
  char text[32] = "null";
  Number(double value, int digits) {
    if (std::isfinite(value))
      std::snprintf(text, sizeof(text), "%.*g", digits, value);
  }
};
} // namespace

/// What a step that is not finite did.
static std::string markOf(const StepMetrics &step) {
  if (step.isSkipped())
    return ", \"skipped\": true";
  if (step.notFinite)
    return ", \"not_finite\": true, \"updates_made\": " + std::to_string(step.updatesMade);
  return "";
}

void MetricsFile::write(const StepMetrics &step) {
  char line[352];
  std::snprintf(
      line, sizeof(line),
      "{\"step\": %lld, \"loss\": %s, \"grad_norm\": %s, \"lr\": %s, "
      "\"tokens_per_second\": %s, \"step_seconds\": %s, \"threads\": %lld%s%s}\n",
      static_cast<long long>(step.step), Number(step.loss, 9).text,
      Number(step.gradNorm, 9).text, Number(step.lr, 9).text,
      Number(step.tokensPerSecond, 6).text, Number(step.seconds, 6).text,
      static_cast<long long>(step.threads), markOf(step).c_str(),
      tail.c_str());
  writeLine(line);
}

void MetricsFile::write(const EvaluationMetrics &evaluation) {
  char line[256];
  std::snprintf(line, sizeof(line),
                "{\"step\": %lld, \"eval_loss\": %s, \"eval_samples\": %lld, "
                "\"eval_seconds\": %s%s}\n",
                static_cast<long long>(evaluation.step), Number(evaluation.loss, 9).text,
                static_cast<long long>(evaluation.samples), Number(evaluation.seconds, 6).text,
                tail.c_str());
  writeLine(line);
}

void MetricsFile::writeLine(std::string_view line) {
  if (file < 0)
    return;
  // A full disk takes a part of the line, and says why with the next one.
  for (size_t done = 0; done < line.size();) {
    ssize_t more = ::write(file, line.data() + done, line.size() - done);
    if (more < 0)
      return giveUp();
    done += size_t(more);
  }
  written += int64_t(line.size());
}

void MetricsFile::giveUp() {
  warn(path, ": cannot write: ", std::strerror(errno),
       ": the training goes on without metrics");
  // Half a line would make the file unreadable.
  (void)!ftruncate(file, written);
  close(file);
  file = -1;
}
