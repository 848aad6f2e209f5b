//===- Agree.h - What fails on one rank fails on all ------------------------===//

#ifndef BITPIPE_RUNTIME_LAUNCH_AGREE_H
#define BITPIPE_RUNTIME_LAUNCH_AGREE_H

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Launch/World.h"

#include <algorithm>

namespace bitpipe {

/// The errors of all ranks as one text with a line for each that has one, in which
/// equal errors are one; empty if there is none. All ranks call it.
std::string gatherErrors(World &world, const std::string &mine);

/// Throws what all ranks know to be wrong: rank 0 has the text and prints it.
template <typename Error = UserError>
[[noreturn]] void failTogether(const World &world, const std::string &text) {
  throw Error(world.speaks() ? text : "");
}

/// Does something on this rank while the others do the same, and waits for all. If
/// it fails on one, it throws on all of them, at rank 0 with what failed and where.
template <typename Action> void agree(World &world, Action action) {
  std::string error;
  bool usage = false;
  try {
    action();
  } catch (const UsageError &wrong) {
    error = wrong.what();
    usage = true;
  } catch (const std::exception &wrong) {
    error = wrong.what();
  }
  std::vector<char> usages;
  world.allGatherValues(char(usage), usages);
  error = gatherErrors(world, error);
  if (error.empty())
    return;
  if (std::ranges::count(usages, 1))
    failTogether<UsageError>(world, error);
  failTogether(world, error);
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_AGREE_H
