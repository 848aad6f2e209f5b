//===- Waits.cpp - What every instruction must wait for -------------------===//

#include "lib/Runtime/Plan/Links.h"

#include <algorithm>

using namespace bitpipe;

namespace {

/// A slot that an instruction reads or also writes.
struct Touched {
  int64_t slot;
  bool writes;
};

/// The slots that an instruction touches.
struct TouchedSlots {
  const Program &program;

  std::vector<Touched> operator()(const Execute &op) const {
    const std::vector<bool> &writes = program.routines[op.routine].writes;
    std::vector<Touched> touched;
    for (size_t block = 0; block < op.slots.size(); ++block)
      touched.push_back({op.slots[block], writes[block]});
    return touched;
  }
  /// Handing memory over takes it away from readers too.
  std::vector<Touched> operator()(const Transmit &op) const {
    return {{op.slot, op.handover}};
  }
  std::vector<Touched> operator()(const Receive &op) const {
    return {{op.slot, true}};
  }
  std::vector<Touched> operator()(const Collective &op) const {
    std::vector<Touched> touched = {{op.slot, true}};
    if (op.own)
      touched.push_back({*op.own, op.kind == Collective::ReduceScatter});
    return touched;
  }
  std::vector<Touched> operator()(const Clear &op) const { return {{op.slot, true}}; }
  std::vector<Touched> operator()(const GradNorm &op) const {
    std::vector<Touched> touched;
    for (int64_t slot : op.slots)
      touched.push_back({slot, false});
    return touched;
  }
  std::vector<Touched> operator()(const Step &op) const {
    std::vector<Touched> touched = {{op.weights, true}, {op.gradients, true}};
    for (auto slot : {op.moment1, op.moment2, op.working})
      if (slot)
        touched.push_back({*slot, true});
    return touched;
  }
  std::vector<Touched> operator()(const Stash &op) const {
    std::vector<Touched> touched = {{op.weights, false}, {op.kept, true}};
    if (op.working)
      touched.insert(touched.end(), {{*op.working, false}, {*op.workingKept, true}});
    return touched;
  }
  std::vector<Touched> operator()(const Round &op) const {
    return {{op.weights, false}, {op.working, true}};
  }
};

/// Finds what each instruction of a device must wait for.
class WaitFinder {
public:
  WaitFinder(const Program &program, const DeviceList &device, DeviceLinks &links)
      : program(program), device(device), links(links) {}

  /// Walks the list twice: what is pending at its end meets its beginning.
  void find() {
    links.waits.assign(device.instructions.size(), {});
    for (bool second : {false, true}) {
      for (size_t i = 0; i < device.instructions.size(); ++i)
        visit(i, second);
      if (program.isForGPUs())
        end(second);
    }
  }

private:
  struct Pending {
    Wait wait;
    std::vector<Touched> touched;
    size_t instruction;
    bool second; // started in the second round
  };

  void visit(size_t i, bool second) {
    const Instruction &op = device.instructions[i];
    auto touched = std::visit(TouchedSlots{program}, op);
    std::erase_if(pending, [&](const Pending &other) {
      if (std::ranges::none_of(touched, [&](Touched mine) {
            return std::ranges::any_of(other.touched, [&](Touched its) {
              return (mine.writes || its.writes) && overlap(mine.slot, its.slot);
            });
          }))
        return false;
      Wait wait = other.wait;
      wait.previousStep = second && !other.second;
      auto &waits = links.waits[i];
      if (std::ranges::find(waits, wait) == waits.end())
        waits.push_back(wait);
      return true;
    });
    dropComplete(i, second);
    if (links.starts[i] < 0)
      return;
    auto *collective = std::get_if<Collective>(&op);
    if (collective && !second)
      links.collectives.push_back(links.starts[i]);
    auto kind = collective ? Wait::Collective : Wait::Message;
    pending.push_back(
        {{kind, links.starts[i], false}, std::move(touched), i, second});
  }

  /// Of a copy to the host the device has both ends, which are complete at once.
  void dropComplete(size_t i, bool second) {
    std::erase_if(pending, [&](const Pending &other) {
      Wait wait = other.wait;
      wait.previousStep = second && !other.second;
      return std::ranges::find(links.waits[i], wait) != links.waits[i].end();
    });
  }

  /// What nobody has waited for when a step ends. The numbers of a step come after its
  /// messages and sums, so that these are complete; what remains is gathered weights, and what
  /// the device copies to its host and back, of which others know nothing.
  void end(bool second) {
    std::erase_if(pending, [&](const Pending &one) {
      if (!lastsBehindNorm(device.instructions[one.instruction]))
        return false;
      if (!second)
        links.atEnd.push_back(one.wait);
      return true;
    });
  }

  bool lastsBehindNorm(const Instruction &op) const {
    if (auto *collective = std::get_if<Collective>(&op))
      return collective->kind == Collective::AllGather;
    if (auto *send = std::get_if<Transmit>(&op))
      return &program.devices[send->to] == &device;
    auto *receive = std::get_if<Receive>(&op);
    return receive && &program.devices[receive->from] == &device;
  }

  bool overlap(int64_t a, int64_t b) const {
    if (a == b)
      return true;
    return device.slots[a].overlaps(device.slots[b]);
  }

  const Program &program;
  const DeviceList &device;
  DeviceLinks &links;
  std::vector<Pending> pending;
};

} // namespace

void bitpipe::findWaits(const Program &program, const DeviceList &device,
                        DeviceLinks &links) {
  WaitFinder(program, device, links).find();
}
