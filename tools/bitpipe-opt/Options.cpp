//===- Options.cpp - The command line of the compiler ----------------------===//

#include "tools/bitpipe-opt/Options.h"

#include "lib/Transforms/Kernels/Passes.h"
#include "lib/Transforms/Schedule/Choose/Choose.h"
#include "lib/Transforms/Schedule/Core/Costs.h"
#include "lib/Transforms/Schedule/Core/Limits.h"
#include "lib/Transforms/Schedule/Core/Text.h"
#include "lib/Transforms/Schedule/Emit/Speedup.h"
#include "lib/Transforms/Schedule/Simulate/Recompute.h"
#include "tools/bitpipe-opt/Arguments.h"
#include "tools/bitpipe-opt/OptionChecks.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <climits>
#include <cmath>

using namespace llvm;

namespace bitpipe {

void badUsage(const Twine &message) {
  errs() << "bitpipe-opt: error: " << schedule::oneLine(message.str()) << "\n";
  exit(2);
}

namespace {

std::string show(double value) {
  char text[32];
  snprintf(text, sizeof(text), "%g", value);
  return text;
}

/// "512", "64K", "1.5GiB": a number of bytes, units of 1024.
int64_t parseSize(StringRef text) {
  StringRef rest = text;
  double value = 0;
  size_t digits = rest.find_first_not_of("0123456789.");
  if (rest.substr(0, digits).getAsDouble(value))
    badUsage("--memory is '" + text + "', expected a size such as 512M or 16G");
  StringRef unit = digits == StringRef::npos ? "" : rest.substr(digits);
  unit.consume_back("B") || unit.consume_back("iB");
  unit.consume_back("i");
  int64_t scale = StringSwitch<int64_t>(unit.upper())
                      .Case("", 1)
                      .Case("K", int64_t(1) << 10)
                      .Case("M", int64_t(1) << 20)
                      .Case("G", int64_t(1) << 30)
                      .Case("T", int64_t(1) << 40)
                      .Default(0);
  if (!scale)
    badUsage("--memory is '" + text + "', expected a size such as 512M or 16G");
  value *= double(scale);
  if (!(value >= 1 && value <= double(int64_t(1) << 60)))
    badUsage("--memory is '" + text + "', expected 1 byte to 1048576T");
  return int64_t(value);
}

void parseDim(StringRef text, Options &options) {
  auto [name, value] = text.split('=');
  int64_t size = 0;
  if (name.empty() || value.getAsInteger(10, size) || size < 1)
    badUsage("--dim is '" + text + "', expected NAME=K with K at least 1");
  options.dims[name.str()] = size;
}

/// "2,1,1", or auto.
void parseStageReplicas(StringRef text, Options &options) {
  options.picksReplicas = text == "auto";
  if (text.empty() || options.picksReplicas)
    return;
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts)
    if (part.getAsInteger(10, options.stageReplicas.emplace_back()))
      badUsage("--stage-replicas is '" + part + "', expected a whole number, several with commas between, or auto");
}

std::optional<Emit> parseEmit(StringRef text) {
  return StringSwitch<std::optional<Emit>>(text)
      .Case("graph", Emit::Graph)
      .Case("stages", Emit::Stages)
      .Case("plan", Emit::Plan)
      .Case("program", Emit::Program)
      .Case("schedule", Emit::Schedule)
      .Case("timeline", Emit::Timeline)
      .Case("trace", Emit::Trace)
      .Case("report", Emit::Report)
      .Case("cuda", Emit::CUDA)
      .Case("costs", Emit::Costs)
      .Default(std::nullopt);
}

constexpr StringLiteral overview = R"(bitpipe compiler

