//===- OrderStore.h - Orders that are found once -----------------*- C++ -*-===//
//
// What is put into a finished order, recomputation, activations that move and slices, changes
// nothing of how it is found. Where many requests are tried that differ in these alone, the
// order of one is that of all.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_ORDERSTORE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_ORDERSTORE_H

#include "lib/Transforms/Schedule/Families/Shared/Request.h"

#include <functional>
#include <unordered_map>

namespace bitpipe::schedule {

class OrderStore {
public:
  /// The order of a request of one replica, whose chunks are known: made by `make` for the first
  /// request that asks for it. What has no memory is found whatever the state is.
  ErrorOr<Ordered> orderFor(const Request &request, const std::function<ErrorOr<Ordered>()> &make);

private:
  std::unordered_map<std::string, ErrorOr<Ordered>> known;
};

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_FAMILIES_SHARED_ORDERSTORE_H
