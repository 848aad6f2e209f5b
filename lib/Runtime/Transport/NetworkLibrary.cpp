//===- NetworkLibrary.cpp - The library that connects processes -------------===//

#include "lib/Runtime/Transport/NetworkLibrary.h"

#include "lib/Runtime/Error.h"
#include "lib/Version/Version.h"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>

using namespace bitpipe;
namespace fs = std::filesystem;

namespace {

struct Library {
  const char *name, *file, *packages, *headers;
};

const Library &libraryOf(TransportKind transport) {
  static const Library mpi = {"MPI", "libbitpipe_mpi.so", "openmpi-bin libopenmpi3",
                              "libopenmpi-dev"};
  static const Library ucx = {"UCX", "libbitpipe_ucx.so", "libucx0", "libucx-dev"};
  return transport == TransportKind::MPI ? mpi : ucx;
}

std::vector<fs::path> folders() {
  std::vector<fs::path> folders;
  if (const char *given = std::getenv("BITPIPE_LIBRARIES"); given && *given)
    folders.push_back(fs::absolute(given));
  std::error_code ignored;
  fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  folders.push_back(program.parent_path());
  return folders;
}

fs::path findFile(const Library &library) {
  std::string places;
  for (const fs::path &folder : folders()) {
    std::error_code ignored;
    if (fs::exists(folder / library.file, ignored))
      return folder / library.file;
    places += (places.empty() ? "" : " or ") + folder.string();
  }
  fail("error: no ", library.file, " in ", places, ", which connects processes by ",
       library.name, ": build with ", library.headers,
       " installed, or set BITPIPE_LIBRARIES to its folder");
}

void *load(const Library &library, const fs::path &file) {
  // Open MPI loads parts of itself that find their symbols among the global ones.
  if (void *handle = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL))
    return handle;
  fail("error: cannot load ", library.name, ": ", dlerror(), ": apt install ",
       library.packages);
}

template <typename Function>
Function *find(void *handle, const fs::path &file, const char *name) {
  if (void *symbol = dlsym(handle, name))
    return reinterpret_cast<Function *>(symbol);
  fail(file.string(), ": error: defines no ", name, ", expected a library of bitpipe");
}

} // namespace

std::unique_ptr<Network> bitpipe::connectNetwork(const Launch &launch,
                                                 std::chrono::seconds timeout) {
  const Library &library = libraryOf(launch.transport);
  fs::path file = findFile(library);
  void *handle = load(library, file);
  std::string theirs = find<NetworkVersion>(handle, file, networkVersionName)();
  if (theirs != versionText())
    fail(file.string(), ": error: belongs to another build: ",
         theirs.substr(0, theirs.find('\n')), ", expected that of the program: ",
         versionText().substr(0, versionText().find('\n')));
  auto *connect = find<NetworkConnect>(handle, file, networkConnectName);
  return std::unique_ptr<Network>(connect(launch, timeout));
}
