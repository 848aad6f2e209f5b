//===- Trace.cpp - What each device really did ----------------------------===//

#include "lib/Runtime/Train/Trace.h"

#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

using namespace bitpipe;
using nlohmann::json;

namespace {

class TraceWriter {
public:
  TraceWriter(const std::string &path, const Program &program,
              const std::vector<DeviceTrace> &traces,
              const std::vector<DeviceTrace> &predicted)
      : program(program), traces(traces), predicted(predicted), file(path),
        nextRow(2 * program.devices.size()) {
    origin = std::numeric_limits<Nanoseconds>::max();
    for (const DeviceTrace &trace : traces)
      for (const NamedEvent &event : trace)
        origin = std::min(origin, event.begin);
  }

  void write() {
    file.write("{\"otherData\":" + json{{mark::key, mark::value}}.dump() +
               ",\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
    file.write(metadata("process_name", 0, {{"name", "bitpipe-run " + program.path}}));
    for (size_t d = 0; d < program.devices.size(); ++d) {
      std::string name = "device " + std::to_string(d);
      writeHead(d, d, Own, name);
      writeDevice(d);
      if (predicted.empty())
        continue;
      size_t row = program.devices.size() + d;
      writeHead(row, d, Predicted, name + " predicted");
      for (const NamedEvent &event : predicted[d])
        writeEvent(row, event);
    }
    for (size_t d = 0; d < program.devices.size(); ++d)
      writeArrows(d);
    file.write("\n]}\n");
    file.commit();
  }

private:
  /// An event by what it is called and when it came; the step tells it from
  /// others of its name.
  using Key = std::tuple<size_t, int64_t, std::string>; // device, step, name
  struct Place {
    size_t row;
    Nanoseconds time;
  };

  /// Rows of a device, in the order in which they are shown.
  enum Kind { Own, Predicted, Messages, Sums, Host, kinds };

  /// What a GPU exchanges goes on beside its runs.
  Kind kindOf(const NamedEvent &event) const {
    return event.category == "copies"                            ? Host
           : event.category == "sums"                            ? Sums
           : event.category == "messages" && program.isForGPUs() ? Messages
                                                                 : Own;
  }

  // Viewers merge process and thread 0 with others, so numbers count from 1. Behind
  // the devices' own rows come those of what was predicted for them, and of what went on
  // beside them.
  static json onRow(size_t row) { return {{"pid", 1}, {"tid", row + 1}}; }

  static std::string text(const json &event) {
    return event.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  double micros(Nanoseconds time) const { return (time - origin) * 1e-3; }

  static std::string metadata(const char *name, size_t row, json arguments) {
    json event = onRow(row);
    event.update({{"ph", "M"}, {"name", name}, {"args", std::move(arguments)}});
    return text(event);
  }
  void add(const json &event) { file.write(",\n" + text(event)); }

  /// Rows of one device are neighbours.
  void writeHead(size_t row, size_t d, Kind kind, const std::string &name) {
    file.write(",\n" + metadata("thread_name", row, {{"name", name}}));
    file.write(",\n" + metadata("thread_sort_index", row,
                                {{"sort_index", kinds * d + size_t(kind)}}));
  }

  void writeEvent(size_t row, const NamedEvent &event) {
    json line = onRow(row);
    line.update({{"ph", "X"},
                 {"name", event.name},
                 {"cat", event.category},
                 {"ts", micros(event.begin)},
                 {"dur", (event.end - event.begin) * 1e-3}});
    add(line);
  }

  void writeDevice(size_t d) {
    std::vector<size_t> rows(traces[d].size(), d);
    for (Kind kind : {Messages, Sums, Host})
      spread(d, kind, rows);
    int64_t step = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      const NamedEvent &event = traces[d][i];
      writeEvent(rows[i], event);
      if (event.category == "run" || event.category == "messages" || event.category == "copies")
        begins[{d, step, event.name}] = {rows[i], event.begin};
      step += event.category == "step"; // recorded when it ends
    }
    steps = std::max(steps, step);
  }

  /// Finds rows for events that may go on at once, which one row cannot show: as many as that
  /// takes.
  void spread(size_t d, Kind kind, std::vector<size_t> &rows) {
    constexpr const char *names[] = {"", "", "messages", "sums", "host"};
    std::vector<size_t> order;
    for (size_t i = 0; i < rows.size(); ++i)
      if (kindOf(traces[d][i]) == kind)
        order.push_back(i);
    std::ranges::stable_sort(order, {}, [&](size_t i) { return traces[d][i].begin; });
    std::vector<Place> free; // from when on each row is
    for (size_t i : order) {
      const NamedEvent &event = traces[d][i];
      auto place = std::ranges::find_if(
          free, [&](const Place &one) { return one.time <= event.begin; });
      if (place == free.end()) {
        writeHead(nextRow, d, kind, std::string(names[kind]) + " of device " + std::to_string(d));
        place = free.insert(free.end(), {nextRow++, 0});
      }
      place->time = event.end;
      rows[i] = place->row;
    }
  }

  /// From every send to what needs the tensor; of what moves in several pieces from the last,
  /// since events are told apart by their names.
  void writeArrows(size_t d) {
    std::string before;
    for (const Instruction &op : program.devices[d].instructions)
      if (auto *send = std::get_if<Transmit>(&op)) {
        std::string name = bitpipe::text(op);
        bool isNext = send->run.isMove() && name == before; // piece of the same move
        before = name;
        for (int64_t step = 0; step < steps && !isNext; ++step)
          writeArrow(*send, d, step);
      }
  }

  void writeArrow(const Transmit &send, size_t from, int64_t step) {
    auto begin = begins.find({from, step, bitpipe::text(Instruction(send))});
    if (begin == begins.end())
      return;
    for (const std::string &user : usersOf(send, from)) {
      auto end = begins.find({size_t(send.to), step, user});
      if (end == begins.end())
        continue;
      ++arrows;
      addEnd("s", send, begin->second);
      addEnd("f", send, end->second);
    }
  }

  /// What may need the tensor on the device that gets it: of what is evicted the message that
  /// gives it back, of what comes back the gradient.
  static std::vector<std::string> usersOf(const Transmit &send, size_t from) {
    const RunName &run = send.run;
    auto gradients = [&](int64_t stage) {
      return std::vector{bitpipe::text(RunName{'B', stage, run.microbatch}),
                         bitpipe::text(RunName{'I', stage, run.microbatch})};
    };
    switch (run.kind) {
    case 'F':
      return {bitpipe::text(RunName{'F', run.stage + 1, run.microbatch})};
    case 'E':
      return {bitpipe::text(Instruction(
          Transmit{{'G', run.stage, run.microbatch}, int64_t(from), 0, false}))};
    case 'G':
      return gradients(run.stage);
    default:
      return gradients(run.stage - 1);
    }
  }

  void addEnd(const char *phase, const Transmit &send, const Place &place) {
    json event = onRow(place.row);
    event.update({{"ph", phase},
                  {"name", bitpipe::text(send.run)},
                  {"cat", "message"},
                  {"id", arrows},
                  {"ts", micros(place.time)}});
    if (*phase == 'f')
      event["bp"] = "e"; // the piece that is going on, not the next one
    add(event);
  }

  const Program &program;
  const std::vector<DeviceTrace> &traces, &predicted;
  OutputFile file;
  Nanoseconds origin;
  size_t nextRow; // behind those of the devices and what was predicted
  int64_t steps = 0, arrows = 0;
  std::map<Key, Place> begins;
};

} // namespace

void bitpipe::writeTrace(const std::string &path, const Program &program,
                         const std::vector<DeviceTrace> &traces,
                         const std::vector<DeviceTrace> &predicted) {
  TraceWriter(path, program, traces, predicted).write();
}
