//===- OutputFile.cpp - A file that is whole or not there -----------------===//

#include "lib/Files/OutputFile.h"

#include "lib/Files/Error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace bitpipe;
namespace fs = std::filesystem;

std::string bitpipe::followLinks(const std::string &path) {
  fs::path target = path;
  std::error_code none;
  constexpr int mostLinks = 40; // as the system has it
  for (int i = 0; i < mostLinks && fs::is_symlink(target, none); ++i)
    target = target.parent_path() / fs::read_symlink(target, none);
  return target.string();
}

OutputFile::OutputFile(const std::string &path)
    : path(path), target(followLinks(path)) {
  open();
}

OutputFile::~OutputFile() {
  if (stream)
    std::fclose(stream);
}

void OutputFile::open() {
  struct stat there;
  bool exists = stat(target.c_str(), &there) == 0;
  if (!exists && errno != ENOENT)
    refuse();
  // Renaming onto a device or a pipe would replace it.
  if (exists && !S_ISREG(there.st_mode))
    throw WriteError(path, "is no regular file, expected one or none");
  // Renaming asks nobody whether the file may be written.
  if (exists && access(target.c_str(), W_OK) != 0)
    refuse();
  int file = temporary.create(fs::path(target).parent_path().string(),
                              exists ? 0600 : 0666);
  if (file < 0)
    refuse();
  if (exists) {
    // Another user's file stays theirs where that is allowed.
    if (there.st_uid != geteuid() || there.st_gid != getegid())
      (void)!fchown(file, there.st_uid, there.st_gid);
    fchmod(file, there.st_mode & 07777);
  }
  stream = fdopen(file, "wb");
  if (!stream) {
    close(file);
    refuse();
  }
}

void OutputFile::write(const void *data, size_t size) {
  if (std::fwrite(data, 1, size, stream) != size)
    refuse();
}

void OutputFile::resize(int64_t bytes) {
  if (std::fflush(stream) != 0 || ftruncate(fileno(stream), bytes) != 0)
    refuse();
}

void OutputFile::seal() {
  int closed = std::fclose(stream);
  stream = nullptr;
  if (closed != 0)
    refuse();
  // By path: it may be another file by now, that a linker has put there.
  int file = ::open(temporary.path().c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    refuse();
  int synced = fsync(file), why = errno;
  close(file);
  errno = why;
  if (synced != 0)
    refuse();
}

void OutputFile::rename() {
  if (std::rename(temporary.path().c_str(), target.c_str()) != 0)
    refuse();
  temporary.forget();
}

void OutputFile::commit() { commit({this}); }

void OutputFile::commit(const std::vector<OutputFile *> &files) {
  for (OutputFile *file : files)
    file->seal();
  Uninterrupted untilAllAreThere;
  for (OutputFile *file : files)
    file->rename();
}

void OutputFile::refuse() {
  throw WriteError(path, std::string("cannot write: ") + std::strerror(errno));
}
