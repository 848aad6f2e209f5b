//===- SumTime.cpp - What devices do together, in words --------------------===//

#include "lib/Transforms/Schedule/Simulate/SumTime.h"

using namespace bitpipe::schedule;

static std::string stagesText(const SumTime &sum) {
  std::string text = sum.stages.size() > 1 ? "stages " : "stage ";
  for (size_t i = 0; i < sum.stages.size(); ++i)
    text += (i == 0                       ? ""
             : i + 1 == sum.stages.size() ? " and "
                                          : ", ") +
            std::to_string(sum.stages[i]);
  return text;
}

std::string bitpipe::schedule::toString(const SumTime &sum) {
  return "sum of gradients of " + stagesText(sum);
}

std::string bitpipe::schedule::gatherText(const SumTime &gather) {
  return "gather of weights of " + stagesText(gather);
}
