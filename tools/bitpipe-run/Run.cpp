//===- Run.cpp - A run, from its arguments to its exit code -------------------===//

#include "tools/bitpipe-run/Run.h"

#include "lib/Files/Process.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/Agree.h"
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

/// Launchers end all ranks as soon as one has failed: the one that complains comes first, and
/// the others wait for a signal.
static void complain(const UsageError &error) {
  if (speaks())
    std::fprintf(stderr, "bitpipe-run: error: %s\n", error.what());
  else
    sleep(2);
}

constexpr const char *atTheEnd = "other ranks have not come to the end";

/// A printed program does the steps of GPUs, and times none of its calls.
static void checkPrinted(const TrainOptions &options) {
  auto refuse = [](bool given, const char *option) {
    if (given)
      failUsage(option, " is given to a printed program, expected bitpipe-run for it");
  };
  refuse(options.device == DeviceKind::Emulated, "--device=emulated");
  refuse(options.target == "cpu", "--device=cpu");
  refuse(options.poison, "--poison");
  refuse(!options.trace.empty(), "--trace");
  refuse(!options.profile.empty(), "--profile");
  refuse(options.predict, "--predict");
}

static int run(int argc, char **argv, const printed::Table *printed) {
  TrainOptions options = parseOptions(argc, argv); // whose help may go to a pipe that nobody reads
  Signals &signals = watchSignals();
  if (printed) {
    checkPrinted(options);
    options.target = "cuda";
    options.cuda.printed = printed;
  }
  Launch launch = readLaunch(options.transport, std::getenv);
  World world = formWorld(launch, options.timeout, Watch::lost);
  Watch watch(world, options.timeout, signals.asked);
  try {
    Outcome outcome = train(options, world, watch, signals.interrupted);
    Deadline deadline(options.timeout, world.rank(), atTheEnd);
    world.finish();
    return exitCodeOf(outcome);
  } catch (const AgreedError &error) {
    if (world.speaks())
      std::fprintf(stderr, "%s%s\n", error.usage ? "bitpipe-run: error: " : "",
                   error.what());
    watch.stop();
    Deadline deadline(options.timeout, world.rank(), atTheEnd);
    world.barrier(); // launchers end all as soon as the first has ended
    world = World(); // nothing comes any more for what the watch had asked
    return error.usage ? 2 : 1;
  }
}

/// The parser is built without exceptions.
static void onBadAlloc(void *, const char *, bool) {
  constexpr char line[] = "error: not enough memory to read the plan (see ulimit -v)\n";
  (void)!write(STDERR_FILENO, line, sizeof(line) - 1);
  _exit(1);
}

int bitpipe::runTool(int argc, char **argv, const printed::Table *printed) {
  prepareForFiles();
  llvm::install_bad_alloc_error_handler(onBadAlloc);
  try {
    return run(argc, argv, printed);
  } catch (const UsageError &error) {
    complain(error);
    return 2;
  } catch (const NetworkError &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return lostRankExit;
  } catch (const UserError &error) {
    std::fprintf(stderr, "%s\n", error.what());
  } catch (const std::bad_alloc &) {
    std::fprintf(stderr, "error: not enough memory (see ulimit -v)\n");
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
  }
  return 1;
}
