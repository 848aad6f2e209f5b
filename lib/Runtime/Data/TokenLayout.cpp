//===- TokenLayout.cpp - Where the tokens of a file lie -------------------===//

#include "lib/Runtime/Data/TokenLayout.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

using namespace bitpipe;

/// Reads the header of a one-dimensional .npy of integers.
static TokenLayout layoutOfNpy(const DataFile &file) {
  auto refuse = [&](const std::string &why) {
    fail(file.path(), ": error: not a .npy of tokens: ", why);
  };
  constexpr int64_t preamble = 10, mostHeader = 1 << 16;
  std::string beginning = file.beginning(mostHeader);
  std::string_view all(beginning);
  if (!all.starts_with("\x93NUMPY") || file.size() < preamble)
    refuse("it has another beginning");
  int64_t sizeBytes = beginning.data()[6] == 1 ? 2 : 4;
  uint32_t length = 0;
  if (file.size() < 8 + sizeBytes)
    refuse("it ends in the header");
  std::memcpy(&length, beginning.data() + 8, sizeBytes);
  int64_t offset = 8 + sizeBytes + int64_t(length);
  if (offset > file.size())
    refuse("it ends in the header");
  if (offset > int64_t(all.size()))
    refuse("its header has " + std::to_string(length) + " bytes");
  std::string_view header = all.substr(8 + sizeBytes, length);
  auto after = [&](std::string_view key) {
    size_t at = header.find(key);
    return at == header.npos ? "" : header.substr(at + key.size());
  };
  std::string_view type = after("'descr': '");
  type = type.substr(0, type.find('\''));
  static constexpr std::pair<std::string_view, int64_t> widths[] = {
      {"|u1", 1}, {"<u2", 2}, {"<u4", 4}, {"<i4", 4}, {"<u8", 8}, {"<i8", 8}};
  int64_t width = 0;
  for (auto &[name, bytes] : widths)
    if (type == name)
      width = bytes;
  if (!width)
    refuse("its dtype is '" + std::string(type) +
           "', expected an integer of 1, 2, 4 or 8 bytes (signed from 4)");
  std::string_view shape = after("'shape': (");
  shape = shape.substr(0, shape.find(')'));
  int64_t count = 0;
  auto [end, error] =
      std::from_chars(shape.data(), shape.data() + shape.size(), count);
  std::string_view rest(end, shape.data() + shape.size());
  if (error != std::errc() || (rest != "," && rest != ""))
    refuse("its shape is (" + std::string(shape) + "), expected one dimension");
  if (count < 0 || count > (file.size() - offset) / width)
    refuse("it ends before its " + std::to_string(count) + " tokens do");
  return {offset, width, count};
}

//===----------------------------------------------------------------------===//
// .bin
//===----------------------------------------------------------------------===//

/// llm.c's files begin with 256 numbers of 4 bytes: which kind, its version,
/// how many tokens follow.
static std::optional<TokenLayout> layoutOfHeader(const DataFile &file) {
  struct Kind {
    int32_t magic, version;
    int64_t width;
  };
  static constexpr Kind kinds[] = {{20240520, 1, 2}, {20240801, 7, 4}};
  constexpr int64_t headerBytes = 256 * 4;
  int32_t header[3] = {};
  if (file.size() < headerBytes)
    return std::nullopt;
  file.read(0, sizeof(header), reinterpret_cast<char *>(header));
  for (auto [magic, version, width] : kinds) {
    if (header[0] != magic)
      continue;
    if (header[1] != version)
      fail(file.path(), ": error: begins as a token file of llm.c of version ",
           header[1], ", expected version ", version);
    int64_t space = (file.size() - headerBytes) / width;
    if (header[2] != space || (file.size() - headerBytes) % width != 0)
      fail(file.path(), ": error: its header says ", header[2], " tokens of ",
           width, " bytes, but it has ", file.size() - headerBytes,
           " bytes behind the header");
    return TokenLayout{headerBytes, width, space};
  }
  return std::nullopt;
}

/// Whether the upper half of every token of 4 bytes would be 0, as it is for
/// small numbers, while tokens of 2 bytes are rarely so.
static bool looksWide(const DataFile &file) {
  constexpr int64_t sampled = 1 << 16, fewest = 8;
  std::string beginning = file.beginning(sampled);
  int64_t pairs = beginning.size() / 4;
  for (int64_t i = 0; i < pairs; ++i)
    if (beginning[i * 4 + 2] || beginning[i * 4 + 3])
      return false;
  return pairs >= fewest && file.size() % 4 == 0;
}

/// How wide the tokens of a file without a header are.
static int64_t widthOf(const DataFile &file, int64_t bound) {
  constexpr const char *choose = ", expected --token-bytes=2 or --token-bytes=4";
  if (bound < 0)
    fail(file.path(), ": error: how wide its tokens are cannot be told, since "
                      "the model does not show how many it has", choose);
  if (bound > 65536)
    return 4;
  if (looksWide(file))
    fail(file.path(), ": error: every second value of 2 bytes is 0, as if the "
                      "tokens had 4", choose);
  return 2;
}

static TokenLayout layoutOfBin(const DataFile &file, int64_t tokenBytes,
                               int64_t bound) {
  if (auto layout = layoutOfHeader(file)) {
    if (tokenBytes && tokenBytes != layout->bytesPerToken)
      fail(file.path(), ": error: its header says tokens of ",
           layout->bytesPerToken, " bytes, --token-bytes says ", tokenBytes);
    return *layout;
  }
  int64_t width = tokenBytes ? tokenBytes : widthOf(file, bound);
  if (file.size() % width != 0)
    fail(file.path(), ": error: has ", file.size(), " bytes, expected a "
         "multiple of ", width, " as token ids ",
         tokenBytes ? "by --token-bytes" : "of the model", " take");
  return {0, width, file.size() / width};
}

TokenLayout bitpipe::findTokenLayout(const DataFile &file, int64_t tokenBytes,
                                     int64_t bound) {
  if (file.path().ends_with(".npy"))
    return layoutOfNpy(file);
  if (file.path().ends_with(".bin"))
    return layoutOfBin(file, tokenBytes, bound);
  return {0, 1, file.size()};
}