  bitpipe-opt model.onnx --pipeline=bitpipe --devices=4 -o plan.mlir
  bitpipe-opt --pipeline=1f1b --devices=8 --microbatches=32 --emit=timeline -o 1f1b.svg

Compiles an ONNX model, or IR of any level, into a pipeline-parallel training
plan. Times are in one unit that is yours to choose, activations count stages.
MLIR's own options (--mlir-print-ir-after-all, --mlir-timing, ...) may be given,
too. With passes (--help-passes lists them) instead of the options below it is an
ordinary MLIR opt driver, whose options are in --help-hidden.
)";

/// Values that cannot be, whatever other options say.
void checkValues(const Options &options) {
  auto checkCount = [](StringRef option, int64_t count, int64_t most) {
    if (count < 1 || count > most)
      badUsage("--" + option + " is " + Twine(count) + ", expected 1 to " + Twine(most));
  };
  checkCount("devices", options.devices, schedule::mostDevices);
  for (int size : options.compareSizes)
    checkCount("microbatches", size, schedule::mostMicrobatches);
  checkCount("data-parallel", options.replicas, schedule::mostDevices);
  if (options.chunks)
    checkCount("chunks", options.chunks, schedule::mostStages / options.devices);
  if (!(options.scheduleEffort >= 0 && options.scheduleEffort <= 1000))
    badUsage("--schedule-effort is " + show(options.scheduleEffort) + ", expected 0 to 1000");
  if (!is_contained({"adamw", "sgd", "none"}, options.optimizer))
    badUsage("--optimizer is '" + options.optimizer + "', expected adamw, sgd or none");
  if (!is_contained({"fused", "decomposed"}, options.attention))
    badUsage("--attention is '" + options.attention + "', expected fused or decomposed");
  if (!is_contained({"f32", "bf16"}, options.precision))
    badUsage("--precision is '" + options.precision + "', expected f32 or bf16");
  if (!is_contained({"cpu", "cuda"}, options.target))
    badUsage("--target is '" + options.target + "', expected cpu or cuda");
  if (!is_contained({"auto", "on", "off"}, options.cubin))
    badUsage("--cubin is '" + options.cubin + "', expected auto, on or off");
  if (options.target == "cuda" && !options.arch.empty() && !isGPUArchitecture(options.arch))
    badUsage("--arch is '" + options.arch + "', expected " + gpuArchitectures);
}

/// Before a model is read, which takes longer.
template <typename Read> void checkRead(StringRef option, const Read &read) {
  if (!read)
    badUsage("--" + option + ": " + read.error().text);
}

/// How many stages there are shows later.
void checkRecompute(const Options &options) {
  StringRef text = options.recompute;
  if (text == "auto") {
    if (!options.memory)
      badUsage("--recompute is auto, expected --memory with it: how much a device has");
    if (!options.compare.empty())
      badUsage("--recompute is auto, expected none, all or a list with --compare");
    return;
  }
  checkRead("recompute", schedule::parseStageSet(text.str(), schedule::mostStages));
}

/// A number of activations, or none yet.
void parseOffload(StringRef text, Options &options) {
  options.picksOffload = text == "auto";
  bool isNumber = !text.getAsDouble(options.offload) && options.offload > 0 && std::isfinite(options.offload);
  if (!isNumber && !options.picksOffload)
    badUsage("--offload is '" + text + "', expected a number of activations above 0, or auto");
}

/// Efficiencies have the batch, too.
void takeBatch(Options &options) {
  if (options.efficiency.empty() || options.pipeline != schedule::chosenName)
    return;
  int batch = schedule::parseEfficiencies(options.efficiency)->batch;
  if (options.batch && options.batch != batch)
    badUsage("--batch is " + Twine(options.batch) + ", but --efficiency is for a batch of " + Twine(batch));
  options.batch = batch;
}

