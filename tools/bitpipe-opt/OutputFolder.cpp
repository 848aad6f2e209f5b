//===- OutputFolder.cpp - Several files, written whole or not at all -------===//

#include "tools/bitpipe-opt/OutputFolder.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"

using namespace llvm;

namespace bitpipe {
namespace {

std::string inFolder(StringRef folder, StringRef name) {
  SmallString<256> path(folder);
  sys::path::append(path, name);
  return path.str().str();
}

} // namespace

Expected<OutputFolder> OutputFolder::beside(StringRef file) {
  std::string target = sys::path::parent_path(file).str();
  if (target.empty())
    target = ".";
  std::string folder =
      inFolder(target, ("." + sys::path::filename(file) + "." +
                       Twine(sys::Process::getProcessId())).str());
  if (std::error_code error = sys::fs::create_directory(folder))
    return createStringError(error, "cannot write '%s': %s",
                             file.str().c_str(), error.message().c_str());
  return OutputFolder(target, folder);
}

OutputFolder::OutputFolder(OutputFolder &&other)
    : target(std::move(other.target)), folder(std::move(other.folder)),
      names(std::move(other.names)) {
  other.folder.clear();
}

OutputFolder::~OutputFolder() {
  if (!folder.empty())
    (void)sys::fs::remove_directories(folder);
}

std::string OutputFolder::path(StringRef name) {
  names.push_back(name.str());
  return inFolder(folder, name);
}

Error OutputFolder::commit() {
  for (const std::string &name : names)
    if (std::error_code error =
            sys::fs::rename(inFolder(folder, name), inFolder(target, name)))
      return createStringError(error, "cannot write '%s': %s",
                               inFolder(target, name).c_str(),
                               error.message().c_str());
  return Error::success();
}

} // namespace bitpipe
