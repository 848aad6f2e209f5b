//===- OptionChecks.h - Options that do not go together --------------------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_OPTIONCHECKS_H
#define BITPIPE_TOOLS_BITPIPE_OPT_OPTIONCHECKS_H

#include "tools/bitpipe-opt/Options.h"

namespace bitpipe {

/// Refuses options that would change nothing beside others that are given: each is
/// heeded or refused.
void checkGiven(const Options &options);

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_OPTIONCHECKS_H
