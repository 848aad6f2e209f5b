//===- CSV.h - Orders as text, in PyTorch's form -----------------*- C++ -*-===//
//
// One row per device, one action per cell: `3F2` (F, B, I, W or R, and the moves E, K, G
// and L of Effects.h, which PyTorch does not have), and
// `(0F7;7B3)OVERLAP_F_B` for two that run at the same time; `0UNSHARD`, `0RESHARD` and
// `0REDUCE_GRAD` gather and drop the weights of a stage and sum its gradients. Empty cells are
// time slots without work and say nothing about order. Cells for messages (`0SEND_F2`,
// `1RECV_B3`) may be present; they follow from the order and are made anew, and so are sums
// of gradients of which no slices are kept. A
// line that begins with `#` is a comment, blank lines at the end are nothing, and
// one before a row is a device without work.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CORE_CSV_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CORE_CSV_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

#include <iosfwd>
#include <string_view>

namespace bitpipe::schedule {

void writeCSV(std::ostream &stream, const Order &order);

/// Fails with row and cell where the text is not understood.
ErrorOr<Order> readCSV(std::string_view text);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CORE_CSV_H
