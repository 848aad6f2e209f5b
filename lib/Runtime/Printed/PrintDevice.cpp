//===- PrintDevice.cpp - A device of a printed program -------------------------===//

#include "lib/Files/Error.h"
#include "lib/Runtime/Printed/Printers.h"

#include <algorithm>

using namespace bitpipe;
using namespace bitpipe::printed;

namespace {

/// "F stage 1, micro-batch 3".
std::string titleOf(const RunName &run) {
  return std::string(1, run.kind) + " stage " + std::to_string(run.stage) + ", micro-batch " +
         std::to_string(run.microbatch);
}

/// "what F stage 1, micro-batch 3 has saved".
std::string savedBy(const RunName &move) {
  return "what " + titleOf({'F', move.stage, move.microbatch}) + " has saved";
}

/// "F1_mb3".
std::string tagOf(const RunName &run) {
  return run.kind + std::to_string(run.stage) + "_mb" + std::to_string(run.microbatch);
}

std::string joinedNumbers(const std::vector<int64_t> &numbers, const char *between) {
  std::string text;
  for (int64_t number : numbers)
    text += (text.empty() ? "" : between) + std::to_string(number);
  return text;
}

class DevicePrinter {
public:
  DevicePrinter(std::ostream &out, const Program &program, const Links &links,
                const PlanNames &names, const FileNames &file, size_t number)
      : out(out), program(program), links(links), mine(links.devices[number]), file(file),
        scope(file.scope), number(number), device(program.devices[number]),
        several(program.devices.size() > 1), copies(device.host > 0) {
    for (size_t i = 0; i < device.slots.size(); ++i)
      slots.push_back(scope.add(slotName(names, i)));
    findWork();
  }

  void print() {
    out << "/// Device " << number << ": stages " << listText(stages()) << ".\n"
        << "struct Device" << number << " final : Routines, DeviceSteps {\n"
        << "  using Routines::Routines;\n\n";
    printChannels();
    printHostStreams();
    printEvents();
    printSlots();
    out << "\n  void step() override {\n";
    for (size_t i = 0; i < device.instructions.size(); ++i)
      std::visit([&](const auto &op) { printInstruction(i, op); }, device.instructions[i]);
    printEnd();
    out << "  }\n};\n\n";
  }

private:
  /// What is started and waited for, by the events of its end.
  struct Work {
    std::string channel, event; // of copies to the host and back the stream alone
  };

  std::vector<int64_t> stages() const {
    std::set<int64_t> stages;
    for (const Instruction &op : device.instructions)
      if (auto *run = std::get_if<Execute>(&op))
        stages.insert(run->run.stage);
    return {stages.begin(), stages.end()};
  }

  std::string slotName(const PlanNames &names, size_t slot) const {
    if (!names.slots.empty() && !names.slots[number][slot].empty())
      return (device.slots[slot].onHost() ? "host_" : "") + names.slots[number][slot];
    return kindOf(program, device.slots[slot]) + "_" + std::to_string(slot);
  }

  void findWork() {
    auto me = int64_t(number);
    for (size_t i = 0; i < device.instructions.size(); ++i) {
      const Instruction &op = device.instructions[i];
      int64_t started = mine.starts[i];
      if (isCopy(i))
        addCopy(started);
      else if (auto *send = std::get_if<Transmit>(&op))
        messages[started] = {channel({me, send->to}, "to" + std::to_string(send->to)),
                             scope.add("sent_" + tagOf(send->run))};
      else if (auto *receive = std::get_if<Receive>(&op))
        messages[started] = {
            channel({receive->from, me}, "from" + std::to_string(receive->from)),
            scope.add("received_" + tagOf(receive->run))};
      else if (auto *one = std::get_if<Collective>(&op))
        collectives[started] = {
            groupChannel(one->devices),
            scope.add((one->kind == Collective::AllGather ? "gathered_" : "summed_") +
                      joinedNumbers(one->stages, "_"))};
    }
  }

