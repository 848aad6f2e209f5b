//===- DataPrint.cpp - What tells a data file from another ----------------===//

#include "lib/Runtime/Data/DataPrint.h"

#include "lib/Runtime/Data/DataFile.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Hash.h"

#include <cerrno>
#include <filesystem>
#include <sys/stat.h>

using namespace bitpipe;

/// The hash of blocks at equal distances, the first and the last byte among them.
static std::string hashOfBlocks(const DataFile &file) {
  constexpr int64_t blocks = 64, size = 64 << 10;
  Hash hash;
  auto add = [&](int64_t begin, int64_t count) {
    std::string bytes(count, '\0');
    file.read(begin, count, bytes.data());
    hash.add(bytes.data(), bytes.size());
  };
  if (file.size() <= blocks * size)
    add(0, file.size());
  else
    for (int64_t i = 0; i < blocks; ++i)
      add((file.size() - size) / (blocks - 1) * i +
              (file.size() - size) % (blocks - 1) * i / (blocks - 1),
          size);
  return hash.digest();
}

DataPrint bitpipe::takePrint(const std::string &path) {
  DataFile file(path);
  struct stat status;
  if (stat(path.c_str(), &status) != 0)
    fail(path, ": error: cannot read the data: ", std::strerror(errno));
  std::error_code none;
  return {std::filesystem::absolute(path, none).string(), file.size(),
          status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
          hashOfBlocks(file)};
}
