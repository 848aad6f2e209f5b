//===- Signals.h - What may not end a training -----------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_RUN_SIGNALS_H
#define BITPIPE_TOOLS_BITPIPE_RUN_SIGNALS_H

#include <atomic>

namespace bitpipe {

/// Ctrl-C and SIGTERM set the result; a second one ends the process at once.
/// A closed terminal or pipe, and a limit on file sizes, end nothing: whoever
/// writes is told by an error.
const std::atomic<bool> &watchSignals();

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_RUN_SIGNALS_H
