//===- OrderFile.h - Orders from files ---------------------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_ORDERFILE_H
#define BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_ORDERFILE_H

#include "lib/Transforms/Schedule/Core/Schedule.h"

namespace bitpipe::schedule {

/// An order from a file and the placement that it implies. Fails unless it can
/// run: see checkOrder. Gathers, drops and scatters are read where as much is to be sharded.
ErrorOr<Schedule> readSchedule(const std::string &path, Shard shard = Shard::None);

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_SIMULATE_ORDERFILE_H
