//===- Hash.h - Hash of a file beside the plan ----------------------------===//
//
// Tells whether a plan and the files beside it belong together. It guards
// against mistakes, not against forgery, and reads gigabytes per second: FNV's
// multiply over 64-bit words with a fold that brings high bits back down.
// Standard library only: the compiler writes what the runtime checks.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_HASH_H
#define BITPIPE_RUNTIME_HASH_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bitpipe {

/// The hash of bytes that may arrive in several pieces.
class Hash {
public:
  void add(const void *data, size_t size) {
    auto *bytes = static_cast<const unsigned char *>(data);
    total += size;
    for (; size && filled; --size)
      addByte(*bytes++);
    uint64_t word;
    for (; size >= sizeof(word); size -= sizeof(word), bytes += sizeof(word)) {
      std::memcpy(&word, bytes, sizeof(word));
      mix(word);
    }
    for (; size; --size)
      addByte(*bytes++);
  }

  /// 16 hexadecimal digits, as pipe.training holds them.
  std::string digest() const {
    Hash end = *this;
    end.mix(end.partial);
    end.mix(end.total);
    char text[17];
    std::snprintf(text, sizeof(text), "%016llx",
                  static_cast<unsigned long long>(end.state));
    return text;
  }

private:
  void mix(uint64_t word) {
    state = (state ^ word) * 0x9e3779b97f4a7c15u;
    state ^= state >> 32;
  }
  void addByte(unsigned char byte) {
    partial |= uint64_t(byte) << (8 * filled);
    if (++filled < sizeof(partial))
      return;
    mix(partial);
    partial = filled = 0;
  }

  uint64_t state = 0xcbf29ce484222325u;
  uint64_t partial = 0; // the bytes after the last whole word
  uint64_t total = 0;
  unsigned filled = 0;
};

inline std::string hashBytes(const void *data, size_t size) {
  Hash hash;
  hash.add(data, size);
  return hash.digest();
}

/// The hash of a file's contents, or nothing if it cannot be read.
inline std::optional<std::string> hashFile(const std::string &path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(
      std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file)
    return std::nullopt;
  Hash hash;
  std::vector<char> buffer(1 << 20);
  while (size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get()))
    hash.add(buffer.data(), got);
  if (std::ferror(file.get()))
    return std::nullopt;
  return hash.digest();
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_HASH_H
