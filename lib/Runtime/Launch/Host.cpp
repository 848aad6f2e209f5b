//===- Host.cpp - Which machine a process is on -----------------------------===//

#include "lib/Runtime/Launch/Host.h"

#include <filesystem>
#include <fstream>
#include <unistd.h>

std::string bitpipe::hostName() {
  char name[256] = {};
  gethostname(name, sizeof(name) - 1);
  return name;
}

std::string bitpipe::hostIdentity() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::error_code ignored;
  std::filesystem::path processes = std::filesystem::read_symlink("/proc/self/ns/pid", ignored);
  return hostName() + " " + boot + " " + processes.string();
}