/// Options that do not go together, or not without another.
void checkTogether(const Options &options) {
  if (options.compareSizes.size() > 1 && options.compare.empty())
    badUsage("--microbatches is a list, expected one number without --compare");
  bool isChosen = options.pipeline == schedule::chosenName;
  if (!options.efficiency.empty() && !isChosen && options.emit != Emit::Report)
    badUsage("--efficiency is given, expected --emit=report with it, or --pipeline=auto");
  if (!options.compare.empty() && options.emit != Emit::Report)
    badUsage("--compare is given, expected --emit=report with it");
  if (!options.cost.empty() && !options.costFile.empty())
    badUsage("both --cost and --cost-file are given, expected one of them");
  if (!options.scheduleFile.empty() && !options.routesFile.empty())
    badUsage("both --schedule and --routes are given, expected one of them");
  bool needsModel = options.emit <= Emit::Program || options.emit >= Emit::CUDA;
  if (needsModel && options.input.empty())
    badUsage("no model, expected one, or --emit=schedule, timeline, trace or report");
  if (options.emit == Emit::Files && options.output == "-")
    badUsage("a plan is several files, expected -o plan.mlir (or --emit=KIND to print one thing)");
  for (StringRef kind : {".onnx", ".safetensors", ".so", ".ptx", ".fatbin"})
    if (StringRef(options.output).ends_with_insensitive(kind))
      badUsage("-o is '" + options.output + "', expected a name without " + kind + ", which is not what is written there (such as plan.mlir)");
}

} // namespace

bool isCompilerArgument(StringRef argument) {
  if (!argument.starts_with("-"))
    return argument.ends_with(".onnx");
  StringRef name = argument.ltrim('-').split('=').first;
  return is_contained({"pipeline", "emit", "devices", "data-parallel", "microbatches", "batch", "chunks", "down", "update-every", "stage-replicas",
                       "schedule", "routes", "activations", "balance", "offload", "recompute", "efficiency", "schedule-effort", "compare", "shard",
                       "dim", "loss", "optimizer", "train", "freeze", "attention", "precision", "target", "arch", "cubin", "cuda-path",
                       "memory", "cost", "cost-file"},
                      name);
}

bool asksToCompile(int argc, char **argv) {
  // IR and a file to write: what the other options default to makes a plan of it.
  SmallVector<StringRef> arguments(argv + 1, argv + argc);
  erase_if(arguments, [](StringRef argument) { return argument.ltrim('-') == "force"; });
  if (arguments.size() == 3 && is_contained({arguments[0], arguments[1]}, "-o"))
    return true;
  return any_of(arguments, [](StringRef argument) {
    return isCompilerArgument(argument) ||
           is_contained({"-help", "--help", "-h", "--h", "-version", "--version"}, argument);
  });
}

