//===- BadIndex.cpp - What is said of an index outside of its table ---------===//

#include "lib/Runtime/Execute/BadIndex.h"

#include "lib/Runtime/ABI.h"
#include "lib/Runtime/Error.h"

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace bitpipe;

/// "[1, 7]", the place of an element in row-major order.
static std::string placeText(int64_t position, std::vector<int64_t> shape) {
  for (size_t dim = shape.size(); dim-- > 0;) {
    int64_t extent = std::max<int64_t>(shape[dim], 1);
    shape[dim] = position % extent;
    position /= extent;
  }
  return listText(shape);
}

std::string bitpipe::describeBadIndex(const int64_t *record, const std::string &site,
                                      const std::string &run) {
  std::string text(site.c_str()); // up to its zero
  auto parts = nlohmann::json::parse(text.empty() ? "{}" : text);
  std::string name = parts.value("name", "");
  return (run.empty() ? "" : run + ": ") + parts.value("what", "index") + " " +
         std::to_string(record[abi::indexValue]) + " at " +
         placeText(record[abi::indexPosition], parts.value("shape", std::vector<int64_t>())) +
         (name.empty() ? "" : " of '" + name + "'") + ", expected " +
         parts.value("expected", "one of its table");
}
