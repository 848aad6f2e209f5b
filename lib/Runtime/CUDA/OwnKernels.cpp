//===- OwnKernels.cpp - The runtime's own kernels, loaded ----------------------===//

#include "lib/Runtime/CUDA/OwnKernels.h"

#include "lib/Runtime/Error.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace bitpipe;
namespace fs = std::filesystem;

/// The file that the build has put here (Kernels/Kernels.cmake): a fat binary, or PTX.
extern "C" const char bitpipe_own_kernels[], bitpipe_own_kernels_end[];

static constexpr char emulatedFile[] = "libbitpipe_emulated_kernels.so";

static std::string readFile(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

static std::string builtImage() { return {bitpipe_own_kernels, bitpipe_own_kernels_end}; }

static std::string emulatedImage() {
  std::error_code ignored;
  const char *given = std::getenv("BITPIPE_LIBRARIES");
  fs::path folder = given && *given
                        ? fs::path(given)
                        : fs::read_symlink("/proc/self/exe", ignored).parent_path();
  if (!fs::exists(folder / emulatedFile, ignored))
    fail("error: no ", emulatedFile, " in ", folder.string(),
         ", which plans of arch 'emulated' need: build it, or set BITPIPE_LIBRARIES");
  return readFile(folder / emulatedFile);
}

template <int32_t width>
OwnKernels::Attention OwnKernels::findTensorAttention(const std::string &suffix) const {
  return {module.find("bitpipe_attention" + suffix, sizeof(gpu::ForwardTiles<width>)),
          module.find("bitpipe_attention_dq" + suffix, sizeof(gpu::QueryTiles<width>)),
          module.find("bitpipe_attention_dkv" + suffix, sizeof(gpu::ColumnTiles<width>))};
}

OwnKernels::OwnKernels(const GPU &gpu, const Program &program)
    : module(gpu, program.arch == "emulated" ? emulatedImage() : builtImage(),
             "bitpipe-run"),
      // Emulated threads take turns, real ones are to fill the GPU several times.
      mostBlocks(program.arch == "emulated" ? 4 : 8 * gpu.multiprocessors()),
      squares(module.find("bitpipe_squares")),
      contribute(module.find("bitpipe_contribute")), judge(module.find("bitpipe_judge")),
      judgeBetween(module.find("bitpipe_judge_between")), adamw(module.find("bitpipe_adamw")), sgd(module.find("bitpipe_sgd")),
      clear(module.find("bitpipe_clear")), sum(module.find("bitpipe_sum")),
      round(module.find("bitpipe_round")), start(module.find("bitpipe_start")),
      columnSums(module.find("bitpipe_column_sums")),
      addPartials(module.find("bitpipe_add_partials")),
      attention{{findAttention(""), findAttention("_lanes")},
                {findAttention("_bf16"), findAttention("_bf16_lanes")}},
      attentionBias{{module.find("bitpipe_attention_dbias"),
                     module.find("bitpipe_attention_dbias_lanes")},
                    {module.find("bitpipe_attention_dbias_bf16"),
                     module.find("bitpipe_attention_dbias_bf16_lanes")}},
      tensorAttention{{findTensorAttention<64>("_general_64"),
                       findTensorAttention<128>("_general_128")},
                      {findTensorAttention<64>("_plain_64"),
                       findTensorAttention<128>("_plain_128")}} {}

OwnKernels::Attention OwnKernels::findAttention(const std::string &suffix) const {
  return {module.find("bitpipe_attention" + suffix), module.find("bitpipe_attention_dq" + suffix),
          module.find("bitpipe_attention_dkv" + suffix)};
}
