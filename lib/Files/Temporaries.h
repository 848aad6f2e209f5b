//===- Temporaries.h - Files that do not outlive the process --------------===//
//
// What is on the disk only while something is under way is listed here, so that
// a signal that ends the process can take it away.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_FILES_TEMPORARIES_H
#define BITPIPE_FILES_TEMPORARIES_H

#include <string>
#include <sys/types.h>

namespace bitpipe {

/// A file that goes with this object, or with the process.
class Temporary {
public:
  Temporary() = default;
  ~Temporary();
  Temporary(const Temporary &) = delete;
  Temporary &operator=(const Temporary &) = delete;

  /// Makes a new file in a folder (empty: the current one) under a short name
  /// of its own and opens it for writing; -1 with errno if the system refuses.
  int create(const std::string &folder, mode_t mode);
  /// The file has become something else: it stays.
  void forget();
  const std::string &path() const { return name; }

private:
  std::string name;
  int slot = -1; // in the list, or -1: nothing is to be removed
};

/// While one of these lives, a signal that would end the process waits.
class Uninterrupted {
public:
  Uninterrupted();
  ~Uninterrupted();
  Uninterrupted(const Uninterrupted &) = delete;
  Uninterrupted &operator=(const Uninterrupted &) = delete;
};

/// A child process that a signal ends, too, and before the files are removed
/// that it may still write; 0: none any more.
void endWithProcess(pid_t child);

/// Removes every temporary file. May be called from a signal handler.
void removeTemporaries() noexcept;

/// From now on the signals that end a process (SIGINT, SIGTERM, SIGHUP, SIGQUIT
/// and those of a crash) remove the temporary files first. Signals that the
/// process was started to ignore stay ignored.
void removeTemporariesOnSignals();

} // namespace bitpipe

#endif // BITPIPE_FILES_TEMPORARIES_H
