//===- Straight.cpp - Routes with one stage on each device -----------------===//

#include "lib/Transforms/Schedule/Families/Shared/Straight.h"

#include "lib/Transforms/Schedule/Core/Routes.h"

using namespace bitpipe::schedule;

static std::optional<Error> checkChunks(const Request &request, const std::string &hint) {
  if (request.chunks == 1)
    return {};
  return Error{std::to_string(request.chunks) + " chunks, expected 1" +
               (hint.empty() ? "" : " (" + hint + ")")};
}

ErrorOr<Placement> bitpipe::schedule::placeStraight(const Request &request,
                                                    const std::string &hint) {
  if (std::optional<Error> wrong = checkChunks(request, hint))
    return *wrong;
  return oneWay(request.devices, request.microbatches, loop(request.devices, 1));
}

ErrorOr<Placement> bitpipe::schedule::placeTwoStraight(const Request &request,
                                                       const std::string &hint) {
  if (std::optional<Error> wrong = checkChunks(request, hint))
    return *wrong;
  if (request.microbatches < 2)
    return Error{std::to_string(request.microbatches) +
                 " micro-batches, expected at least one per direction"};
  return twoWaysSpread(request.devices, request.microbatches, loop(request.devices, 1),
                       downCount(request));
}
