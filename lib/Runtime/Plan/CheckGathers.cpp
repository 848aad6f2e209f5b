//===- CheckGathers.cpp - What is gathered of slices in part ----------------===//

#include "lib/Runtime/Plan/CheckGathers.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Plan/Checked.h"

#include <algorithm>

using namespace bitpipe;

namespace {

/// One gather of a device.
class GatherChecker {
public:
  GatherChecker(const Program &program, size_t number, const Collective &op)
      : program(program), device(program.devices[number]), number(number), op(op) {}

  void check() {
    bool fromSlot = op.own && *op.own >= 0 && *op.own < int64_t(device.slots.size());
    SlotSource source = fromSlot ? device.slots[*op.own].source : SlotSource::Arena;
    if (op.kind != Collective::AllGather || (source != SlotSource::Weights && source != SlotSource::Working))
      failHere(" is of some elements, expected a gather from slices of weights or of their copies");
    checkRanges();
    ofCopies = source == SlotSource::Working;
    if (ofCopies)
      checkWords();
    else if (op.within.size() > 1) // own slots hold a whole slice, with what lies between
      failHere(" is of ", op.within.size(), " ranges of elements, expected one");
    checkSizes();
    if (ofCopies)
      for (const Resident &resident : device.residents)
        if (resident.working && resident.working->slot == *op.own)
          checkCopy(resident);
  }

private:
  /// The elements of the device's slice.
  Range slice() const {
    int64_t member = std::ranges::find(op.devices, int64_t(number)) - op.devices.begin();
    return {member * op.slice, (member + 1) * op.slice};
  }
  int64_t count(Range elements) const {
    return countBefore(op.within, elements.end) - countBefore(op.within, elements.begin);
  }

  void checkRanges() const {
    std::optional<int64_t> all = (Checked(op.slice) * int64_t(op.devices.size())).get();
    int64_t last = 0;
    for (auto [begin, end] : op.within) {
      if (begin < last || end <= begin || !all || end > *all)
        failHere(" is of elements ", begin, " to ", end, ", expected some of its slices from ", last, " on");
      last = end;
    }
  }

  /// What travels are words, which two copies are.
  void checkWords() const {
    for (auto [begin, end] : op.within)
      if (begin % 2 || end % 2 || op.slice % 2)
        failHere(" is of copies ", begin, " to ", end, " in slices of ", op.slice, ", expected even numbers");
  }

  void checkSizes() const {
    int64_t size = sizeOf(ofCopies ? StoredFloat::BF16 : StoredFloat::F32);
    checkHolds(op.slot, Checked(count({0, op.within.back().end})) * size);
    checkHolds(*op.own, Checked(ofCopies ? count(slice()) : op.slice) * size);
  }

  void checkHolds(int64_t slot, Checked bytes) const {
    if (!bytes.within(device.slots[slot].size))
      failHere(" needs ", bytes.get().value_or(-1), " bytes in slot ", slot, ", which has ",
               device.slots[slot].size);
  }

  /// It is taken from where what is loaded and stepped is rounded to.
  void checkCopy(const Resident &resident) const {
    Resident::Part part = resident.partIn(device.slots[resident.slot].size);
    if (part.bytes == 0) // others have it
      return;
    constexpr int64_t wide = sizeof(float);
    int64_t begin = (resident.offset + part.begin) / wide;
    Range own{begin, begin + part.bytes / wide};
    int64_t place = count({slice().begin, own.begin}) * sizeOf(StoredFloat::BF16);
    if (count(own) != own.count() || resident.working->offset != place)
      fail(program.path, ": error: device ", number, ": parameter '", resident.name, "' has working weights at ",
           resident.working->offset, " of slot ", *op.own, ", expected where '", text(Instruction(op)),
           "' takes them from");
  }

  template <typename... Parts> [[noreturn]] void failHere(const Parts &...parts) const {
    fail(program.path, ": error: device ", number, ": '", text(Instruction(op)), "'", parts...);
  }

  const Program &program;
  const DeviceList &device;
  size_t number;
  const Collective &op;
  bool ofCopies = false;
};

} // namespace

void bitpipe::checkGathers(const Program &program, size_t device) {
  for (const Instruction &item : program.devices[device].instructions)
    if (auto *op = std::get_if<Collective>(&item); op && !op->within.empty())
      GatherChecker(program, device, *op).check();
}
