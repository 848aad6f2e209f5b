//===- Trace.cpp - What each device really did ----------------------------===//

#include "lib/Runtime/Trace.h"


#include "lib/Files/OutputFile.h"
#include "lib/Files/WrittenBy.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

using namespace bitpipe;
using nlohmann::json;

static std::string quoted(const std::string &text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

static Nanoseconds firstEvent(const Program &program,
                              const Executor &executor) {
  Nanoseconds first = std::numeric_limits<Nanoseconds>::max();
  for (size_t d = 0; d < program.devices.size(); ++d)
    for (const TraceEvent &event : executor.recorder(d))
      first = std::min(first, event.begin);
  return first;
}

void bitpipe::writeTrace(const std::string &path, const Program &program,
                         const Executor &executor) {
  OutputFile file(path);
  std::vector<std::string> labels, categories;
  for (const std::string &label : executor.calls().labels())
    labels.push_back(quoted(label));
  for (const std::string &category : executor.calls().categories())
    categories.push_back(quoted(category));
  Nanoseconds origin = firstEvent(program, executor);
  file.write("{\"otherData\":" + json{{mark::key, mark::value}}.dump() +
             ",\"traceEvents\":[\n");
  for (size_t d = 0; d < program.devices.size(); ++d) {
    std::string number = std::to_string(d);
    file.write("{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":0,\"tid\":" +
               number + ",\"args\":{\"name\":\"device " + number + "\"}}");
    for (const TraceEvent &event : executor.recorder(d)) {
      char times[96];
      int length = std::snprintf(times, sizeof(times),
                                 ",\"ts\":%.3f,\"dur\":%.3f}",
                                 (event.begin - origin) * 1e-3,
                                 (event.end - event.begin) * 1e-3);
      file.write(",\n{\"ph\":\"X\",\"pid\":0,\"tid\":" + number + ",\"name\":" +
                 labels[event.label] + ",\"cat\":" + categories[event.category] +
                 std::string(times, length));
    }
    file.write(d + 1 < program.devices.size() ? ",\n" : "\n");
  }
  file.write("]}\n");
  file.commit();
}
