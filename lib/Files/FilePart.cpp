//===- FilePart.cpp - A part of a file that several write ------------------===//

#include "lib/Files/FilePart.h"

#include "lib/Files/Error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace bitpipe;

FilePart::FilePart(const std::string &path, const std::string &name)
    : name(name), file(open(path.c_str(), O_WRONLY | O_CLOEXEC)) {
  if (file < 0)
    refuse();
}

FilePart::~FilePart() { close(file); }

void FilePart::write(int64_t offset, const void *data, int64_t bytes) {
  auto *next = static_cast<const char *>(data);
  while (bytes > 0) {
    ssize_t written = pwrite(file, next, bytes, offset);
    if (written < 0 && errno != EINTR)
      refuse();
    written = std::max<ssize_t>(written, 0);
    next += written;
    offset += written;
    bytes -= written;
  }
}

void FilePart::sync() {
  if (fsync(file) != 0)
    refuse();
}

void FilePart::refuse() {
  throw WriteError(name, std::string("cannot write: ") + std::strerror(errno));
}
