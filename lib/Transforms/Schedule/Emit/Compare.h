//===- Compare.h - Schedules side by side ------------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_EMIT_COMPARE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_EMIT_COMPARE_H

#include "lib/Transforms/Schedule/Emit/Speedup.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

#include <iosfwd>

namespace bitpipe::schedule {

/// Writes one table: a row per schedule and number of micro-batches, with the
/// makespan and what no order on the same routes beats, the same with gradient
/// sums if they take time, bubble, largest activations, weights and messages, and
/// the speed against the first schedule. The model is the same for all, in
/// whatever number of stages: a single cost is that of one of 2D stages, others
/// are joined and divided (recut). Activations, those of the request's limit,
/// too, and weights are counted in stages of 2D. A schedule that cannot be built
/// says in its row what it needs, in the same stages. With efficiencies a line below the table
/// says of each row whether larger micro-batches pay. `names` are separated by commas; fails
/// if there is no schedule of one of them, and if no row has a result, with what all of them need.
/// Where the request names a file with routes or an order, that is the first row, and tells the
/// devices of all, and with an order the micro-batches, too.
std::optional<Error> emitComparison(std::ostream &stream, const Request &base,
                    const std::string &names,
                    const std::vector<int> &microbatches,
                    const std::optional<Efficiencies> &efficiencies = {});

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_EMIT_COMPARE_H