  /// Whether an instruction is an end of a copy to the host or from there.
  bool isCopy(size_t instruction) const {
    const Instruction &op = device.instructions[instruction];
    return (std::holds_alternative<Transmit>(op) || std::holds_alternative<Receive>(op)) &&
           links.messages[mine.starts[instruction]].isToHost();
  }

  /// Both of its ends are here.
  void addCopy(int64_t started) {
    const MessageLink &link = links.messages[started];
    auto [found, added] = messages.try_emplace(started);
    if (added)
      found->second = {link.leaves() ? "to_host" : "from_host",
                       scope.add((link.leaves() ? "kept_" : "returned_") + tagOf(link.run))};
  }

  std::string channel(const std::pair<int64_t, int64_t> &pair, const std::string &name) {
    auto [found, added] = pairs.try_emplace(pair);
    if (added)
      found->second = scope.add(name);
    return found->second;
  }

  std::string groupChannel(const std::vector<int64_t> &devices) {
    auto [found, added] = groups.try_emplace(devices);
    if (added)
      found->second = scope.add("sum_" + joinedNumbers(devices, "_"));
    return found->second;
  }

  void printChannels() {
    if (!several)
      return;
    out << "  // Communicators, each with the stream of what it does: one for each directed "
           "pair of\n  // devices, for each group that sums or gathers, and for all.\n";
    for (auto &[pair, name] : pairs)
      out << "  const Channel " << name << " = gpu.pair(" << pair.first << ", " << pair.second
          << ");\n";
    for (auto &[devices, name] : groups)
      out << "  const Channel " << name << " = gpu.sum({" << joinedNumbers(devices, ", ")
          << "});\n";
    out << "  const Channel all = gpu.all();\n\n";
  }

  void printHostStreams() {
    if (copies)
      out << "  // Streams of copies to the host's memory, and back.\n"
             "  const CUstream to_host = gpu.toHost(), from_host = gpu.fromHost();\n\n";
  }

  void printEvents() {
    if (!several && !copies)
      return;
    out << "  // Events: what is computed up to here, and the end of each message, "
        << (copies ? "copy, " : "") << "sum and gather.\n"
           "  const CUevent ready = gpu.event();\n";
    for (const auto *works : {&messages, &collectives})
      for (auto &[index, work] : *works)
        out << "  const CUevent " << work.event << " = gpu.event();\n";
    out << (several ? "  const CUevent agreed = gpu.event();\n\n" : "\n");
  }

  void printSlots() {
    out << "  // Memory. Places that are not needed at the same time overlap.\n";
    for (size_t i = 0; i < slots.size(); ++i) {
      bool onHost = device.slots[i].onHost();
      out << (onHost ? "  void *const " : "  const Slot ") << slots[i]
          << (onHost ? " = gpu.hostSlot(" : " = gpu.slot(") << i << "); // "
          << device.slots[i].size << (onHost ? " bytes of the host\n" : " bytes\n");
    }
    if (several)
      out << "  const Numbers numbers = gpu.numbers();\n";
  }

  /// Before what an instruction puts into the stream. The step before has ended.
  void printWaits(size_t instruction) {
    for (const Wait &wait : mine.waits[instruction])
      if (!wait.previousStep)
        await("compute", workOf(wait).event);
  }

  const Work &workOf(const Wait &wait) const {
    return (wait.kind == Wait::Message ? messages : collectives).at(wait.index);
  }

  void await(const std::string &stream, const std::string &event) {
    out << "    check(cuStreamWaitEvent(" << stream << ", " << event << ", 0));\n";
  }
  void record(const std::string &event, const std::string &stream) {
    out << "    check(cuEventRecord(" << event << ", " << stream << "));\n";
  }

  void beginInstruction(size_t instruction, const std::string &title) {
    out << (instruction ? "\n" : "") << "    // " << title << "\n";
    printWaits(instruction);
  }

  /// A call of NCCL in the stream of a channel, after what is computed up to here.
  void printWork(const Work &work, const std::string &call,
                 std::vector<std::string> arguments) {
    beginWork(work);
    printCall(work, call, std::move(arguments));
    record(work.event, work.channel + ".stream");
  }

  void beginWork(const Work &work) {
    record("ready", "compute");
    await(work.channel + ".stream", "ready");
  }

