//===- ChannelEnds.h - Where the ends of messages are ------------*- C++ -*-===//

#ifndef BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHANNELENDS_H
#define BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHANNELENDS_H

#include "lib/Transforms/Schedule/Core/Program.h"

namespace bitpipe::schedule {

/// Where a channel's messages have their ends on the two sides of it (isFirstEnd), in order.
struct ChannelEnds {
  struct Side {
    int device;
    std::vector<int> positions;
  };
  Side first, other;
};

/// By channel.
inline std::vector<ChannelEnds> endsOf(const Program &program) {
  std::vector<ChannelEnds> ends;
  for (auto [from, to] : program.channels)
    ends.push_back({{from, {}}, {to, {}}});
  for (int device = 0; device < int(program.devices.size()); ++device)
    for (size_t i = 0; i < program.devices[device].size(); ++i)
      if (const Instruction &instruction = program.devices[device][i]; instruction.isMessage()) {
        ChannelEnds &own = ends[instruction.channel];
        (isFirstEnd(program, device, instruction) ? own.first : own.other)
            .positions.push_back(int(i));
      }
  return ends;
}

} // namespace bitpipe::schedule

#endif // BITPIPE_TRANSFORMS_SCHEDULE_CHECK_CHANNELENDS_H
