//===- Predict.cpp - When everything in a step will happen -----------------===//

#include "lib/Runtime/Plan/Predict.h"

#include "lib/Runtime/Plan/Simulator.h"

#include <numeric>

using namespace bitpipe;

double Prediction::bubble() const {
  double all = step * double(idle.size());
  return all > 0 ? std::accumulate(idle.begin(), idle.end(), 0.0) / all : 0;
}

Prediction bitpipe::predict(const Program &program, const Links &links,
                            const WorkTimes &times,
                            const PredictOptions &options) {
  return Simulator(program, links, times, options).run();
}
