//===- OutputFile.cpp - A file that is whole or not there -----------------===//

#include "lib/Runtime/OutputFile.h"

#include "lib/Runtime/Error.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>

using namespace bitpipe;

OutputFile::OutputFile(const std::string &path)
    : path(path), temporary(path + ".partial-" + std::to_string(getpid())) {
  // Renaming onto a device or a pipe would replace it.
  std::error_code none;
  if (std::filesystem::exists(path, none) &&
      !std::filesystem::is_regular_file(path, none))
    fail(path, ": error: is no regular file, expected one or none");
  stream = std::fopen(temporary.c_str(), "wb");
  if (!stream)
    refuse();
}

OutputFile::~OutputFile() {
  if (stream)
    std::fclose(stream);
  if (!complete)
    std::remove(temporary.c_str());
}

void OutputFile::write(const void *data, size_t size) {
  if (std::fwrite(data, 1, size, stream) == size)
    return;
  refuse();
}

void OutputFile::commit() {
  if (std::fflush(stream) != 0 || fsync(fileno(stream)) != 0)
    refuse();
  int closed = std::fclose(stream);
  stream = nullptr;
  if (closed != 0 || std::rename(temporary.c_str(), path.c_str()) != 0)
    refuse();
  complete = true;
}

void OutputFile::refuse() {
  int why = errno;
  // A constructor that throws runs no destructor.
  if (stream)
    std::fclose(stream);
  stream = nullptr;
  std::remove(temporary.c_str());
  fail(path, ": error: cannot write: ", std::strerror(why));
}
