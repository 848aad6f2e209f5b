//===- Nodes.h - Whether a plan's nodes are the hosts that it runs on -------===//

#ifndef BITPIPE_RUNTIME_TRAIN_NODES_H
#define BITPIPE_RUNTIME_TRAIN_NODES_H

#include "lib/Runtime/Launch/World.h"
#include "lib/Runtime/Plan/Links.h"

namespace bitpipe {

/// One line where more travels between hosts than must: a node of the plan is on several
/// hosts, or devices of one host sum with others all at once. Given the host of each device;
/// empty if there is nothing to say.
std::string remarkOnNodes(const Program &program, const Links &links,
                          const std::vector<std::string> &hosts);

/// Rank 0 says it. On GPUs there is nothing to say: NCCL knows its hosts.
void tellNodes(const Program &program, const Links &links, World &world);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRAIN_NODES_H
