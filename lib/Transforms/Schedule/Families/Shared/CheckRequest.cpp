//===- CheckRequest.cpp - What only some families can be asked for ---------===//

#include "lib/Transforms/Schedule/Families/Shared/CheckRequest.h"

using namespace bitpipe::schedule;

std::optional<Error> bitpipe::schedule::checkUpdateEvery(const Request &request,
                                                         bool updatesBetween) {
  if (request.updateEvery == 0 || updatesBetween)
    return {};
  return Error{"updates after every " + std::to_string(request.updateEvery) +
               " micro-batches, expected no such number: one update ends the iteration"};
}

std::optional<Error> bitpipe::schedule::checkStageReplicas(const Request &request,
                                                           bool sharesStages) {
  if (request.stageReplicas.empty() || sharesStages)
    return {};
  return Error{"numbers of devices that take turns at each stage, expected none: this is no "
               "schedule that shares stages out so"};
}
