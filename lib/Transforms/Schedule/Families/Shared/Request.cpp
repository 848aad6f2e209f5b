//===- Request.cpp - Whether what is asked for can be ----------------------===//

#include "lib/Transforms/Schedule/Families/Shared/Request.h"

#include "lib/Transforms/Schedule/Core/Text.h"

namespace bitpipe::schedule {

int downCount(const Request &request) {
  return request.down < 0 ? (request.microbatches + 1) / 2 : request.down;
}

/// "3 of 8 micro-batches go down".
static std::string downText(const Request &request) {
  return std::to_string(downCount(request)) + " of " +
         std::to_string(request.microbatches) + " micro-batches go down";
}

std::optional<Error> needsHalves(const Request &request) {
  if (2 * downCount(request) == request.microbatches)
    return {};
  return Error{downText(request) + ", expected half of them"};
}

std::optional<Error> checkDown(const Request &request, bool hasTwoWays) {
  if (request.down < 0)
    return {};
  if (!hasTwoWays)
    return Error{downText(request) +
                 ", expected no such number: all go the same way"};
  if (request.down > request.microbatches)
    return Error{downText(request) + ", expected 0 to " +
                 std::to_string(request.microbatches)};
  return {};
}

std::optional<Error> checkNoDown(const Request &request,
                                        const std::string &file) {
  if (request.down < 0)
    return {};
  return Error{oneLine(file) + ": " + std::to_string(request.down) +
               " micro-batches go down, expected no such number: the file says "
               "which do"};
}

/// Fails where a number of micro-batches between updates is asked of what has none.
static std::optional<Error> checkUpdateEvery(const Request &request, bool updatesBetween) {
  if (request.updateEvery == 0 || updatesBetween)
    return {};
  return Error{"updates after every " + std::to_string(request.updateEvery) +
               " micro-batches, expected no such number: one update ends the iteration"};
}

/// Fails where devices are to take turns at stages in what has no such stages.
static std::optional<Error> checkStageReplicas(const Request &request, bool sharesStages) {
  if (request.stageReplicas.empty() || sharesStages)
    return {};
  return Error{"numbers of devices that take turns at each stage, expected none: this is no "
               "schedule that shares stages out so"};
}

std::optional<Error> checkKnown(const Request &request, bool updatesBetween,
                                bool sharesStages) {
  if (std::optional<Error> wrong = checkUpdateEvery(request, updatesBetween))
    return wrong;
  return checkStageReplicas(request, sharesStages);
}

std::optional<Error> checkAgrees(const Request &request,
                                 const Placement &placement) {
  auto counts = [](int got, const char *what, int asked) {
    return Error{std::to_string(got) + " " + what + ", but " +
                 std::to_string(asked) + " are asked for"};
  };
  int devices = placement.devices(), stages = placement.stages();
  if (request.devices && request.devices != devices)
    return counts(devices, "devices", request.devices);
  if (request.microbatches && request.microbatches != placement.microbatches())
    return counts(placement.microbatches(), "micro-batches",
                  request.microbatches);
  int every = placement.updates().every;
  if (request.updateEvery && every && request.updateEvery != every)
    return counts(every, "micro-batches between updates", request.updateEvery);
  if (request.chunks && int64_t(request.chunks) * devices != stages)
    return Error{std::to_string(stages) + " stages on " +
                 std::to_string(devices) + " devices, but " +
                 std::to_string(request.chunks) + " chunks are asked for"};
  return {};
}

std::optional<Error> checkFile(const Request &request, const std::string &file,
                               const Placement &placement) {
  std::optional<Error> wrong = checkAgrees(request, placement);
  if (!wrong)
    wrong = checkKnown(request, bool(placement.updates()), false);
  return wrong ? std::optional(Error{oneLine(file) + ": " + wrong->text}) : std::nullopt;
}

} // namespace bitpipe::schedule
