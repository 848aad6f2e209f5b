//===- RunFiles.cpp - The files that a run reads and writes ----------------===//

#include "lib/Runtime/Train/RunFiles.h"

#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"
#include "lib/Runtime/Data/DataFiles.h"
#include "lib/Runtime/Error.h"

#include <filesystem>

using namespace bitpipe;
namespace fs = std::filesystem;

namespace {
struct RunFile {
  std::string what, path;
  FileKind kind = FileKind::Unmarked;
};
} // namespace

/// Where a path leads, though there may be nothing yet.
static fs::path resolved(fs::path path) {
  std::error_code none;
  // A chain of links longer than the system follows leads nowhere.
  for (int i = 0; i < 40 && fs::is_symlink(path, none); ++i)
    path = path.parent_path() / fs::read_symlink(path, none);
  fs::path whole = fs::weakly_canonical(fs::absolute(path, none), none);
  return whole.empty() ? path : whole;
}

static bool areSame(const std::string &a, const std::string &b) {
  std::error_code none; // a file that is not there is no other's
  return fs::equivalent(a, b, none) || resolved(a) == resolved(b);
}

static void refuseSame(const RunFile &output, const RunFile &other,
                       const char *verb) {
  if (!other.path.empty() && areSame(output.path, other.path))
    failUsage(output.what, " is '", output.path, "', which ", other.what, " ",
              verb, ", expected another file to write to");
}

/// What is written among data would be taken for some by the next run.
static void refuseAmongData(const RunFile &output, const RunFile &data) {
  if (!data.path.empty() && wouldBeData(data.path, output.path))
    failUsage(output.what, " is '", output.path, "', which would be one of the files of ", data.what,
              "=", data.path, ", expected another place to write to");
}

void bitpipe::checkRunFiles(const TrainOptions &options,
                            const Program &program) {
  std::vector<RunFile> inputs = {{"this run", options.plan},
                                 {"--load", options.load},
                                 {"--cost-file", options.costFile},
                                 {"this run", program.weightsPath},
                                 {"this run", program.kernelsPath}};
  const RunFile given[] = {{"--data", options.data}, {"--eval-data", options.evaluation.data}};
  for (const RunFile &data : given)
    if (!data.path.empty())
      for (const std::string &file : dataFiles(data.path))
        inputs.push_back({data.what, file});
  const RunFile outputs[] = {{"--save", options.save, FileKind::Weights},
                             {"--metrics", options.metrics, FileKind::Metrics},
                             {"--trace", options.trace, FileKind::Trace},
                             {"--profile", options.profile, FileKind::Profile}};
  for (const RunFile &output : outputs) {
    if (output.path.empty())
      continue;
    for (const RunFile &input : inputs)
      refuseSame(output, input, "reads");
    for (const RunFile &data : given)
      refuseAmongData(output, data);
    for (const RunFile *other = outputs; other != &output; ++other)
      refuseSame(output, *other, "writes");
    refuseSame(output, {"--checkpoint", options.checkpoint.folder}, "fills");
    if (!options.force)
      refuseToReplace(output.path, output.kind);
  }
  // The metrics are opened when the run begins, and stay open.
  for (const std::string &path : {options.save, options.trace, options.profile})
    if (!path.empty())
      OutputFile probe(path);
}
