//===- GPURoutines.cpp - Routines ready to run on a GPU ------------------------===//

#include "lib/Runtime/CUDA/GPURoutines.h"

#include "lib/Runtime/CPU/Attention.h"
#include "lib/Runtime/Error.h"

#include <algorithm>

using namespace bitpipe;

static std::vector<bool> usedRoutines(const Program &program, const DeviceList &device) {
  std::vector<bool> used(program.routines.size());
  for (const Instruction &op : device.instructions)
    if (auto *run = std::get_if<Execute>(&op))
      used[run->routine] = true;
  return used;
}

/// Bytes that cuDNN may take for a matrix of scores: half of what the plan leaves, but no more
/// than what is little on all GPUs that it is made for.
static int64_t workspaceOf(const DeviceList &device, const GPU &gpu) {
  constexpr int64_t most = int64_t(2) << 30;
  return std::clamp<int64_t>((int64_t(gpu.freeBytes()) - device.arena) / 2, 0, most);
}

GPURoutines::GPURoutines(const Program &program, const DeviceList &device, const GPU &gpu,
                         const CUDAModule &kernels, const OwnKernels &own,
                         const CUDAStream &stream, const LibraryChoices &choices)
    : program(program), device(device), products(gpu, own, stream, choices.epilogues),
      attentions(gpu, own, stream, choices.attention, workspaceOf(device, gpu)),
      routines(program.routines.size()) {
  std::vector<bool> used = usedRoutines(program, device);
  size_t mostArguments = 0;
  for (size_t r = 0; r < routines.size(); ++r) {
    if (!used[r])
      continue;
    std::string where = joined(program.path, ": error: routine ", program.routines[r].name);
    for (const Call &call : program.routines[r].calls) {
      if (auto *kernel = std::get_if<KernelCall>(&call)) {
        routines[r].push_back(prepare(*kernel, kernels));
        mostArguments = std::max(mostArguments, kernel->arguments.size());
      } else if (auto *matmul = std::get_if<MatmulCall>(&call)) {
        routines[r].push_back(prepare(*matmul, where));
      } else {
        routines[r].push_back(prepare(std::get<AttentionCall>(call), where));
      }
    }
  }
  arguments.resize(mostArguments + 1); // scratch comes last
  operands.resize(AttentionCall::names.size());
}

GPURoutines::Entry GPURoutines::prepare(const KernelCall &call, const CUDAModule &kernels) {
  const GPUKernel &kernel = program.gpuKernels.at(call.name); // checked
  KernelEntry entry{{}, call.arguments, kernel.scratch > 0};
  for (const GPUKernel::Launch &launch : kernel.launches)
    entry.launches.push_back({kernels.find(launch.entry, launch.shared), launch.grid,
                              launch.block, launch.shared});
  scratch = std::max(scratch, kernel.scratch);
  return entry;
}

GPURoutines::Entry GPURoutines::prepare(const MatmulCall &call, const std::string &where) {
  const BlockPlace none{-1, 0};
  return ProductEntry{products.add(call, where), call.a, call.b, call.c,
                      call.bias.value_or(none), call.residual.value_or(none),
                      call.biasGradient.value_or(none)};
}

GPURoutines::Entry GPURoutines::prepare(const AttentionCall &call, const std::string &where) {
  AttentionEntry entry{attentions.add(call, where), {}};
  for (const auto &operand : call.operands)
    entry.places.push_back(operand ? operand->place : BlockPlace{-1, 0});
  return entry;
}

LibraryCounts GPURoutines::libraryCounts() const {
  LibraryCounts counts;
  for (const Instruction &op : device.instructions)
    if (auto *run = std::get_if<Execute>(&op))
      for (const Entry &entry : routines[run->routine]) {
        if (auto *attention = std::get_if<AttentionEntry>(&entry))
          ++(attentions.runsByCudnn(attention->number) ? counts.cudnn : counts.own);
        else if (auto *product = std::get_if<ProductEntry>(&entry);
                 product && products.hasBiasGradient(product->number))
          ++(products.gradientByLibrary(product->number) ? counts.gradientsInProducts
                                                         : counts.gradientsByOwn);
      }
  counts.remarks = attentions.remarks();
  counts.gradientRemarks = products.remarks();
  if (counts.cudnn)
    counts.versions.insert(cudnn::versionText());
  return counts;
}

