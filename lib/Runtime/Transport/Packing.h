//===- Packing.h - Several texts in one -------------------------------------===//
//
// How many, their lengths, their bytes.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_PACKING_H
#define BITPIPE_RUNTIME_TRANSPORT_PACKING_H

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace bitpipe {

inline std::string packed(const std::vector<std::string> &texts) {
  std::string all;
  auto add = [&](uint64_t number) {
    all.append(reinterpret_cast<const char *>(&number), sizeof(number));
  };
  add(texts.size());
  for (const std::string &text : texts)
    add(text.size());
  for (const std::string &text : texts)
    all += text;
  return all;
}

/// Nothing if `all` was not packed.
inline std::optional<std::vector<std::string>> unpacked(const std::string &all) {
  size_t words = all.size() / sizeof(uint64_t);
  auto number = [&](size_t i) {
    uint64_t number;
    std::memcpy(&number, all.data() + i * sizeof(number), sizeof(number));
    return number;
  };
  if (words == 0 || number(0) > words - 1)
    return std::nullopt;
  std::vector<std::string> texts(number(0));
  size_t position = (texts.size() + 1) * sizeof(uint64_t);
  for (size_t i = 0; i < texts.size(); ++i) {
    size_t bytes = number(i + 1);
    if (bytes > all.size() - position)
      return std::nullopt;
    texts[i] = all.substr(position, bytes);
    position += bytes;
  }
  if (position != all.size())
    return std::nullopt;
  return texts;
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_PACKING_H
