//===- NormShares.h - Who counts which gradients in the norm ------*- C++ -*-===//

#ifndef BITPIPE_RUNTIME_PLAN_NORMSHARES_H
#define BITPIPE_RUNTIME_PLAN_NORMSHARES_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe {

/// Of what several devices sum for updates between micro-batches each counts a part in the norm, as
/// Step::counted says: the parts follow each other in the order of the devices that its sums name.
void shareOutNorm(DeviceList &device, int64_t number);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_NORMSHARES_H
