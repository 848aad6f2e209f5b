//===- bitpipe-run.cpp - Trains a compiled plan ---------------------------===//
//
// Reads the options and runs. --help lists the exit codes.
//
//===----------------------------------------------------------------------===//

#include "lib/Files/Process.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Form.h"
#include "tools/bitpipe-run/Options.h"
#include "tools/bitpipe-run/Signals.h"

#include "llvm/Support/ErrorHandling.h"

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace bitpipe;

static int exitCodeOf(Outcome outcome) {
  switch (outcome) {
  case Outcome::Done:
    return 0;
  case Outcome::Failed:
    return 1;
  case Outcome::Interrupted:
    return 3;
  case Outcome::Diverged:
    return 4;
  }
  return 1;
}

/// All ranks read the same options, of which one needs to complain.
static bool speaks() {
  try {
    return readLaunch(TransportKind::Auto, std::getenv).rank == 0;
  } catch (const UserError &) {
    return true;
  }
}

static Outcome run(int argc, char **argv) {
  Signals &signals = watchSignals();
  TrainOptions options = parseOptions(argc, argv);
  Launch launch = readLaunch(options.transport, std::getenv);
  World world = formWorld(launch, options.timeout, Watch::lost);
  Watch watch(world, options.timeout, signals.asked);
  Outcome outcome = train(options, world, watch, signals.interrupted);
  world.finish();
  return outcome;
}

/// The parser is built without exceptions.
static void onBadAlloc(void *, const char *, bool) {
  constexpr char line[] = "error: not enough memory to read the plan (see ulimit -v)\n";
  (void)!write(STDERR_FILENO, line, sizeof(line) - 1);
  _exit(1);
}

int main(int argc, char **argv) {
  prepareForFiles();
  llvm::install_bad_alloc_error_handler(onBadAlloc);
  try {
    return exitCodeOf(run(argc, argv));
  } catch (const UsageError &error) {
    if (*error.what() && speaks())
      std::fprintf(stderr, "bitpipe-run: error: %s\n", error.what());
    return 2;
  } catch (const UserError &error) {
    if (*error.what()) // else rank 0 says it
      std::fprintf(stderr, "%s\n", error.what());
  } catch (const std::bad_alloc &) {
    std::fprintf(stderr, "error: not enough memory (see ulimit -v)\n");
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
  }
  return 1;
}
