//===- Options.cpp - The command line of the runtime -----------------------===//
//
// LLVM's parser finds the options; their values are read here, since it takes
// an empty one (an unset variable of a shell) for 0.
//
//===----------------------------------------------------------------------===//

#include "tools/bitpipe-run/Options.h"

#include "lib/Runtime/Error.h"
#include "lib/Version/Version.h"
#include "tools/bitpipe-run/OptimizerOptions.h"
#include "tools/bitpipe-run/ValueOption.h"

#include "llvm/Support/raw_ostream.h"

#include <charconv>
#include <cstdlib>
#include <optional>

using namespace bitpipe;
namespace cl = llvm::cl;

cl::OptionCategory bitpipe::category("bitpipe-run options");

namespace {

cl::opt<std::string> plan(cl::Positional, cl::desc("plan.mlir"),
                          cl::cat(category));
ValueOption data("data", "file", "",
                 "what to train on: .safetensors, or tokens in .npy, .bin or "
                 ".txt (bytes); a folder or a pattern, as 'train_*.bin', for several "
                 "files in the order of their names");
ValueOption tokenBytes("token-bytes", "2|4", "",
                       "width of the tokens in a .bin (default: as a header of "
                       "llm.c says, else 2, or 4 if the model has more than "
                       "65536 ids)");
ValueOption steps("steps", "count", "", "how many steps to train");
ValueOption maxBadSteps("max-bad-steps", "count", "10",
                        "end after so many steps in a row that were skipped, "
                        "since loss or gradient norm was not finite");
ValueOption evalData("eval-data", "file", "",
                     "data that are not trained on, as --data: their loss is found, which changes "
                     "nothing, after the last step");
ValueOption evalEvery("eval-every", "steps", "",
                      "with --eval-data: after every so many steps, too");
ValueOption evalSteps("eval-steps", "count", "",
                      "with --eval-data: how many batches of as many samples as a step, each of "
                      "which takes its time (default: all of the file once)");
Switch shuffle("shuffle", cl::cat(category), cl::ZeroOrMore,
                      cl::desc("a new random order of samples in every epoch "
                               "(default: as in the file)"));
ValueOption seed("seed", "number", "0", "for --shuffle and dropout");
ValueOption metrics("metrics", "file.jsonl", "", "write a line of JSON per step");
ValueOption saveTo("save", "file.safetensors", "",
                   "write all parameters when the run ends, however it ends");
ValueOption load("load", "file.safetensors|index.json|folder", "",
                 "parameters to start from, of any float type, in one file or "
                 "several (default: the model's own)");
ValueOption checkpoint("checkpoint", "folder", "",
                       "keep checkpoints there: all of the training's state, at "
                       "intervals and when the run ends");
ValueOption checkpointEvery("checkpoint-every", "steps|TIME", "30m",
                            "how often: so many steps, or a time as 90s, 30m, 2h");
ValueOption keep("keep", "count", "3", "how many checkpoints stay");
Switch resume("resume", cl::cat(category), cl::ZeroOrMore,
              cl::desc("go on from the newest checkpoint; from the beginning if "
                       "there is none yet"));
Switch newData("new-data", cl::cat(category), cl::ZeroOrMore,
               cl::desc("with --resume: go on with other data than the "
                        "checkpoint's, from their first sample"));
ValueOption stopAfter("stop-after", "minutes|TIME", "",
                      "end after the step in which so much time is over, to be "
                      "continued with --resume");
ValueOption trace("trace", "file.json", "",
                  "write what each device did in the first steps, for Perfetto");
ValueOption traceSteps("trace-steps", "count", "8",
                       "how many steps to trace, at most those of the run");
Switch force("force", cl::cat(category), cl::ZeroOrMore,
             cl::desc("replace files that bitpipe did not write"));
Switch poison("poison", cl::cat(category), cl::ZeroOrMore,
                     cl::desc("for debugging: fill dead memory with NaN before "
                              "every step; results must stay the same"));
ValueOption profile("profile", "file.json", "",
                    "write what stages, messages, sums and updates took, as a file "
                    "of costs");
ValueOption costFile("cost-file", "file.json", "",
                     "what they take, in seconds and bytes: for --predict and "
                     "--device=emulated");
Switch predicts("predict", cl::cat(category), cl::ZeroOrMore,
                cl::desc("print predicted beside measured for each device, and keep "
                         "both in the trace"));
ValueOption device("device", "cpu|cuda|emulated", "",
                   "where to run: as the plan was compiled (default); emulated devices "
                   "compute nothing and take the time of --cost-file");
Switch noGraph("no-graph", cl::cat(category), cl::ZeroOrMore,
               cl::desc("on GPUs: start every kernel of every step, instead of a step "
                        "as one graph"));
Switch shareGPUs("share-gpus", cl::cat(category), cl::ZeroOrMore,
                 cl::desc("let several devices be one GPU where there are more devices "
                          "than GPUs"));
ValueOption attention("attention", "auto|cudnn|own", "auto",
                      "what computes attentions on GPUs; auto: cuDNN where it is there and can, "
                      "else own kernels; cudnn: an error where it cannot");
ValueOption epilogues("epilogues", "auto|own", "auto",
                      "what adds up bias gradients on GPUs; auto: cuBLASLt beside the product of "
                      "the weight's gradient where it can, else own kernels");
Switch timeCalls("time-calls", cl::cat(category), cl::ZeroOrMore,
                 cl::desc("on GPUs: when the run has ended, print how long every kernel, "
                          "product and attention takes by itself"));
ValueOption threads("threads", "count", "",
                    "how many threads compute for each device; with as many, the same "
                    "bits (default: the cores that the process may use, divided by its "
                    "devices)");
ValueOption transport("transport", "auto|inprocess|mpi|ucx", "auto",
                      "how devices of different processes exchange messages; auto: "
                      "as the launcher suggests, without one there is one process");
ValueOption timeout("timeout", "seconds", "300",
                    "how long to wait for other processes before giving up");

cl::extrahelp exitCodes(
    "\nExit codes:\n"
    "  0  all steps are done\n"
    "  1  something is wrong with the plan, the data or a file, or a device of "
    "this rank has failed\n"
    "  2  something is wrong with the options\n"
    "  3  ended early by Ctrl-C, SIGTERM or --stop-after, after the step, a "
    "checkpoint and --save: to be continued\n"
    "  4  ended with steps that were skipped (--max-bad-steps), after --save of "
    "the last good parameters\n"
    "  5  given up by this rank, since another one does not come (--timeout)\n");

/// Seconds of a time as 90s, 30m or 2h; nothing if it is none. `bare` is the unit
/// of a number alone, 0: it needs one.
std::optional<double> secondsOf(llvm::StringRef text, double bare) {
  double unit = text.ends_with("s")   ? 1
                : text.ends_with("m") ? 60
                : text.ends_with("h") ? 3600
                                      : 0;
  if (unit)
    text = text.drop_back();
  double value = 0;
  auto [stop, error] = std::from_chars(text.begin(), text.end(), value);
  double seconds = value * (unit ? unit : bare);
  bool good = error == std::errc() && stop == text.end() && seconds > 0 &&
              seconds <= 1e9;
  return good ? std::optional(seconds) : std::nullopt;
}

Interval readInterval() {
  const char *expected = "a number of steps, or a time as 90s, 30m or 2h";
  const std::string &text = checkpointEvery.text(expected);
  if (auto seconds = secondsOf(text, 0))
    return {0, *seconds};
  int64_t count = 0;
  if (llvm::StringRef(text).getAsInteger(10, count) || count < 1)
    checkpointEvery.refuse(expected);
  return {count, 0};
}

CheckpointOptions readCheckpoints() {
  CheckpointOptions options;
  options.folder = checkpoint.text("a folder");
  options.every = readInterval();
  options.keep = keep.count(1);
  options.resume = resume;
  options.newData = newData;
  bool asked = checkpointEvery.given() || keep.given() || resume;
  if (options.folder.empty() && asked)
    failUsage("--checkpoint is missing, expected a folder with --resume, "
              "--checkpoint-every and --keep");
  if (options.newData && !options.resume)
    failUsage("--new-data is given without --resume, expected both");
  return options;
}

/// Seconds, 0: never.
double readStop() {
  const char *expected = "minutes, or a time as 90s, 55m or 2h";
  const std::string &text = stopAfter.text(expected);
  if (text.empty())
    return 0;
  auto seconds = secondsOf(text, 60);
  if (!seconds)
    stopAfter.refuse(expected);
  return *seconds;
}

EvaluationOptions readEvaluation() {
  EvaluationOptions options;
  options.data = evalData.text("a file");
  for (const ValueOption *option : {&evalEvery, &evalSteps})
    if (option->given() && options.data.empty())
      option->refuse("none without --eval-data");
  if (evalEvery.given())
    options.every = evalEvery.count(1);
  if (evalSteps.given())
    options.steps = evalSteps.count(1);
  return options;
}

TransportKind readTransport() {
  const char *expected = "auto, inprocess, mpi or ucx";
  auto kind = transportNamed(transport.text(expected));
  if (!kind)
    transport.refuse(expected);
  return *kind;
}

AttentionChoice readAttention() {
  const char *expected = "auto, cudnn or own";
  const std::string &name = attention.text(expected);
  if (name != "auto" && name != "cudnn" && name != "own")
    attention.refuse(expected);
  return name == "auto"    ? AttentionChoice::Auto
         : name == "cudnn" ? AttentionChoice::Cudnn
                           : AttentionChoice::Own;
}

EpilogueChoice readEpilogues() {
  const char *expected = "auto or own";
  const std::string &name = epilogues.text(expected);
  if (name != "auto" && name != "own")
    epilogues.refuse(expected);
  return name == "auto" ? EpilogueChoice::Auto : EpilogueChoice::Own;
}

void readDevice(TrainOptions &options) {
  const char *expected = "cpu, cuda or emulated";
  const std::string &name = device.text(expected);
  if (!name.empty() && name != "cpu" && name != "cuda" && name != "emulated")
    device.refuse(expected);
  if (name == "emulated")
    options.device = DeviceKind::Emulated;
  else
    options.target = name;
  options.cuda = {!noGraph, shareGPUs, timeCalls, {readAttention(), readEpilogues()}};
}

/// What emulated devices need, and what they cannot give.
void checkEmulated() {
  costFile.required("what emulated devices take");
  for (const ValueOption *option : {&saveTo, &load, &checkpoint, &evalData})
    if (option->given())
      option->refuse("none with --device=emulated, which does not compute");
}

/// LLVM's parser says what is wrong in its first line and goes on with advice;
/// for some mistakes it has printed that line itself.
void parse(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &out) { out << versionText(); });
  std::string message;
  llvm::raw_string_ostream stream(message);
  if (cl::ParseCommandLineOptions(argc, argv, "Trains a compiled plan.\n", &stream))
    return;
  llvm::StringRef first = llvm::StringRef(message).split('\n').first;
  if (first.empty())
    std::exit(2);
  failUsage("", first.substr(first.find(": ") + 2).str());
}

