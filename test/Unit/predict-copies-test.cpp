//===- predict-copies-test.cpp - Copies to hosts in a prediction, by hand ------===//

#include "lib/Runtime/Plan/Predict.h"
#include "test/Unit/schedule-support.h"

#include <cmath>

using namespace bitpipe;

/// What a step takes whose run awaits a copy to the host and one back, a second each.
static double stepWithCopies(const std::string &target) {
  Program program;
  program.target = target;
  const RunName leaves{'E', 0, 1}, returns{'G', 0, 0}, run{'I', 0, 0};
  program.devices.resize(1);
  program.devices[0].instructions = {Transmit{leaves, 0, 0, false}, Receive{leaves, 0, 0},
                                     Receive{returns, 0, 0}, Transmit{returns, 0, 0, false},
                                     Execute{run, 0, {}}, GradNorm{}};
  Links links;
  links.messages = {{leaves, 0, 0, 0, 0, 1, false}, {returns, 0, 0, 0, 0, 1, false}};
  links.devices.resize(1);
  links.devices[0].starts = {0, 0, 1, 1, -1, -1};
  links.devices[0].waits.resize(6);
  links.devices[0].waits[4] = {{Wait::Message, 0, false}, {Wait::Message, 1, false}};
  WorkTimes times;
  times.instructions = {{0, 0, 0, 0, 1, 0}};
  times.messages = {{1, 0}, {1, 0}};
  times.copies = {1, 1};
  times.toFirst = times.fromFirst = {0};
  return predict(program, links, times).step;
}

/// A thread makes one copy after the other, a GPU one each way at once.
int main() {
  expect(std::abs(stepWithCopies("cpu") - 3) < 1e-9, "copies by a thread one after the other");
  expect(std::abs(stepWithCopies("cuda") - 2) < 1e-9, "copies by a GPU both ways at once");
  return report();
}

