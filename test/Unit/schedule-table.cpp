//===- schedule-table.cpp - Schedules side by side, without a compiler ------===//
//
// Usage: schedule-table NAMES DEVICES MICROBATCHES [CHUNKS]
//        schedule-table routes=FILE DEVICES MICROBATCHES
// Lists are separated by commas. Times are those of free messages and stages of
// equal cost.
//
//===----------------------------------------------------------------------===//

#include "lib/Transforms/Schedule/Emit/Compare.h"

#include <iostream>
#include <sstream>

using namespace bitpipe::schedule;

static std::vector<int> numbers(const char *text) {
  std::vector<int> result;
  std::istringstream list(text);
  for (std::string item; std::getline(list, item, ',');)
    result.push_back(std::stoi(item));
  return result;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    std::cerr << "usage: schedule-table NAMES DEVICES MICROBATCHES [CHUNKS]\n";
    return 2;
  }
  std::string names = argv[1];
  Request base;
  if (names.starts_with("routes="))
    base.routes = names.substr(7);
  if (argc > 4)
    base.chunks = std::stoi(argv[4]);
  for (int devices : numbers(argv[2])) {
    base.devices = devices;
    std::cout << devices << " devices\n";
    if (auto wrong = emitComparison(std::cout, base, names, numbers(argv[3]))) {
      std::cerr << wrong->text << '\n';
      return 1;
    }
  }
}
