//===- Choose.h - The fastest schedule that fits -----------------*- C++ -*-===//
//
// Every family that there is for the devices and micro-batches, in every number of
// chunks that is tried, beside every number of replicas: each is ordered and simulated
// for the costs at hand, as --compare does. What is proven to be slower than those that
// will be shown is not ordered at all. Where memory lacks, the same order is tried with
// slices of more and more and with activations that move. Where plans can be laid out, the layout
// has the last word on each by itself.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_CHOOSE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_CHOOSE_H

#include "lib/Transforms/Schedule/Choose/Candidate.h"

namespace bitpipe::schedule {

/// The name under which a family is chosen, which is none itself.
constexpr const char *chosenName = "auto";

struct Choice {
  /// The fastest ones that fit, the chosen one first; of equally fast ones that with less
  /// put into it, memory, weights and messages.
  std::vector<Candidate> fitting;
  /// Those without the memory, what lacks least first.
  std::vector<Candidate> exceeding;
  /// How many there are, how many of these are proven to be slower than all of
  /// `fitting`, and how many were laid out.
  size_t count = 0, slower = 0, laidOut = 0;
  /// Samples of a step, where sizes of micro-batches were tried, else 0.
  int batch = 0;
  /// The option that gives the model that size, which follows; empty where there is none.
  std::string sizeOption;
  /// What memory is counted in, and whether it is limited.
  std::string sizeUnit;
  bool isLimited = false;
};

/// How many are shown, and how many of those that lack memory.
constexpr size_t mostShown = 10, mostExceeding = 5;

/// The request's family is whatever it says; `replicas` and `chunks` are 0 for any. Fails if
/// nothing is possible, and, with the smallest need, if nothing fits.
ErrorOr<Choice> choose(const Request &base, const Scope &scope = {});

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHOOSE_CHOOSE_H