/// 0: as the file or the model says.
int64_t readTokenBytes() {
  const char *expected = "2 or 4";
  const std::string &bytes = tokenBytes.text(expected);
  if (!bytes.empty() && bytes != "2" && bytes != "4")
    tokenBytes.refuse(expected);
  return bytes.empty() ? 0 : bytes == "2" ? 2 : 4;
}

} // namespace

TrainOptions bitpipe::parseOptions(int argc, char **argv) {
  parse(argc, argv);
  TrainOptions options;
  readDevice(options);
  options.plan = plan;
  if (options.plan.empty())
    failUsage("the plan is missing, expected bitpipe-run plan.mlir "
              "--data=FILE --steps=K");
  if (options.device == DeviceKind::Emulated)
    checkEmulated();
  else
    data.required("a file to train on");
  options.data = data.text("a file to train on");
  options.tokenBytes = readTokenBytes();
  steps.required("how many steps to train");
  options.steps = steps.count(1);
  readOptimizer(options);
  options.maxBadSteps = maxBadSteps.count(1);
  options.evaluation = readEvaluation();
  options.shuffle = shuffle;
  options.seed = seed.natural();
  options.metrics = metrics.text("a file to write");
  options.save = saveTo.text("a file to write");
  options.load = load.text("a file to read");
  options.checkpoint = readCheckpoints();
  options.stopAfter = readStop();
  options.trace = trace.text("a file to write");
  options.traceSteps = traceSteps.count(1);
  options.profile = profile.text("a file to write");
  options.costFile = costFile.text("a file to read");
  options.predict = predicts;
  if (threads.given())
    options.threads = threads.count(1, 4096);
  options.force = force;
  options.poison = poison;
  options.transport = readTransport();
  options.timeout = std::chrono::seconds(timeout.count(1, 1'000'000));
  return options;
}