  void printCall(const Work &work, const std::string &call, std::vector<std::string> arguments) {
    arguments.push_back(work.channel + ".communicator");
    arguments.push_back(work.channel + ".stream)");
    out << callText(4, "check(" + call, arguments);
  }

  void printInstruction(size_t i, const Execute &op) {
    beginInstruction(i, titleOf(op.run));
    std::vector<std::string> arguments;
    for (int64_t slot : op.slots)
      arguments.push_back(slots[slot]);
    out << callText(4, file.routines[op.routine], arguments);
  }

  /// In the stream of its direction, after what is computed up to its second end.
  void printCopyEnd(size_t i) {
    const MessageLink &link = links.messages[mine.starts[i]];
    std::string title = savedBy(link.run);
    if (begun.insert(mine.starts[i]).second) {
      if (std::ranges::any_of(mine.waits[i], [](const Wait &wait) { return !wait.previousStep; }))
        beginInstruction(i, "before a copy of " + title);
      return;
    }
    beginInstruction(i, (link.leaves() ? "to the host: " : "back from the host: ") + title);
    const Work &work = messages.at(mine.starts[i]);
    record("ready", "compute");
    await(work.channel, "ready");
    out << callText(4, link.leaves() ? "check(cuMemcpyDtoHAsync" : "check(cuMemcpyHtoDAsync",
                    {slots[link.toSlot], slots[link.fromSlot], bytesOf(i), work.channel}, "));");
    record(work.event, work.channel);
  }

  void printInstruction(size_t i, const Transmit &op) {
    if (isCopy(i))
      return printCopyEnd(i);
    beginInstruction(i, "send " + titleOf(op.run) + " to device " + std::to_string(op.to));
    printWork(messages.at(mine.starts[i]), "ncclSend",
              {slots[op.slot], bytesOf(i), "ncclInt8", "1"});
  }

  void printInstruction(size_t i, const Receive &op) {
    if (isCopy(i))
      return printCopyEnd(i);
    beginInstruction(i, "receive " + titleOf(op.run) + " from device " +
                            std::to_string(op.from));
    printWork(messages.at(mine.starts[i]), "ncclRecv",
              {slots[op.slot], bytesOf(i), "ncclInt8", "0"});
  }

  std::string bytesOf(size_t instruction) const {
    return std::to_string(links.messages[mine.starts[instruction]].bytes);
  }

  void printInstruction(size_t i, const Collective &op) {
    const CollectiveLink &link = links.collectives[mine.starts[i]];
    const Work &work = collectives.at(mine.starts[i]);
    const char *what[] = {"sum gradients", "sum slices of gradients", "gather slices of weights"};
    beginInstruction(i, what[op.kind] + (" of stages " + listText(op.stages)) +
                            " over devices " + listText(op.devices));
    const std::string &all = slots[op.slot];
    std::string slice = std::to_string(link.slice);
    auto [slot, begin] = link.placeOfSlice(link.memberOf(int64_t(number)));
    std::string own = op.own && begin == 0 ? slots[slot] : placeText(slots[slot], begin);
    if (op.kind == Collective::AllReduce)
      printWork(work, "ncclAllReduce",
                {all, all, std::to_string(link.elements), "ncclFloat", "ncclSum"});
    else if (op.kind == Collective::ReduceScatter)
      printWork(work, "ncclReduceScatter", {all, own, slice, "ncclFloat", "ncclSum"});
    else if (link.isEven())
      printWork(work, "ncclAllGather", {own, all, slice, "ncclFloat"});
    else
      printBroadcasts(link, work, own, all);
  }

  /// Slices of different sizes, each from its owner.
  void printBroadcasts(const CollectiveLink &link, const Work &work, const std::string &own,
                       const std::string &all) {
    beginWork(work);
    out << "    check(ncclGroupStart());\n";
    for (size_t member = 0; member < link.devices.size(); ++member)
      if (Range slice = link.sliceOf(member); slice.count() > 0) {
        std::string place = placeText(all, slice.begin);
        bool isMine = link.devices[member] == int64_t(number);
        printCall(work, "ncclBroadcast", {isMine ? own : place, place, std::to_string(slice.count()), "ncclFloat",
                                          std::to_string(member)});
      }
    out << "    check(ncclGroupEnd());\n";
    record(work.event, work.channel + ".stream");
  }

