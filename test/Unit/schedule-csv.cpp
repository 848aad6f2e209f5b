//===- schedule-csv.cpp - An order as text, without a compiler --------------===//
//
// Usage: schedule-csv NAME DEVICES MICROBATCHES [CHUNKS]
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Core/CSV.h"
#include "lib/Transforms/Schedule/Families/Shared/Registry.h"

#include <cstdlib>
#include <iostream>

using namespace bitpipe::schedule;

int main(int argc, char **argv) {
  if (argc < 4) {
    std::cerr << "usage: schedule-csv NAME DEVICES MICROBATCHES [CHUNKS]\n";
    return 2;
  }
  Request request;
  request.pipeline = argv[1];
  request.devices = std::atoi(argv[2]);
  request.microbatches = std::atoi(argv[3]);
  request.chunks = argc > 4 ? std::atoi(argv[4]) : 0;
  ErrorOr<Schedule> schedule = buildSchedule(request);
  if (!schedule) {
    std::cerr << schedule.error().text << '\n';
    return 1;
  }
  writeCSV(std::cout, schedule->order);
}
