//===- schedule-golden-test.cpp - Schedules that are known -----------------===//
//
// Usage: schedule-golden-test GOLDEN-FOLDER
// Orders that papers and PyTorch give, action by action.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/CSV.h"
#include "lib/Transforms/Schedule/Simulate/OrderFile.h"
#include "test/Unit/schedule-support.h"

#include <sstream>

using namespace bitpipe::schedule;

static void testGolden(const std::string &folder, const Request &asked,
                       const std::string &file) {
  ErrorOr<Schedule> made = buildSchedule(asked);
  ErrorOr<Schedule> golden = readSchedule(folder + "/" + file);
  if (!made || !golden)
    return expect(false, (made ? golden.error() : made.error()).text);
  for (int device = 0; device < asked.devices; ++device)
    expect(made->order[device] == golden->order[device],
           toText(asked) + " differs from " + file + " on device " +
               std::to_string(device));
  // What is read is written again, but for cells without meaning.
  std::ostringstream text;
  writeCSV(text, golden->order);
  ErrorOr<Order> again = readCSV(text.str());
  expect(again && *again == golden->order, file + " changes when rewritten");
}

int main(int argc, char **argv) {
  std::string folder = argc > 1 ? argv[1] : "test/golden";
  for (int d : {4, 6, 8})
    for (const char *name : {"bitpipe", "bitpipe-published"})
      testGolden(folder, request(name, d, d),
                 "bitpipe-d" + std::to_string(d) + "-n" + std::to_string(d) +
                     ".csv");
  testGolden(folder, request("chimera", 4, 4), "chimera-d4-n4.csv");
  const std::pair<const char *, const char *> pytorch[] = {
      {"gpipe", "gpipe"},
      {"interleaved", "interleaved1f1b"},
      {"interleaved-zb", "interleavedzerobubble"},
      {"breadth-first", "loopedbfs"},
      {"zb-v", "zbvzerobubble"},
      {"dualpipev", "dualpipev"}};
  for (auto [name, file] : pytorch)
    testGolden(folder, request(name, 4, 8),
               std::string("pytorch/") + file + "-d4-n8.csv");
  return report();
}
