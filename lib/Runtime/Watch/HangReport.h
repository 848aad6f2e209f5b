//===- HangReport.h - Who waits for whom ------------------------------------===//
//
// A text with what every rank was doing when it was last heard, what its devices
// await and from whom, and the rank that everything waits for in the end.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_WATCH_HANGREPORT_H
#define BITPIPE_RUNTIME_WATCH_HANGREPORT_H

#include "lib/Runtime/Plan/Links.h"
#include "lib/Runtime/Watch/RankStatus.h"

#include <string>

namespace bitpipe {

/// Of all ranks, by rank. Without a program, which no rank has read yet, there are
/// no devices.
std::string hangReport(const std::vector<RankStatus> &ranks,
                       const Program *program, const Links *links);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_WATCH_HANGREPORT_H
