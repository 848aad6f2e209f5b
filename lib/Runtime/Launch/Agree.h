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

/// What is wrong on some rank and thrown on all of them: one of them prints it.
struct AgreedError : UserError {
  AgreedError(const std::string &text, bool usage = false)
      : UserError(text), usage(usage) {}
  bool usage; // of options
};

/// Does something on this rank while the others do the same, and waits for all. If
/// it fails on one, it throws an AgreedError on all of them.
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
  if (!error.empty())
    throw AgreedError(error, std::ranges::count(usages, 1) > 0);
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_LAUNCH_AGREE_H
