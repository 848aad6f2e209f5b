//===- MappedFile.cpp - A file as memory ----------------------------------===//

#include "lib/Files/MappedFile.h"

#include "lib/Files/Error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace bitpipe;

MappedFile::MappedFile(const std::string &path, const std::string &what)
    : name(path) {
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    std::string why = file < 0 ? std::strerror(errno) : "not a regular file";
    if (file >= 0)
      close(file);
    fail(path, ": error: cannot read the ", what, ": ", why);
  }
  bytes = status.st_size;
  void *mapped = bytes ? mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0)
                       : nullptr;
  close(file);
  if (mapped == MAP_FAILED)
    fail(path, ": error: cannot map the ", what, ": ", std::strerror(errno));
  start = static_cast<const char *>(mapped);
}

MappedFile::~MappedFile() {
  if (start)
    munmap(const_cast<char *>(start), bytes);
}
