//===- StopRequest.h - Whether a run is to end early -----------------------===//

#ifndef BITPIPE_RUNTIME_TRAIN_STOPREQUEST_H
#define BITPIPE_RUNTIME_TRAIN_STOPREQUEST_H

#include "lib/Runtime/Execute/Recorder.h"

#include <atomic>

namespace bitpipe {

/// Asked for by a signal, or by a time from the making of this on.
class StopRequest {
public:
  /// `seconds` is 0 if no time was given.
  StopRequest(const std::atomic<bool> &interrupted, double seconds)
      : interrupted(interrupted), seconds(seconds), begin(now()) {}

  bool isInterrupted() const { return interrupted; }
  bool isLate() const {
    return seconds > 0 && double(now() - begin) >= seconds * 1e9;
  }

private:
  const std::atomic<bool> &interrupted;
  double seconds;
  Nanoseconds begin;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_STOPREQUEST_H
