//===- Signals.h - What may not end a training -----------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_RUN_SIGNALS_H
#define BITPIPE_TOOLS_BITPIPE_RUN_SIGNALS_H

#include <atomic>

namespace bitpipe {

/// What signals have asked for.
struct Signals {
  std::atomic<bool> interrupted = false; // to end after this step
  std::atomic<bool> asked = false;       // what every rank is doing
};

/// Ctrl-C and SIGTERM interrupt; another one, a second later or more, ends the
/// process at once (a launcher passes on what the terminal has sent already).
/// SIGUSR1 asks. A closed terminal or pipe, and a limit on file sizes, end nothing:
/// whoever writes is told by an error.
Signals &watchSignals();

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_RUN_SIGNALS_H
