//===- bitpipe-run.cpp - Trains a compiled plan ---------------------------===//
//
// Reads the options and runs. Exit code 1: something is wrong with the plan,
// the data or a file; 2: with the options.
//
//===----------------------------------------------------------------------===//

#include "lib/Files/Process.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Train.h"
#include "lib/Version/Version.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>
#include <cstdio>

using namespace bitpipe;
namespace cl = llvm::cl;

namespace {

cl::OptionCategory category("bitpipe-run options");

cl::opt<std::string> plan(cl::Positional, cl::desc("plan.mlir"), cl::Required,
                          cl::cat(category));
cl::opt<std::string> data("data", cl::value_desc("file"), cl::cat(category),
                          cl::desc(".safetensors, or tokens in .npy, .bin "
                                   "(2 bytes each, 4 if the model has more "
                                   "than 65536) or .txt (bytes)"),
                          cl::Required);
cl::opt<int64_t> steps("steps", cl::desc("how many steps to train"),
                       cl::cat(category), cl::Required);
cl::opt<double> lr("lr", cl::init(1e-3), cl::cat(category));
cl::opt<double> weightDecay("weight-decay", cl::init(0.01), cl::cat(category));
cl::opt<double> beta1("beta1", cl::init(0.9), cl::cat(category));
cl::opt<double> beta2("beta2", cl::init(0.999), cl::cat(category));
cl::opt<double> eps("eps", cl::init(1e-8), cl::cat(category));
cl::opt<double> clip("clip", cl::init(0), cl::cat(category),
                     cl::desc("largest global gradient norm (default: any)"));
cl::opt<Schedule> schedule(
    "lr-schedule", cl::init(Schedule::Constant), cl::cat(category),
    cl::desc("learning rate after the warm-up"),
    cl::values(clEnumValN(Schedule::Constant, "constant", "stays"),
               clEnumValN(Schedule::Cosine, "cosine", "half a cosine to 0"),
               clEnumValN(Schedule::Linear, "linear", "falls evenly to 0")));
cl::opt<int64_t> warmup("warmup", cl::init(0), cl::cat(category),
                        cl::desc("steps over which the learning rate rises"));
cl::opt<bool> shuffle("shuffle", cl::cat(category),
                      cl::desc("a new random order of samples per epoch"));
cl::opt<uint64_t> seed("seed", cl::init(0), cl::cat(category),
                       cl::desc("for --shuffle"));
cl::opt<std::string> metrics("metrics", cl::value_desc("file.jsonl"),
                             cl::desc("a line per step"), cl::cat(category));
cl::opt<std::string> save("save", cl::value_desc("file.safetensors"),
                          cl::desc("final parameters"), cl::cat(category));
cl::opt<std::string> load("load", cl::value_desc("file.safetensors"),
                          cl::desc("parameters to start from"),
                          cl::cat(category));
cl::opt<std::string> trace("trace", cl::value_desc("file.json"),
                           cl::desc("what each device did, for Perfetto"),
                           cl::cat(category));
cl::opt<int64_t> traceSteps("trace-steps", cl::init(8), cl::cat(category),
                            cl::desc("how many steps to trace"));
cl::opt<bool> force("force", cl::cat(category),
                    cl::desc("replace files that bitpipe did not write"));
cl::opt<std::string> device("device", cl::init("cpu"), cl::cat(category),
                            cl::desc("cpu"));
cl::opt<std::string> transport("transport", cl::init("inprocess"),
                               cl::desc("inprocess"), cl::cat(category));

std::atomic<bool> interrupted = false;

/// The first Ctrl-C ends the run after the step, a second one at once.
void onInterrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

struct UsageError : UserError {
  using UserError::UserError;
};

void expect(bool good, const std::string &option, const std::string &got,
            const std::string &expected) {
  if (!good)
    throw UsageError("error: " + option + " is " + got + ", expected " +
                     expected);
}

template <typename Option>
void expect(bool good, const Option &option, const std::string &expected) {
  expect(good, "--" + option.ArgStr.str(),
         std::to_string(option.getValue()), expected);
}

void checkOptions() {
  expect(steps >= 1, steps, "at least 1");
  expect(lr >= 0, lr, "at least 0");
  expect(weightDecay >= 0, weightDecay, "at least 0");
  expect(beta1 >= 0 && beta1 < 1, beta1, "0 or more and below 1");
  expect(beta2 >= 0 && beta2 < 1, beta2, "0 or more and below 1");
  expect(eps > 0, eps, "above 0");
  expect(clip >= 0, clip, "at least 0");
  expect(warmup >= 0, warmup, "at least 0");
  expect(traceSteps >= 1, traceSteps, "at least 1");
  expect(device == "cpu", "--device", "'" + device + "'",
         "'cpu': this bitpipe-run is built without others");
  expect(transport == "inprocess", "--transport", "'" + transport + "'",
         "'inprocess': this bitpipe-run is built without others");
}

TrainOptions readOptions() {
  checkOptions();
  TrainOptions options;
  options.plan = plan;
  options.data = data;
  options.steps = steps;
  options.optimizer = {lr, weightDecay, beta1, beta2, eps};
  options.clip = clip;
  options.schedule = schedule;
  options.warmup = warmup;
  options.shuffle = shuffle;
  options.seed = seed;
  options.metrics = metrics;
  options.save = save;
  options.load = load;
  options.trace = trace;
  options.traceSteps = traceSteps;
  options.force = force;
  return options;
}

/// LLVM's parser says what is wrong in its first line and goes on with advice.
bool parse(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &out) { out << versionText(); });
  std::string message;
  llvm::raw_string_ostream stream(message);
  if (cl::ParseCommandLineOptions(argc, argv, "Trains a compiled plan.\n",
                                  &stream))
    return true;
  llvm::StringRef first = llvm::StringRef(message).split('\n').first;
  first = first.substr(first.find(": ") + 2);
  std::fprintf(stderr, "bitpipe-run: error: %s\n", first.str().c_str());
  return false;
}

} // namespace

int main(int argc, char **argv) {
  prepareForFiles();
  if (!parse(argc, argv))
    return 2;
  std::signal(SIGINT, onInterrupt);
  std::signal(SIGTERM, onInterrupt);
  try {
    train(readOptions(), interrupted);
    return 0;
  } catch (const UsageError &error) {
    std::fprintf(stderr, "bitpipe-run: %s\n", error.what());
    return 2;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
