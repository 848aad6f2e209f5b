//===- fat-binary-test.cpp - Images in a fat binary -----------------------===//

#include "lib/Files/Error.h"
#include "lib/Files/FatBinary.h"
#include "test/Unit/check.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>

using namespace bitpipe;

namespace {

std::string bytes(uint64_t number, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += char(number >> (8 * i));
  return text;
}

/// As fatbinary writes it: 64 bytes of header, of which 32 say what is read.
std::string image(int kind, int arch, const std::string &content, uint64_t claimed, uint32_t header = 64, uint32_t compressed = 0) {
  return bytes(uint64_t(kind), 2) + bytes(0x101, 2) + bytes(header, 4) + bytes(claimed, 8) + bytes(compressed, 4) +
         bytes(0, 4) + bytes(8, 2) + bytes(1, 2) + bytes(uint64_t(arch), 4) + std::string(32, '\0') + content;
}

std::string whole(const std::string &images, uint64_t claimed, int version = 1) {
  return bytes(0xba55ed50, 4) + bytes(uint64_t(version), 2) + bytes(16, 2) + bytes(claimed, 8) + images;
}

std::string errorOf(const std::string &file) {
  try {
    imagesOf(file);
  } catch (const UserError &error) {
    return error.what();
  }
  return "";
}

void checkImages() {
  std::string images = image(2, 80, "abcdefgh", 8) + image(64, 75, "unknown.", 8) + image(2, 90, "ijkl", 4) +
                       image(1, 90, "text", 4) + image(1, 100, "zzzz", 4, 64, 4);
  std::string file = whole(images, images.size());
  check(isFatBinary(file) && !isFatBinary("PTX") && !isFatBinary(""), "what a fat binary is");
  check(bytesOfFatBinary(file.data()) == file.size(), "how long it is");
  std::string followed = file + "written by somebody";
  auto found = imagesOf(followed);
  check(found.size() == 4, "all images that are known");
  check(found[0].kind == FatImage::MachineCode && found[0].arch == 80 && found[0].bytes == "abcdefgh", "the first");
  check(found[2].kind == FatImage::PTX && found[2].arch == 90 && found[2].bytes == "text" && !found[2].compressed, "PTX");
  check(found[3].compressed, "one that is compressed");
  check(textOf(found) == "machine code for sm_80 and sm_90, PTX for sm_90 and sm_100", textOf(found));
  check(textOf({}) == "nothing for a GPU", textOf({}));
  for (size_t length = 0; length < file.size(); ++length)
    check(!errorOf(file.substr(0, length)).empty(), "cut off after " + std::to_string(length));
}

void checkSizes() {
  std::string large = image(1, 90, "text", ~uint64_t(0));
  check(errorOf(whole(large, large.size())).find("cut off") != std::string::npos, "an image that is too large");
  check(errorOf(whole(large, ~uint64_t(0))).find("cut off") != std::string::npos, "a file that is too large");
  std::string small = image(1, 90, "text", 4, 8);
  check(errorOf(whole(small, small.size())).find("header has 8 bytes") != std::string::npos, "a header that is too small");
  check(errorOf(whole("", 0, 2)).find("version 2") != std::string::npos, "another version");
}

/// A file with changed bytes, pieces more or less, in memory of just its size.
void checkMutants() {
  std::string images = image(2, 80, "abcdefgh", 8) + image(1, 90, "text", 4) + image(2, 100, "", 0);
  std::string good = whole(images, images.size());
  std::mt19937 draw(1);
  int refused = 0, taken = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string changed = good;
    for (unsigned changes = 1 + draw() % 3; changes-- && !changed.empty();) {
      size_t at = draw() % changed.size(), count = 1 + draw() % 16;
      switch (draw() % 4) {
      case 0: changed.erase(at, count); break;
      case 1: changed.insert(at, count, char(draw())); break;
      case 2: changed[at] = char(draw()); break;
      default: changed[at] = char(changed[at] ^ (1 << draw() % 8));
      }
    }
    auto memory = std::make_unique<char[]>(changed.size());
    std::ranges::copy(changed, memory.get());
    std::string_view file(memory.get(), changed.size());
    try {
      for (const FatImage &found : imagesOf(file))
        check(found.bytes.data() >= file.data() && found.bytes.data() + found.bytes.size() <= file.data() + file.size(),
              "mutant " + std::to_string(i) + ": an image outside of the file");
      ++taken;
    } catch (const UserError &) {
      ++refused;
    }
  }
  check(refused > 1000 && taken > 1000, std::to_string(refused) + " mutants refused, " + std::to_string(taken) + " taken");
}

void checkRuns() {
  FatImage code{FatImage::MachineCode, 80, false, ""}, text{FatImage::PTX, 80, false, ""};
  check(code.runsOn(80) && code.runsOn(86) && !code.runsOn(90) && !code.runsOn(75), "what runs machine code");
  check(text.runsOn(80) && text.runsOn(90) && text.runsOn(100) && !text.runsOn(75), "what runs PTX");
  code.arch = 100;
  check(code.runsOn(103) && !code.runsOn(110) && !code.runsOn(90), "what runs machine code for sm_100");
}

} // namespace

int main() {
  checkImages();
  checkSizes();
  checkMutants();
  checkRuns();
  std::printf("%d wrong\n", failures);
  return failures != 0;
}