Options parseOptions(int argc, char **argv) {
  // LLVM's libraries register hundreds of options of their own; drop them.
  cl::ResetCommandLineParser();
  registerCommonOptions();
  cl::OptionCategory category("bitpipe-opt options");
  Options options;
  cl::opt<std::string> input(cl::Positional, cl::cat(category), cl::desc("[model.onnx | any-level.mlir]"));
  cl::opt<std::string> output("o", cl::cat(category), cl::desc("where to write; a plan needs a file, beside which are its weights and kernels (default -: standard output)"), cl::value_desc("file"), cl::init("-"));
  cl::opt<std::string> pipeline("pipeline", cl::cat(category), cl::desc("schedule, or auto for the fastest that fits, also among replicas unless --data-parallel is given (default: the fastest of bitpipe, bitpipe-published and bitpipe-zb)"), cl::value_desc("name"), cl::init(options.pipeline));
  cl::opt<std::string> schedule("schedule", cl::cat(category), cl::desc("an order from a file in PyTorch's text form, instead of --pipeline"), cl::value_desc("file.csv"));
  cl::opt<std::string> routes("routes", cl::cat(category), cl::desc("a placement from a file, one route per line, ordered by the scheduler"), cl::value_desc("file"));
  NumberOption<double> scheduleEffort("schedule-effort", cl::cat(category), cl::desc("how much is searched for a better order, where one is searched: 1 is some seconds at most, 10 ten times that (default 1)"), cl::value_desc("K"), cl::init(options.scheduleEffort));
  NumberOption<double> activations("activations", cl::cat(category), cl::desc("most live activations per device, in stages; an order that takes more is refused (default: the schedule's own)"), cl::value_desc("stages"), cl::init(0));
  cl::opt<bool> balance("balance", cl::cat(category), cl::desc("devices that hold most activations evict some to those that hold least, and load them back before their gradients, beside the runs (default: all stay; bpipe moves its own)"));
  cl::opt<std::string> offload("offload", cl::cat(category), cl::desc("most activations on a device, in stages: what is more is copied to its host's memory behind the forwards and back before the gradients, beside the runs; auto: as many as fit --memory (default: all stay)"), cl::value_desc("stages|auto"));
  cl::opt<std::string> recompute("recompute", cl::cat(category), cl::desc("stages that save nothing in their forwards and compute it again before the gradient: none, all, a list, or auto, the cheapest set that fits --memory (default none, or as the file of --schedule has it)"), cl::value_desc("0,2-3"));
  cl::opt<std::string> efficiency("efficiency", cl::cat(category), cl::desc("whether larger micro-batches would pay, with --emit=report: samples of a step, and how efficiently stages run micro-batches of several sizes"), cl::value_desc("128:1=0.38,2=0.49"));
  cl::opt<std::string> compare("compare", cl::cat(category), cl::desc("put schedules side by side in one table, with --emit=report; beside a file with routes or an order that is the first row"), cl::value_desc("names"));
  NumberOption<int> devices("devices", cl::cat(category), cl::desc("number of devices (default 4)"), cl::value_desc("D"), cl::init(options.devices));
  NumberOption<int> replicas("data-parallel", cl::cat(category), cl::desc("replicas of the pipeline: each has D/R devices and N/R micro-batches, and the order of one, also that of a file, is that of all (default 1)"), cl::value_desc("R"), cl::init(options.replicas));
  cl::list<int, bool, NumberParser<int>> microbatches("microbatches", cl::cat(category), cl::CommaSeparated, cl::desc("micro-batches per step (default 2D); several numbers with --compare"), cl::value_desc("N"));
  NumberOption<int> batch("batch", cl::cat(category), cl::desc("samples of a step, with --pipeline=auto: sizes of micro-batches are tried that divide it, and there are as many as follow"), cl::value_desc("B"), cl::init(options.batch));
  NumberOption<int> chunks("chunks", cl::cat(category), cl::desc("stages per device and direction (default: the schedule's own, such as 2 for bitpipe)"), cl::value_desc("v"), cl::init(options.chunks));
  NumberOption<int> down("down", cl::cat(category), cl::desc("micro-batches that enter on device 0 where there are two directions; the other N-K enter on the last device (default: half)"), cl::value_desc("K"), cl::init(options.down));
  NumberOption<int> updateEvery("update-every", cl::cat(category), cl::desc("micro-batches between updates of the weights, in schedules that update within a step (default: the schedule's own, such as D for pipedream-2bw)"), cl::value_desc("G"), cl::init(options.updateEvery));
  cl::opt<std::string> stageReplicas("stage-replicas", cl::cat(category), cl::desc("for pipedream-flush and those of pipedream that update within a step: of each stage how many devices take turns with its micro-batches; auto: as PipeDream chooses for the links of --cost-file"), cl::value_desc("2,1,1"));
  cl::list<std::string> dims("dim", cl::cat(category), cl::desc("size of a symbolic dimension of the model's inputs; may be given several times"), cl::value_desc("name=K"));
  cl::opt<std::string> loss("loss", cl::cat(category), cl::desc("auto, cross-entropy (on the logits), the name of an output (a loss or logits), or SUM/COUNT, two outputs (default auto)"), cl::value_desc("loss"), cl::init(options.loss));
  cl::opt<std::string> optimizer("optimizer", cl::cat(category), cl::desc("adamw, sgd or none (default adamw)"), cl::value_desc("name"), cl::init(options.optimizer));
  cl::opt<std::string> shard("shard", cl::cat(category), cl::desc("what devices that hold the same parameters keep a slice of each: optimizer, its moments, of which each steps its slice, and weights travel after the step; gradients, too; or parameters, too, which are gathered before they are needed (default none)"), cl::value_desc("none|optimizer|gradients|parameters"), cl::init(options.shard));
  NumberOption<int> devicesPerNode("devices-per-node", cl::cat(category), cl::desc("devices of a node (0 to K-1, K to 2K-1, ...), where sums over several nodes go first within each and then between them, so that less travels between nodes; 1: all at once, whatever the cost file has (default: its nodes, else all at once)"), cl::value_desc("K"), cl::init(options.devicesPerNode));
  cl::opt<std::string> train("train", cl::cat(category), cl::desc("train only the parameters whose name matches (default: as the file says)"), cl::value_desc("regex"));
  cl::opt<std::string> freeze("freeze", cl::cat(category), cl::desc("do not train the parameters whose name matches (default: none)"), cl::value_desc("regex"));
  cl::opt<std::string> attention("attention", cl::cat(category), cl::desc("fused: in one piece where it can be, without matrices of scores in memory; decomposed: as the products and softmaxes of the file (default fused)"), cl::value_desc("how"), cl::init(options.attention));
  cl::opt<std::string> precision("precision", cl::cat(category), cl::desc("of products, saved activations and messages: f32 or bf16; parameters, gradients and moments are f32 (default f32)"), cl::value_desc("type"), cl::init(options.precision));
  cl::opt<std::string> target("target", cl::cat(category), cl::desc("code for what: cpu or cuda (default cpu)"), cl::value_desc("name"), cl::init(options.target));
  cl::opt<std::string> arch("arch", cl::cat(category), cl::desc("processor to make kernels for (default: this machine's); with --target=cuda: sm_80, sm_90 or sm_100, or emulated on this machine for tests (default sm_90)"), cl::value_desc("name"));
  cl::opt<std::string> cubin("cubin", cl::cat(category), cl::desc("machine code beside the PTX of a GPU's kernels, by ptxas and fatbinary: auto, where they are found; on; or off, and the driver assembles the PTX (default auto)"), cl::value_desc("auto|on|off"), cl::init(options.cubin));
  cl::opt<std::string> cudaPath("cuda-path", cl::cat(category), cl::desc("where ptxas and fatbinary are, in this folder or its bin (default: PATH, CUDA_HOME or else /usr/local/cuda, NVIDIA's packages of the Python on PATH)"), cl::value_desc("folder"));
  cl::opt<std::string> memory("memory", cl::cat(category), cl::desc("refuse a plan that needs more on any device: bytes, or with K, M, G, T of 1024 (default: no limit)"), cl::value_desc("size"));
  cl::opt<std::string> cost("cost", cl::cat(category), cl::desc("times of forward, backward, input and weight gradient, recomputation, message, gradient sum, copy of an activation to or from the host, in one unit (default: from the model, else as shown); pair=0.8: what each takes in a pair, as a share (default: pairs run one after the other)"), cl::value_desc("F=1,B=2,I=1,W=1,R=1,comm=0,sum=0,host=0"));
  cl::opt<std::string> costFile("cost-file", cl::cat(category), cl::desc("times and sizes per stage, memory per device and links from a file, instead of --cost"), cl::value_desc("file.json"));
  cl::opt<std::string> emit("emit", cl::cat(category), cl::desc("print one thing instead of the plan: graph, stages, plan, program (IR after that level), schedule (CSV), timeline (SVG), trace (JSON for Perfetto), report (table), costs (a file of costs, from the model), cuda (C++, of a plan for GPUs)"), cl::value_desc("kind"));

  cl::opt<bool> force("force", cl::cat(category), cl::desc("replace files that bitpipe did not write"));

  cl::HideUnrelatedOptions(category);
  std::string message;
  raw_string_ostream stream(message);
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &stream)) {
    StringRef first = StringRef(message).split('\n').first;
    first.consume_front(StringRef(argv[0]));
    // A bad value of one of MLIR's options has its line already.
    if (first.empty())
      exit(2);
    badUsage(first.ltrim(": "));
  }
  for (auto &[name, option] : cl::getRegisteredOptions())
    if (option->getNumOccurrences())
      options.given.insert(name.str());
  options.input = input;
  options.output = output;
  options.force = force;
  options.pipeline = pipeline;
  options.picksFamily = !pipeline.getNumOccurrences() && schedule.empty() && routes.empty() && compare.empty();
  options.scheduleFile = schedule;
  options.routesFile = routes;
  options.scheduleEffort = scheduleEffort;
  options.activations = activations;
  options.balance = balance;
  if (offload.getNumOccurrences())
    parseOffload(offload, options);
  options.efficiency = efficiency;
  options.recompute = recompute;
  options.shard = shard;
  options.devicesPerNode = devicesPerNode;
  options.compare = compare;
  options.devices = devices;
  options.replicas = replicas;
  options.compareSizes.assign(microbatches.begin(), microbatches.end());
  if (options.compareSizes.empty())
    options.compareSizes = {int(std::min<int64_t>(2 * int64_t(devices), INT_MAX))};
  options.microbatches = options.compareSizes.front();
  options.batch = batch;
  options.chunks = chunks;
  options.down = down;
  options.updateEvery = updateEvery;
  parseStageReplicas(stageReplicas, options);
  for (const std::string &dim : dims)
    parseDim(dim, options);
  options.loss = loss;
  options.optimizer = optimizer;
  options.train = train;
  options.freeze = freeze;
  options.attention = attention;
  options.precision = precision;
  options.target = target;
  options.arch = arch;
  options.cubin = cubin;
  options.cudaPath = cudaPath;
  if (memory.getNumOccurrences())
    options.memory = parseSize(memory);
  options.cost = cost;
  options.costFile = costFile;
  if (batch.getNumOccurrences() && options.batch < 1)
    badUsage("--batch is " + Twine(options.batch) + ", expected at least 1");
  if (chunks.getNumOccurrences() && options.chunks < 1)
    badUsage("--chunks is " + Twine(options.chunks) + ", expected at least 1");
  if (updateEvery.getNumOccurrences() && options.updateEvery < 1)
    badUsage("--update-every is " + Twine(options.updateEvery) + ", expected at least 1");
  if (devicesPerNode.getNumOccurrences() && options.devicesPerNode < 1)
    badUsage("--devices-per-node is " + Twine(options.devicesPerNode) + ", expected at least 1");
  int most = *max_element(options.compareSizes);
  if (down.getNumOccurrences() && (options.down < 0 || options.down > most))
    badUsage("--down is " + Twine(options.down) + ", expected 0 to " + Twine(most) + ", the number of micro-batches");
  if (activations.getNumOccurrences() && !(options.activations > 0))
    badUsage("--activations is " + show(options.activations) + ", expected a number above 0");
  if (recompute.getNumOccurrences())
    checkRecompute(options);
  if (efficiency.getNumOccurrences())
    checkRead("efficiency", schedule::parseEfficiencies(efficiency));
  if (cost.getNumOccurrences())
    checkRead("cost", schedule::parseCosts(options.cost));
  for (const cl::opt<std::string> *file : {&schedule, &routes, &costFile})
    if (file->getNumOccurrences() && file->empty())
      badUsage("--" + file->ArgStr + " is empty, expected a file");
  if (emit.getNumOccurrences()) {
    std::optional<Emit> kind = parseEmit(emit);
    if (!kind)
      badUsage("--emit is '" + emit + "', expected graph, stages, plan, program, schedule, timeline, trace, report, cuda or costs");
    options.emit = *kind;
  }
  checkValues(options);
  takeBatch(options);
  checkTogether(options);
  checkGiven(options);
  return options;
}

} // namespace bitpipe
