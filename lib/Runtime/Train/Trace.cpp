//===- Trace.cpp - What each device really did ----------------------------===//

#include "lib/Runtime/Train/Trace.h"

#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

using namespace bitpipe;
using nlohmann::json;

namespace {

class TraceWriter {
public:
  TraceWriter(const std::string &path, const Program &program,
              const std::vector<DeviceTrace> &traces,
              const std::vector<DeviceTrace> &predicted)
      : program(program), traces(traces), predicted(predicted), file(path) {
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
      writeHead(d, name);
      writeDevice(d);
      if (predicted.empty())
        continue;
      size_t row = program.devices.size() + d;
      writeHead(row, name + " predicted");
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

  // Viewers merge process and thread 0 with others, so numbers count from 1. Behind
  // the devices' own rows come those of what was predicted for them.
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
  void writeHead(size_t row, const std::string &name) {
    size_t devices = program.devices.size();
    file.write(",\n" + metadata("thread_name", row, {{"name", name}}));
    file.write(",\n" + metadata("thread_sort_index", row,
                                {{"sort_index", 2 * (row % devices) + row / devices}}));
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
    int64_t step = 0;
    for (const NamedEvent &event : traces[d]) {
      writeEvent(d, event);
      if (event.category == "run" || event.category == "messages")
        begins[{d, step, event.name}] = event.begin;
      step += event.category == "step"; // recorded when it ends
    }
    steps = std::max(steps, step);
  }

  /// From every send to the run that needs the tensor.
  void writeArrows(size_t d) {
    for (const Instruction &op : program.devices[d].instructions)
      if (auto *send = std::get_if<Transmit>(&op))
        for (int64_t step = 0; step < steps; ++step)
          writeArrow(*send, d, step);
  }

  void writeArrow(const Transmit &send, size_t from, int64_t step) {
    auto begin = begins.find({from, step, bitpipe::text(Instruction(send))});
    if (begin == begins.end())
      return;
    if (send.run.isMove())
      return; // no run stands for its other end on the device that keeps it
    bool forward = send.run.kind == 'F';
    const char *users = forward ? "F" : "BI";
    for (; *users; ++users) {
      RunName user{*users, send.run.stage + (forward ? 1 : -1),
                   send.run.microbatch};
      auto end = begins.find({size_t(send.to), step, bitpipe::text(user)});
      if (end == begins.end())
        continue;
      ++arrows;
      addEnd("s", from, send, begin->second);
      addEnd("f", send.to, send, end->second);
    }
  }

  void addEnd(const char *phase, size_t d, const Transmit &send,
              Nanoseconds time) {
    json event = onRow(d);
    event.update({{"ph", phase},
                  {"name", bitpipe::text(send.run)},
                  {"cat", "message"},
                  {"id", arrows},
                  {"ts", micros(time)}});
    if (*phase == 'f')
      event["bp"] = "e"; // the piece that is going on, not the next one
    add(event);
  }

  const Program &program;
  const std::vector<DeviceTrace> &traces, &predicted;
  OutputFile file;
  Nanoseconds origin;
  int64_t steps = 0, arrows = 0;
  std::map<Key, Nanoseconds> begins;
};

} // namespace

void bitpipe::writeTrace(const std::string &path, const Program &program,
                         const std::vector<DeviceTrace> &traces,
                         const std::vector<DeviceTrace> &predicted) {
  TraceWriter(path, program, traces, predicted).write();
}
