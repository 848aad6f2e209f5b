//===- FatBinary.h - Code for several GPUs in one file ---------------------===//
//
// What NVIDIA's fatbinary writes and the driver loads: images one after the other, each
// with what it is for. The driver takes machine code that its GPU can run; if there is
// none it assembles PTX.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_FILES_FATBINARY_H
#define BITPIPE_FILES_FATBINARY_H

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bitpipe {

struct FatImage {
  enum Kind { PTX = 1, MachineCode = 2 };

  Kind kind;
  int arch; // 90 for sm_90
  bool compressed;
  std::string_view bytes;

  /// PTX is for its GPU and all newer ones, machine code for newer ones of the same
  /// generation alone: that for sm_80 runs on sm_86, and not on sm_90.
  bool runsOn(int gpu) const {
    return arch <= gpu && (kind == PTX || arch / 10 == gpu / 10);
  }
};

/// Whether a file begins as a fat binary does.
bool isFatBinary(std::string_view file);

/// How long the fat binary is that begins here, as its first bytes tell, of which there
/// must be fatBinaryHeaderBytes.
constexpr size_t fatBinaryHeaderBytes = 16;
size_t bytesOfFatBinary(const char *start);

/// The images of a fat binary, which other bytes may follow. Throws a UserError that
/// names no file if it is cut off or not of this form.
std::vector<FatImage> imagesOf(std::string_view file);

/// "machine code for sm_80 and sm_90, PTX for sm_90".
std::string textOf(const std::vector<FatImage> &images);

} // namespace bitpipe

#endif // BITPIPE_FILES_FATBINARY_H
