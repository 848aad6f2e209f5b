//===- Modules.cpp - Kernels compiled for this host --------------------------===//

#include "test/Doubles/Modules.h"

#include "lib/Files/Error.h"
#include "lib/Files/FatBinary.h"
#include "test/Doubles/Grid.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fstream>
#include <link.h>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>

using namespace doubles;
using bitpipe::cuda::InvalidImage;
using bitpipe::cuda::NoBinaryForGPU;

static int numberIn(const char *variable, int otherwise) {
  const char *given = std::getenv(variable);
  return given ? std::atoi(given) : otherwise;
}

int doubles::architecture() { return numberIn("BITPIPE_DOUBLES_ARCH", 90); }

int doubles::driverVersion() { return numberIn("BITPIPE_DOUBLES_DRIVER", 13000); }

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

bool Module::open(const void *image, size_t bytes) {
  std::string path = writeImage(image, bytes);
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    std::fprintf(stderr, "doubles: %s\n", dlerror());
    return false;
  }
  addGlobals(handle);
  handles.push_back(handle);
  return true;
}

bool Module::openKernels() {
  const char *given = std::getenv("BITPIPE_DOUBLES_KERNELS");
  std::istringstream paths(given ? given : "");
  for (std::string path; std::getline(paths, path, ':');) {
    std::ostringstream library;
    library << std::ifstream(path, std::ios::binary).rdbuf();
    if (!open(library.str().data(), library.str().size()))
      return false;
  }
  if (handles.empty())
    std::fprintf(stderr, "doubles: kernels for a GPU cannot run here, expected arch 'emulated', or "
                         "shared objects of such in BITPIPE_DOUBLES_KERNELS\n");
  return !handles.empty();
}

/// What CUDA 13's assembler writes says so in this byte, and an older driver may refuse it.
static bool isTooNew(std::string_view code) {
  int known = driverVersion() >= 13000 ? 8 : 7;
  return code.size() <= EI_ABIVERSION || code.substr(0, SELFMAG) != ELFMAG ||
         code[EI_ABIVERSION] > known;
}

/// The image of a fat binary that the driver takes: machine code before PTX, the newest first.
static const bitpipe::FatImage *choose(const std::vector<bitpipe::FatImage> &images, int arch) {
  const bitpipe::FatImage *best = nullptr;
  for (const bitpipe::FatImage &image : images)
    if (image.runsOn(arch) &&
        (!best || std::pair(image.kind, image.arch) > std::pair(best->kind, best->arch)))
      best = &image;
  return best;
}

/// The code for this GPU in a fat binary or PTX; null with a line on stderr.
static std::optional<std::string> codeFor(int arch, const char *image, Result &wrong) try {
  std::vector<bitpipe::FatImage> images;
  if (bitpipe::isFatBinary({image, sizeof(uint32_t)})) {
    images = bitpipe::imagesOf({image, bitpipe::bytesOfFatBinary(image)});
  } else if (*image && std::strchr("/.\n", *image)) {
    const char *target = std::strstr(image, ".target sm_");
    int wanted = target ? std::atoi(target + std::strlen(".target sm_")) : 0;
    images = {{bitpipe::FatImage::PTX, wanted, false, image}};
  } else {
    bitpipe::fail("no shared object for this host, fat binary or PTX");
  }
  const bitpipe::FatImage *chosen = choose(images, arch);
  if (!chosen) {
    std::fprintf(stderr, "doubles: the image is %s, the GPU is sm_%d\n",
                 bitpipe::textOf(images).c_str(), arch);
    wrong = NoBinaryForGPU;
    return std::nullopt;
  }
  if (chosen->kind == bitpipe::FatImage::MachineCode && isTooNew(chosen->bytes))
    bitpipe::fail("machine code that the driver does not know");
  return std::string(chosen->bytes);
} catch (const bitpipe::UserError &error) {
  std::fprintf(stderr, "doubles: the image is %s\n", error.what());
  wrong = InvalidImage;
  return std::nullopt;
}

std::unique_ptr<Module> Module::load(const void *image, int arch, Result &wrong) {
  std::unique_ptr<Module> module(new Module);
  auto &header = *static_cast<const Elf64_Ehdr *>(image);
  wrong = NoBinaryForGPU;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_type == ET_DYN)
    return module->open(image, bytesOfImage(header)) ? std::move(module) : nullptr;
  auto code = codeFor(arch, static_cast<const char *>(image), wrong);
  if (!code || !module->openKernels())
    return nullptr;
  module->code = std::move(*code);
  return module;
}

Module::~Module() {
  for (void *handle : handles)
    dlclose(handle);
}

bool Module::has(const std::string &name) const {
  auto isInName = [&](size_t at) {
    return at < code.size() &&
           (std::isalnum(static_cast<unsigned char>(code[at])) || code[at] == '_');
  };
  for (size_t at = code.find(name); at != code.npos; at = code.find(name, at + 1))
    if (!isInName(at - 1) && !isInName(at + name.size()))
      return true;
  return code.empty();
}

void *Module::symbol(const std::string &name) const {
  for (void *handle : handles)
    if (void *found = dlsym(handle, name.c_str()))
      return found;
  return nullptr;
}

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