  /// The place of an f32 in a slot.
  static std::string placeText(const std::string &slot, int64_t element) {
    return slot + ".from(" + std::to_string(element) + ")";
  }

  void printInstruction(size_t i, const GradNorm &op) {
    beginInstruction(i, "gradient norm, losses");
    std::vector<std::string> gradients;
    for (size_t s = 0; s < op.slots.size(); ++s)
      gradients.push_back("{" + slots[op.slots[s]] + ", " + std::to_string(op.ranges[s].begin) +
                          ", " + std::to_string(op.ranges[s].end) + "}");
    if (gradients.empty())
      gradients.emplace_back();
    gradients.front() = "{" + gradients.front();
    gradients.back() += "}";
    if (program.updateEvery)
      gradients.push_back(std::to_string(i));
    out << callText(4, "gpu.contribute", gradients);
    if (several)
      printAgreement();
    out << "    gpu.judge();\n";
  }

  /// After all messages and sums of this device, so that a step ends with what it started.
  void printAgreement() {
    for (auto &[index, work] : messages)
      if (!links.messages[index].isToHost())
        await("all.stream", work.event);
    for (auto &[index, work] : collectives)
      if (links.collectives[index].kind != Collective::AllGather)
        await("all.stream", work.event);
    printWork({"all", "agreed"}, "ncclAllGather",
              {"numbers.mine", "numbers.all", "numbers.count", "ncclDouble"});
    await("compute", "agreed");
  }

  void printInstruction(size_t i, const Step &op) {
    std::string after = op.isBetween() ? ", after micro-batch " + std::to_string(op.microbatch) : "";
    beginInstruction(i, nameOfOptimizer() + ", stages " + listText(op.stages) + after);
    out << callText(4, "gpu.update", updateArguments(op, i, slots));
  }

  void printInstruction(size_t i, const Stash &op) {
    beginInstruction(i, "keep version " + std::to_string(op.version) + " of the weights of stages " +
                            listText(op.stages));
    out << callText(4, "gpu.keep", {slots[op.weights], slots[op.kept]});
    if (op.working)
      out << callText(4, "gpu.keep", {slots[*op.working], slots[*op.workingKept]});
  }

  void printInstruction(size_t i, const Clear &op) {
    beginInstruction(i, "clear gradients of stages " + listText(op.stages));
    out << callText(4, "gpu.clear", {slots[op.slot]});
  }

  void printInstruction(size_t i, const Round &op) {
    beginInstruction(i, "round to bf16, stages " + listText(op.stages));
    out << callText(4, "gpu.round", {"{.elements = " + std::to_string(op.elements),
                                     ".weights = " + slots[op.weights],
                                     ".working = " + slots[op.working] + "}"});
  }

  /// A step ends with all that it has started.
  void printEnd() {
    for (const Wait &wait : mine.atEnd)
      await("compute", workOf(wait).event);
  }

  std::string nameOfOptimizer() const {
    return program.optimizer == "adamw" ? "AdamW"
           : program.optimizer == "sgd" ? "SGD"
                                        : "clear gradients";
  }

  std::ostream &out;
  const Program &program;
  const Links &links;
  const DeviceLinks &mine;
  const FileNames &file;
  Names scope;
  const size_t number;
  const DeviceList &device;
  const bool several, copies; // devices; to the host and back
  std::vector<std::string> slots;
  std::map<int64_t, Work> messages, collectives; // by number
  std::set<int64_t> begun;                       // copies whose first end has been printed
  std::map<std::pair<int64_t, int64_t>, std::string> pairs;
  std::map<std::vector<int64_t>, std::string> groups;
};

} // namespace

void printed::printDevice(std::ostream &out, const Program &program, const Links &links,
                          const PlanNames &names, const FileNames &file, size_t number) {
  DevicePrinter(out, program, links, names, file, number).print();
}
