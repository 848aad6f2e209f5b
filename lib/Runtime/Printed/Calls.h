//===- Calls.h - Products and attentions of all routines, counted -------------===//

#ifndef BITPIPE_RUNTIME_PRINTED_CALLS_H
#define BITPIPE_RUNTIME_PRINTED_CALLS_H

#include "lib/Runtime/Plan/Program.h"

namespace bitpipe::printed {

/// Calls `visit` with every call of every routine, in their order: the routine's number, the
/// call, and how many of its kind came before.
template <typename Visit> void eachCall(const Program &program, Visit visit) {
  size_t counts[std::variant_size_v<Call>] = {};
  for (size_t routine = 0; routine < program.routines.size(); ++routine)
    for (const Call &call : program.routines[routine].calls) {
      size_t number = counts[call.index()]++;
      std::visit([&](const auto &one) { visit(routine, one, number); }, call);
    }
}

/// Whether a device, or any, runs each routine.
inline std::vector<bool> usedRoutines(const Program &program,
                                      std::optional<int64_t> device = std::nullopt) {
  std::vector<bool> used(program.routines.size());
  for (size_t d = 0; d < program.devices.size(); ++d)
    for (const Instruction &op : program.devices[d].instructions)
      if (auto *run = std::get_if<Execute>(&op); run && (!device || *device == int64_t(d)))
        used[run->routine] = true;
  return used;
}

} // namespace bitpipe::printed

#endif // BITPIPE_RUNTIME_PRINTED_CALLS_H
