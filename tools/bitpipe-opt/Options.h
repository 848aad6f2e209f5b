//===- Options.h - The command line of the compiler ------------------------===//
//
// What a user may say to bitpipe-opt when it compiles (as opposed to running
// single passes), with its defaults.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_OPTIONS_H
#define BITPIPE_TOOLS_BITPIPE_OPT_OPTIONS_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bitpipe {

/// What bitpipe-opt prints: one level of IR, one view of the schedule, a program in C++,
/// a file of costs, or the whole plan with its files.
enum class Emit { Graph, Stages, Plan, Program, Schedule, Timeline, Trace, Report, CUDA, Costs, Files };

struct Options {
  std::string input;             // empty: no model
  std::string output = "-";
  std::string pipeline = "bitpipe";
  bool picksFamily = false;      // no schedule is named: `pipeline` is still to be decided
  std::string scheduleFile;      // an order from a file, instead of `pipeline`
  std::string routesFile;        // a placement from a file, to be ordered
  double scheduleEffort = 1;     // how much is searched for a better order
  std::string shard = "none";    // what those that hold the same keep slices of
  double activations = 0;        // most live ones per device, 0: the schedule's
  bool balance = false;          // devices that hold more evict to those that hold less
  double offload = 0;            // activations above which devices evict to their hosts; 0: none
  bool picksOffload = false;     // --offload=auto, until it is decided
  std::string recompute;         // none, all, auto, "0,2-3"; empty: as the order's file has it
  std::string efficiency;        // "128:1=0.38,2=0.49": of sizes of micro-batches
  std::string compare;           // names of schedules to put side by side
  std::vector<int> compareSizes; // numbers of micro-batches to compare at
  int64_t devices = 4;
  int64_t replicas = 1;          // pipelines that share devices and micro-batches
  int64_t microbatches = 0;      // 0: twice the devices
  int64_t batch = 0;             // samples of a step, in micro-batches of a size to be chosen; 0: not told
  std::string batchDim;          // the model's dimension whose size that is, once it is known
  int64_t chunks = 0;            // 0: the schedule's own number
  int64_t down = -1;             // micro-batches that go down, -1: half
  std::vector<int> stageReplicas; // devices that take turns at each stage, empty: one each
  bool picksReplicas = false;     // which are still to be chosen
  std::vector<int64_t> stageBegins; // by the model's nodes, where they were chosen, too
  int64_t updateEvery = 0;       // micro-batches between updates, 0: the schedule's own
  std::map<std::string, int64_t> dims;
  std::string loss = "auto";
  int64_t devicesPerNode = 0;    // within which sums go first, 0: as the cost file has it
  std::string optimizer = "adamw";
  std::string train, freeze;     // regular expressions, empty: as the file says
  std::string attention = "fused";
  std::string precision = "f32"; // or bf16
  std::string target = "cpu";    // or cuda
  std::string arch;              // empty: this machine; a GPU's for cuda
  std::string cubin = "auto";    // machine code in a GPU's kernels: on, off, or if it can be had
  std::string cudaPath;          // folder of ptxas and fatbinary, or above; empty: looked for
  std::optional<int64_t> memory; // bytes per device
  std::string cost;              // "F=1,B=2,…", empty: from the model
  std::string costFile;          // all costs from a file, instead of `cost`
  Emit emit = Emit::Files;
  bool force = false;            // replace files that bitpipe did not write
  std::set<std::string> given;   // the names of the options on the command line
};

/// Whether an argument is for the compiler alone: one of its options, or a model.
bool isCompilerArgument(llvm::StringRef argument);

/// Whether these arguments ask for compiling; otherwise bitpipe-opt is an
/// ordinary MLIR opt driver.
bool asksToCompile(int argc, char **argv);

/// Reads the arguments. Bad usage prints one line and exits with code 2.
Options parseOptions(int argc, char **argv);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_OPTIONS_H
