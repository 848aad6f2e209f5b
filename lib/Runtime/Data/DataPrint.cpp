//===- DataPrint.cpp - What tells a data file from another ----------------===//

#include "lib/Runtime/Data/DataPrint.h"

#include "lib/Runtime/Data/DataFile.h"
#include "lib/Runtime/Data/DataFiles.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Hash.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/stat.h>

using namespace bitpipe;

constexpr int64_t mostBlocks = 64;

/// The hash of blocks at equal distances, the first and the last byte among them.
static std::string hashOfBlocks(const DataFile &file, int64_t blocks) {
  constexpr int64_t size = 64 << 10;
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

static DataPrint printOf(const std::string &path, int64_t blocks) {
  DataFile file(path);
  struct stat status;
  if (stat(path.c_str(), &status) != 0)
    fail(path, ": error: cannot read the data: ", std::strerror(errno));
  return {path, file.size(), status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
          hashOfBlocks(file, blocks)};
}

/// Of several files: what they have together, and the hash of their sizes and hashes.
static DataPrint joinedPrint(const std::vector<std::string> &files) {
  DataPrint all;
  Hash hash;
  int64_t blocks = std::max<int64_t>(2, mostBlocks / int64_t(files.size()));
  for (const std::string &path : files) {
    DataPrint print = printOf(path, blocks);
    all.bytes += print.bytes;
    all.modified = std::max(all.modified, print.modified);
    std::string text = joined(print.bytes, " ", print.hash);
    hash.add(text.data(), text.size());
  }
  all.hash = hash.digest();
  return all;
}

DataPrint bitpipe::takePrint(const std::string &path) {
  std::vector<std::string> files = dataFiles(path);
  DataPrint print = files.size() == 1 ? printOf(files.front(), mostBlocks) : joinedPrint(files);
  std::error_code none;
  print.path = std::filesystem::absolute(path, none).string();
  return print;
}
