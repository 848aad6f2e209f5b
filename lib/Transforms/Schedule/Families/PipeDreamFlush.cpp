//===- PipeDreamFlush.cpp - 1F1B over stages that several devices share -----===//
//
// Narayanan et al., Memory-Efficient Pipeline-Parallel DNN Training, 2020: 1F1B with one
// version of the weights. Where each stage has one device it is `1f1b`, and has a name here for
// stages that several devices share.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Families/Shared/Registry.h"
#include "lib/Transforms/Schedule/Families/Shared/SharedStages.h"

using namespace bitpipe::schedule;

static ErrorOr<Placement> place(const Request &request) {
  ErrorOr<SharedStages> stages = SharedStages::of(request);
  if (!stages)
    return stages.error();
  if (!stages->isShared())
    return Error{"one device at each stage, expected --stage-replicas with more at some (else "
                 "it is '1f1b')"};
  return stages->place(request.microbatches);
}

static ErrorOr<Ordered> order(const Request &request, const Placement &) {
  ErrorOr<SharedStages> stages = SharedStages::of(request);
  if (!stages)
    return stages.error();
  return Ordered(stages->order(request.microbatches, stages->underWay()));
}

std::vector<Family> bitpipe::schedule::file::PipeDreamFlush() {
  Family result{"pipedream-flush", "1F1B over stages that several devices share", 1, place,
                order};
  result.sharesStages = true;
  return {result};
}
