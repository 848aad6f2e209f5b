//===- fat-binary-test.cpp - Images in a fat binary -----------------------===//

#include "lib/Files/Error.h"
#include "lib/Files/FatBinary.h"
#include "test/Unit/check.h"

#include <cstdint>
#include <cstdio>

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
  checkRuns();
  std::printf("%d wrong\n", failures);
  return failures != 0;
}
