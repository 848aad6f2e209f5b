//===- DataFile.cpp - A data file that is read while training -------------===//

#include "lib/Runtime/Data/DataFile.h"

#include "lib/Runtime/Error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace bitpipe;

DataFile::DataFile(const std::string &path)
    : name(path), descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat status;
  if (descriptor < 0 || fstat(descriptor, &status) != 0)
    fail(path, ": error: cannot read the data: ", std::strerror(errno));
  if (!S_ISREG(status.st_mode)) {
    close(descriptor);
    fail(path, ": error: cannot read the data: not a regular file");
  }
  bytes = status.st_size;
  modified = status.st_mtim;
}

DataFile::~DataFile() { close(descriptor); }

void DataFile::read(int64_t offset, int64_t count, char *target) const {
  while (count > 0) {
    ssize_t got = pread(descriptor, target, count, offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      fail(name, ": error: cannot read the data: ", std::strerror(errno));
    if (got == 0)
      fail(name, ": error: ends at byte ", offset, ", expected ", bytes,
           " bytes, as when the run began");
    offset += got;
    target += got;
    count -= got;
  }
}

std::string DataFile::beginning(int64_t count) const {
  std::string text(std::min(count, bytes), '\0');
  read(0, text.size(), text.data());
  return text;
}

void DataFile::checkUnchanged() const {
  struct stat status;
  if (fstat(descriptor, &status) != 0)
    fail(name, ": error: cannot read the data: ", std::strerror(errno));
  if (status.st_size != bytes)
    fail(name, ": error: has ", int64_t(status.st_size), " bytes, expected ",
         bytes, ", as when the run began");
  if (status.st_mtim.tv_sec != modified.tv_sec ||
      status.st_mtim.tv_nsec != modified.tv_nsec)
    fail(name, ": error: was written to while the run read it, expected it to "
               "stay as when the run began");
}
