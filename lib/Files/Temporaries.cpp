//===- Temporaries.cpp - Files that do not outlive the process ------------===//
//
// The list is an array of atomic pointers: a handler can walk it at any moment.
//
//===----------------------------------------------------------------------===//

#include "lib/Files/Temporaries.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace bitpipe;

static std::array<std::atomic<const char *>, 64> list;
static std::atomic<pid_t> child = 0;
static std::atomic<int> uninterrupted = 0;
static std::atomic<int> waiting = 0; // the signal that came meanwhile

static int enter(const char *path) {
  for (size_t i = 0; i < list.size(); ++i)
    if (const char *none = nullptr; list[i].compare_exchange_strong(none, path))
      return int(i);
  return -1;
}

Temporary::~Temporary() {
  if (slot < 0)
    return;
  unlink(name.c_str());
  forget();
}

void Temporary::forget() {
  list[slot] = nullptr;
  slot = -1;
}

int Temporary::create(const std::string &folder, mode_t mode) {
  static std::atomic<unsigned> count = 0;
  // Neither a name that somebody else has taken is removed, nor a new file kept.
  Uninterrupted entered;
  do {
    name = (folder.empty() ? "" : folder + "/") + ".bitpipe-" +
           std::to_string(getpid()) + "-" + std::to_string(count++);
    int file = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0)
      continue;
    slot = enter(name.c_str());
    if (slot >= 0)
      return file;
    close(file);
    unlink(name.c_str());
    errno = EMFILE;
  } while (errno == EEXIST);
  return -1;
}

void bitpipe::endWithProcess(pid_t process) { child = process; }

void bitpipe::removeTemporaries() noexcept {
  if (pid_t process = child; process > 0) {
    kill(process, SIGTERM);
    waitpid(process, nullptr, 0);
  }
  for (std::atomic<const char *> &entry : list)
    if (const char *path = entry)
      unlink(path);
}

static void die(int number) {
  removeTemporaries();
  std::signal(number, SIG_DFL);
  // It is blocked while its handler runs.
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, number);
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  raise(number);
}

/// Libraries follow null pointers where they get no memory and cannot say so.
static void crash(int number) {
  constexpr char line[] = "error: a fault of the program, or no memory where that cannot be "
                          "told (see ulimit -v): it ends with a segmentation fault\n";
  (void)!write(STDERR_FILENO, line, sizeof(line) - 1);
  die(number);
}

Uninterrupted::Uninterrupted() { ++uninterrupted; }

Uninterrupted::~Uninterrupted() {
  if (--uninterrupted == 0)
    if (int number = waiting.exchange(0))
      die(number);
}

static void onEnd(int number) {
  if (uninterrupted)
    waiting = number;
  else
    die(number);
}

static void handle(int number, void (*handler)(int)) {
  struct sigaction before, after = {};
  if (sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN)
    return;
  after.sa_handler = handler;
  after.sa_flags = SA_RESTART;
  sigaction(number, &after, nullptr);
}

void bitpipe::removeTemporariesOnSignals() {
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
    handle(number, onEnd);
  for (int number : {SIGABRT, SIGILL, SIGFPE})
    handle(number, die);
  for (int number : {SIGSEGV, SIGBUS})
    handle(number, crash);
}
