//===- Features.h - Can this processor run the kernels? --------------------===//

#ifndef BITPIPE_RUNTIME_PLAN_FEATURES_H
#define BITPIPE_RUNTIME_PLAN_FEATURES_H

#include <string>

namespace bitpipe {

/// Throws a UserError that says how to compile the plan for this machine, if it
/// lacks one of the features ("avx2,fma").
void checkFeatures(const std::string &plan, const std::string &features);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_PLAN_FEATURES_H
