//===- TellDecay.cpp - Which parameters decay, in a line ----------------------===//

#include "lib/Runtime/Train/TellDecay.h"

#include "lib/Runtime/Checkpoint/StateTensors.h"
#include "lib/Runtime/Plan/Decay.h"

#include <cstdio>

using namespace bitpipe;

void bitpipe::tellDecay(const Program &program, const OptimizerSettings &settings,
                        const World &world) {
  if (settings.decayed == Decayed::All || !world.speaks())
    return;
  long long parameters = 0, elements = 0, decayed = 0, decayedElements = 0;
  std::vector<SavedParameter> saved = savedParameters(program); // in their order
  for (size_t i = 0; i < saved.size(); ++i) {
    if (!saved[i].trained)
      continue;
    const TensorType &type = program.parameters[i].type;
    ++parameters, elements += type.elements();
    if (isMatrix(type))
      ++decayed, decayedElements += type.elements();
  }
  std::printf("weight decay %g: for %lld of %lld parameters, those of two or more dimensions, "
              "%lld of %lld numbers\n",
              settings.weightDecay, decayed, parameters, decayedElements, elements);
}
