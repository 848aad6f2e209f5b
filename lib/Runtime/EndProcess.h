//===- EndProcess.h - The end of a process whose threads cannot be joined -----===//
//
// What one rank meets alone ends its process on the spot: its other threads wait for devices
// and ranks that do not come any more, so that whoever unwinds the stack would wait with
// them. Others learn of it since the process has ended (Watch/).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_ENDPROCESS_H
#define BITPIPE_RUNTIME_ENDPROCESS_H

#include <string>

namespace bitpipe {

/// Prints a text, lines that end in '\n', to standard error, removes temporary files and ends
/// the process. Of several threads the first one does; the others stay here until then.
[[noreturn]] void endProcess(int exitCode, const std::string &text) noexcept;

/// A line of standard output on a terminal that is written over and over, and not ended yet.
class OpenLine {
public:
  enum Whose { None, Mine, OfAnotherRank };
  /// That of another rank may stand on the terminal that this one writes to, too.
  static void begin(Whose whose) noexcept;
  /// Ends it, if it is this rank's, so that what comes next has a line of its own.
  static void end() noexcept;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_ENDPROCESS_H
