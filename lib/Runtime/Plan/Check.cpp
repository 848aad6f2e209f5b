//===- Check.cpp - What the executor relies on ----------------------------===//

#include "lib/Runtime/Plan/Check.h"

#include "lib/Runtime/ABI.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Hash.h"
#include "lib/Runtime/Plan/CheckDevice.h"
#include "lib/Runtime/Plan/CheckShards.h"
#include "lib/Runtime/Plan/CheckVersions.h"
#include "lib/Runtime/Plan/Checked.h"

#include <algorithm>
#include <limits>
#include <set>

using namespace bitpipe;

static void checkFile(const Program &program, const char *what,
                      const std::string &path, const std::string &expected) {
  auto got = hashFile(path);
  if (!got)
    fail(path, ": error: cannot read the ", what, " of ", program.path);
  if (*got != expected)
    fail(path, ": error: the ", what, " do not belong to ", program.path,
         ": hash is ", *got, ", expected ", expected);
}

/// Sizes of the inputs, which the samples of a step are read into.
static void checkInputs(const Program &program) {
  if (program.inputs.empty())
    fail(program.path, ": error: the model has no inputs");
  Checked perStep = 0;
  for (const ModelInput &input : program.inputs) {
    if (input.type.shape.empty() || std::ranges::min(input.type.shape) < 1 ||
        input.type.shape.front() != program.samples())
      fail(program.path, ": error: input '", input.name, "' has shape ",
           listText(input.type.shape),
           ", expected sizes of at least 1 and as many samples along axis 0 as "
           "the first input");
    if (input.bound >= 0 && input.lowest >= input.bound)
      fail(program.path, ": error: input '", input.name, "' takes values from ",
           input.lowest, " to below ", input.bound, ", expected some");
    perStep = perStep + Checked(input.type.bytes() + abi::alignment) *
                            program.microbatches;
  }
  if (!perStep.within(std::numeric_limits<int64_t>::max() / 4))
    fail(program.path, ": error: the inputs of a step of ", program.microbatches,
         " micro-batches do not fit into memory");
  if (program.labels < 0)
    return;
  ElementType labels = program.inputs[program.labels].type.element;
  if (labels != ElementType::I64 && labels != ElementType::I32)
    fail(program.path, ": error: the labels are ", nameOf(labels),
         ", expected I64 or I32");
}

static void checkTraining(const Program &program) {
  if (program.target != "cpu" && program.target != "cuda")
    fail(program.path, ": error: plan is for target '", program.target,
         "', expected cpu or cuda");
  if (program.microbatches < 1)
    fail(program.path, ": error: ", program.microbatches,
         " micro-batches, expected at least 1");
  checkInputs(program);
  if (program.loss == "labels" && program.labels < 0)
    fail(program.path, ": error: loss 'labels', but no input holds labels");
  if (program.loss != "labels" && program.loss != "microbatches" &&
      program.loss != "counts")
    fail(program.path, ": error: loss is '", program.loss,
         "', expected 'labels', 'microbatches' or 'counts'");
  if (program.precision != "f32" && program.precision != "bf16")
    fail(program.path, ": error: precision is '", program.precision,
         "', expected f32 or bf16");
  if (program.optimizer != "adamw" && program.optimizer != "sgd" &&
      program.optimizer != "none")
    fail(program.path, ": error: optimizer is '", program.optimizer,
         "', expected adamw, sgd or none");
}

/// Every micro-batch has its loss in one place.
static void checkLosses(const Program &program) {
  std::vector<int64_t> losses;
  for (const DeviceList &device : program.devices)
    for (const Slot &slot : device.slots)
      if (slot.source == SlotSource::Loss)
        losses.push_back(slot.microbatch);
  std::ranges::sort(losses);
  for (int64_t mb = 0; mb < program.microbatches; ++mb) {
    int64_t found = std::ranges::count(losses, mb);
    if (found != 1) // at the latest behind the last loss
      fail(program.path, ": error: micro-batch ", mb, " has ", found,
           " loss slots, expected 1");
  }
}

/// A file of parameters has one tensor of a name.
static void checkNames(const Program &program) {
  std::set<std::string> names;
  auto add = [&](const std::string &name) {
    if (!names.insert(name).second)
      fail(program.path, ": error: two parameters are saved as '", name,
           "', expected a name for each");
  };
  for (const Parameter &parameter : program.parameters) {
    add(parameter.name);
    for (const std::string &alias : parameter.aliases)
      add(alias);
  }
}

/// How many stages are run, by any device.
static int64_t countStages(const Program &program) {
  std::set<int64_t> stages;
  for (const DeviceList &device : program.devices)
    for (const Instruction &op : device.instructions)
      if (auto *run = std::get_if<Execute>(&op))
        stages.insert(run->run.stage);
  return int64_t(stages.size());
}

void bitpipe::checkProgram(const Program &program) {
  checkTraining(program);
  checkNames(program);
  checkRoutines(program);
  if (program.devices.empty())
    fail(program.path, ": error: the plan has no device");
  int64_t stages = countStages(program);
  int64_t every = program.updateEvery;
  if (every < 0 || (every && program.microbatches % every))
    fail(program.path, ": error: updates after every ", every, " micro-batches, expected a "
         "divisor of ", program.microbatches);
  for (size_t i = 0; i < program.devices.size(); ++i)
    checkDevice(program, i, stages);
  checkShards(program);
  checkVersions(program);
  checkLosses(program);
}

void bitpipe::checkFiles(const Program &program) {
  checkFile(program, "weights", program.weightsPath, program.weightsHash);
  checkFile(program, "kernels", program.kernelsPath, program.kernelsHash);
}
