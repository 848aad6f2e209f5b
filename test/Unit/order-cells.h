//===- order-cells.h - An order's text, as a second reader has it -*- C++ -*-===//
//
// What the parts of schedule-orders-test share: rows of cells, and the runs in them.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_UNIT_ORDER_CELLS_H
#define BITPIPE_TEST_UNIT_ORDER_CELLS_H

#include <cstdio>
#include <string>
#include <tuple>
#include <vector>

using Rows = std::vector<std::vector<std::string>>;
using Run = std::tuple<char, int, int>; // kind, stage, micro-batch

constexpr const char *kinds = "FBIWRUEGKL";

/// The runs of a cell: one, or the two of a pair.
inline std::vector<Run> runsIn(const std::string &cell) {
  std::vector<Run> runs;
  int stage, microbatch, stage2, microbatch2;
  char kind, kind2;
  if (std::sscanf(cell.c_str(), "(%d%c%d;%d%c%d)", &stage, &kind, &microbatch,
                  &stage2, &kind2, &microbatch2) == 6)
    return {{kind, stage, microbatch}, {kind2, stage2, microbatch2}};
  if (std::sscanf(cell.c_str(), "%d%c%d", &stage, &kind, &microbatch) == 3)
    return {{kind, stage, microbatch}};
  return {};
}

#endif // BITPIPE_TEST_UNIT_ORDER_CELLS_H
