//===- StageSizes.h - What stages keep and send, in bytes ------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_STAGESIZES_H
#define BITPIPE_RUNTIME_PLAN_STAGESIZES_H

#include "lib/Runtime/Plan/Links.h"
#include "lib/Transforms/Schedule/Core/Costs.h"

namespace bitpipe {

/// Fills in the sizes that a plan has laid out: of every stage what a forward leaves
/// for the gradients, what it reads, what goes to the next stage, and the parameters with what
/// belongs to them; of every device what else its arena holds, so that state,
/// activations and buffers together are the arena. There must be a cost per stage.
void addSizes(const Program &program, const Links &links, schedule::Costs &costs);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_STAGESIZES_H
