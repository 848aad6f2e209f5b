//===- UCXMeeting.h - How processes get to know each other ------------------===//
//
// Rank 0 listens at an address that all know (UCXListener.cpp). Each of the others
// connects there and says who it is (UCXCaller.cpp). Once all have come, rank 0
// tells everyone the addresses of all.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_UCX_UCXMEETING_H
#define BITPIPE_RUNTIME_TRANSPORT_UCX_UCXMEETING_H

#include "lib/Runtime/Launch/Environment.h"
#include "lib/Runtime/Transport/UCX/UCXWorker.h"

#include <chrono>
#include <vector>

namespace bitpipe {

struct UCXPeer {
  std::string host;    // hostIdentity()
  std::string address; // of its worker; empty: has not come yet
};

/// All processes of the run, by rank. Throws a UserError if they have not come
/// together within `timeout`. The first is for rank 0, the second for the others.
std::vector<UCXPeer> listenByUCX(UCXWorker &worker, const Launch &launch,
                                 std::chrono::seconds timeout);
std::vector<UCXPeer> callByUCX(UCXWorker &worker, const Launch &launch,
                               std::chrono::seconds timeout);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_UCX_UCXMEETING_H
