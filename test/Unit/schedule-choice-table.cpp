//===- schedule-choice-table.cpp - What is fastest when ---------------------===//
//
// Usage: schedule-choice-table [D...]
// Prints the table of docs/Choosing.md: for D devices and 2D micro-batches what
// --pipeline=auto takes, by what a message and a gradient sum take, and what a device may
// hold. A stage is 1/(2D) of the model; its state is as large as its activations.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Choose/Choose.h"

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace bitpipe::schedule;

namespace {
struct Column {
  double message, sum;
};
} // namespace

static constexpr Column columns[] = {{0, 0}, {0.1, 0}, {0.1, 2}, {0.5, 2}, {0.1, 10}};

static std::string chosen(int devices, const Column &column, double memory) {
  Request base;
  base.devices = devices;
  base.microbatches = 2 * devices;
  base.replicas = 0;
  base.costs.link.transfer = column.message;
  StageCost &stage = base.costs.stages.front();
  stage.state = 1;
  stage.sum = column.sum;
  stage.holders = 2;
  if (memory > 0)
    base.costs.memory.assign(devices, memory);
  ErrorOr<Choice> choice = choose(base);
  if (!choice)
    return "–";
  const Candidate &first = choice->fitting.front();
  char time[32];
  std::snprintf(time, sizeof(time), "%.4g", first.time - 12.0 * devices);
  std::string text = first.request.pipeline;
  if (first.request.replicas > 1)
    text += " x" + std::to_string(first.request.replicas);
  return text + " (" + time + ")";
}

int main(int argc, char **argv) {
  std::printf("| D | memory |");
  for (const Column &column : columns)
    std::printf(" %g, %g |", column.message, column.sum);
  std::printf("\n|---|---|---|---|---|---|---|\n");
  for (int i = 1; i < std::max(argc, 2); ++i) {
    int devices = argc > 1 ? std::atoi(argv[i]) : 8;
    for (double share : {0.0, 4.0, 2.5, 1.5}) {
      std::printf("| %d | %s |", devices, share > 0 ? (std::to_string(share).substr(0, 3) + "D").c_str() : "any");
      for (const Column &column : columns) {
        std::printf(" %s |", chosen(devices, column, share * devices).c_str());
        std::fflush(stdout);
      }
      std::printf("\n");
    }
  }
}
