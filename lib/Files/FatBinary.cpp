//===- FatBinary.cpp - Code for several GPUs in one file -------------------===//

#include "lib/Files/FatBinary.h"

#include "lib/Files/Error.h"

#include <cstdint>
#include <cstring>

using namespace bitpipe;

namespace {

struct Header {
  uint32_t magic;
  uint16_t version, bytes; // of this header
  uint64_t imageBytes;     // of all that follows
};
static_assert(sizeof(Header) == fatBinaryHeaderBytes);

/// Begins every image; more may follow, as `bytes` says.
struct ImageHeader {
  uint16_t kind, version;
  uint32_t bytes; // of this header
  uint64_t imageBytes;
  uint32_t compressedBytes; // 0: it is not compressed
  uint32_t unused;
  uint16_t minor, major; // of what it is written in
  uint32_t arch;
};

constexpr uint32_t magic = 0xba55ed50;

template <typename Part> Part read(const char *start) {
  Part part;
  std::memcpy(&part, start, sizeof(part));
  return part;
}

} // namespace

bool bitpipe::isFatBinary(std::string_view file) {
  return file.size() >= sizeof(magic) && read<uint32_t>(file.data()) == magic;
}

size_t bitpipe::bytesOfFatBinary(const char *start) {
  auto header = read<Header>(start);
  return header.bytes + header.imageBytes;
}

std::vector<FatImage> bitpipe::imagesOf(std::string_view file) {
  if (!isFatBinary(file))
    fail("no fat binary");
  // Sizes are compared with what is left, so that none can be too large to be added.
  auto take = [&](uint64_t bytes) {
    if (bytes > file.size())
      fail("a fat binary that is cut off: ", bytes, " bytes follow, of which ", file.size(),
           " are there");
    std::string_view taken = file.substr(0, bytes);
    file.remove_prefix(bytes);
    return taken;
  };
  auto header = read<Header>(take(sizeof(Header)).data());
  if (header.version != 1 || header.bytes != sizeof(Header))
    fail("a fat binary of version ", header.version, " with a header of ", header.bytes,
         " bytes, expected version 1 with ", sizeof(Header));
  file = take(header.imageBytes);
  std::vector<FatImage> images;
  while (!file.empty()) {
    auto image = read<ImageHeader>(take(sizeof(ImageHeader)).data());
    if (image.bytes < sizeof(ImageHeader))
      fail("a fat binary with an image whose header has ", image.bytes,
           " bytes, expected at least ", sizeof(ImageHeader));
    take(image.bytes - sizeof(ImageHeader));
    std::string_view bytes = take(image.imageBytes);
    if (image.kind == FatImage::PTX || image.kind == FatImage::MachineCode)
      images.push_back(
          {FatImage::Kind(image.kind), int(image.arch), image.compressedBytes != 0, bytes});
  }
  return images;
}

std::string bitpipe::textOf(const std::vector<FatImage> &images) {
  std::string text;
  for (auto [kind, name] : {std::pair(FatImage::MachineCode, "machine code"),
                            std::pair(FatImage::PTX, "PTX")}) {
    std::string archs;
    for (const FatImage &image : images)
      if (image.kind == kind)
        archs += (archs.empty() ? "" : " and ") + ("sm_" + std::to_string(image.arch));
    if (!archs.empty())
      text += (text.empty() ? "" : ", ") + std::string(name) + " for " + archs;
  }
  return text.empty() ? "nothing for a GPU" : text;
}
