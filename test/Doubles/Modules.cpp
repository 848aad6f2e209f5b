//===- Modules.cpp - Kernels compiled for this host --------------------------===//

#include "test/Doubles/Modules.h"

#include "test/Doubles/Grid.h"

#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace doubles;

/// The file's end, which a pointer to its beginning tells: the table of sections.
static size_t bytesOfImage(const Elf64_Ehdr &header) {
  return header.e_shoff + size_t(header.e_shnum) * header.e_shentsize;
}

static std::string writeImage(const void *image, size_t bytes) {
  int file = memfd_create("kernels", 0);
  for (size_t done = 0; done < bytes;) {
    ssize_t wrote = write(file, static_cast<const char *>(image) + done, bytes - done);
    if (wrote <= 0)
      return "";
    done += size_t(wrote);
  }
  return "/proc/self/fd/" + std::to_string(file); // stays open: modules live long
}

/// Its globals are memory of the device, too.
static void addGlobals(void *handle) {
  link_map *map = nullptr;
  dlinfo(handle, RTLD_DI_LINKMAP, &map);
  auto *base = reinterpret_cast<const char *>(map->l_addr);
  auto &header = *reinterpret_cast<const Elf64_Ehdr *>(base);
  auto *segments = reinterpret_cast<const Elf64_Phdr *>(base + header.e_phoff);
  for (int i = 0; i < header.e_phnum; ++i)
    if (segments[i].p_type == PT_LOAD)
      Engine::get().memory.addGlobals(base + segments[i].p_vaddr,
                                      base + segments[i].p_vaddr + segments[i].p_memsz);
}

std::unique_ptr<Module> Module::load(const void *image) {
  auto &header = *static_cast<const Elf64_Ehdr *>(image);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_DYN) {
    std::fprintf(stderr, "doubles: the image is no shared object for this host: kernels for "
                         "a GPU cannot run here, expected arch 'emulated'\n");
    return nullptr;
  }
  std::string path = writeImage(image, bytesOfImage(header));
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    std::fprintf(stderr, "doubles: %s\n", dlerror());
    return nullptr;
  }
  addGlobals(handle);
  return std::unique_ptr<Module>(new Module(handle));
}

Module::~Module() { dlclose(handle); }

void *Module::symbol(const std::string &name) const { return dlsym(handle, name.c_str()); }

size_t Module::bytesOf(const std::string &name) const {
  Dl_info info;
  Elf64_Sym *found = nullptr;
  if (!dladdr1(symbol(name), &info, reinterpret_cast<void **>(&found), RTLD_DL_SYMENT) || !found)
    return 0;
  return found->st_size;
}

/// Parameters in the range of device pointers are device pointers.
static std::vector<void *> realParameters(const std::vector<uint64_t> &parameters) {
  const Memory &memory = Engine::get().memory;
  std::vector<void *> real;
  for (uint64_t parameter : parameters)
    real.push_back(memory.isDevice(parameter) ? memory.real(parameter)
                                              : reinterpret_cast<void *>(parameter));
  return real;
}

Work doubles::launchOf(const Function &function, int64_t grid, int64_t block, int64_t shared,
                       std::vector<uint64_t> parameters) {
  return {"kernel " + function.name, nullptr,
          [function, grid, block, shared, real = realParameters(parameters)] {
            std::optional<std::string> wrong;
            auto allowed = [&](const void *address, int64_t bytes, bool writes) {
              if (!wrong)
                wrong = Engine::get().memory.accessReal(address, size_t(bytes), writes);
              return !wrong;
            };
            auto failed = bitpipe::doubles::runGrid({function.name.c_str(), function.entry,
                                                     real.data(), grid, block, shared,
                                                     function.fibers},
                                                    allowed);
            return wrong ? wrong : failed;
          }};
}