void GPURoutines::run(int64_t routine, std::span<char *const> blocks, cuda::Stream stream) {
  for (const Entry &entry : routines[routine])
    std::visit([&](const auto &call) { run(call, blocks, stream); }, entry);
}

void GPURoutines::runCall(int64_t routine, size_t number, std::span<char *const> blocks,
                          cuda::Stream stream) {
  std::visit([&](const auto &call) { run(call, blocks, stream); }, routines[routine][number]);
}

static double flopOf(const MatmulCall &call) {
  double flop = 2;
  for (int64_t size : call.sizes)
    flop *= double(size);
  return flop;
}

/// Without what a band leaves out.
static double flopOf(const AttentionCall &call) {
  const attention::Sizes &n = call.sizes;
  double scores = double(n.batch * n.heads) * double(n.rows) * double(n.columns);
  double sizes = double(n.size + n.valueSize);
  return scores * sizes * (call.gradient ? 5 : 2);
}

GPURoutines::CallInfo GPURoutines::info(int64_t routine, size_t number) const {
  const Call &call = program.routines[routine].calls[number];
  if (auto *kernel = std::get_if<KernelCall>(&call))
    return {kernel->name, double(program.gpuKernels.at(kernel->name).moved), 0};
  if (auto *matmul = std::get_if<MatmulCall>(&call)) {
    size_t product = std::get<ProductEntry>(routines[routine][number]).number;
    bool own = products.hasBiasGradient(product) && !products.gradientByLibrary(product);
    return {joined("matmul ", text(shapeOf(*matmul)), own ? " by own kernels" : ""), 0,
            flopOf(*matmul)};
  }
  auto &attention = std::get<AttentionCall>(call);
  bool byCudnn = attentions.runsByCudnn(std::get<AttentionEntry>(routines[routine][number]).number);
  return {joined(attention.name(), byCudnn ? " by cuDNN " : " ", text(attention.sizes)), 0,
          flopOf(attention)};
}

void GPURoutines::run(const KernelEntry &entry, std::span<char *const> blocks,
                      cuda::Stream stream) {
  size_t count = 0;
  for (const BlockPlace &place : entry.places)
    arguments[count++] = addressOf(place, blocks);
  if (entry.scratch)
    arguments[count++] = memory.scratch;
  for (const Launch &one : entry.launches)
    launch(one.function, one.grid, one.block, one.shared, stream, arguments.data(),
           count * sizeof(cuda::Pointer));
}

void GPURoutines::run(const ProductEntry &entry, std::span<char *const> blocks,
                      cuda::Stream stream) {
  products.run(entry.number,
               {addressOf(entry.a, blocks), addressOf(entry.b, blocks),
                addressOf(entry.c, blocks), addressOf(entry.bias, blocks),
                addressOf(entry.residual, blocks), addressOf(entry.biasGradient, blocks)},
               stream, memory);
}

void GPURoutines::run(const AttentionEntry &entry, std::span<char *const> blocks,
                      cuda::Stream stream) {
  for (size_t i = 0; i < entry.places.size(); ++i)
    operands[i] = addressOf(entry.places[i], blocks);
  attentions.run(entry.number, operands, memory.scratch, stream);
}

bool GPURoutines::uses(int64_t routine, std::span<char *const> blocks,
                       cuda::Pointer address) const {
  return std::ranges::any_of(routines[routine], [&](const Entry &entry) {
    auto *kernel = std::get_if<KernelEntry>(&entry);
    return kernel && std::ranges::any_of(kernel->places, [&](const BlockPlace &place) {
             return addressOf(place, blocks) == address;
           });
  });
}
