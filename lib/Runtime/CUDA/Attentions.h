//===- Attentions.h - Attentions of a GPU, by cuDNN or own kernels -------------===//
//
// Before step 1 every distinct attention is given to cuDNN, if the library is there, has
// an engine for it and agrees with our own kernels on made-up numbers; else to our own.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_ATTENTIONS_H
#define BITPIPE_RUNTIME_CUDA_ATTENTIONS_H

#include "lib/Runtime/CUDA/CUDAOptions.h"
#include "lib/Runtime/CUDA/CudnnAttention.h"
#include "lib/Runtime/CUDA/GPUAttention.h"

#include <memory>
#include <set>

namespace bitpipe {

class Attentions {
public:
  /// `stream` is where attentions are tried. `most`: bytes of scratch that one of cuDNN may
  /// take where the choice is ours.
  Attentions(const GPU &gpu, const OwnKernels &kernels, const CUDAStream &stream,
             AttentionChoice choice, int64_t most);

  /// Prepares an attention and gives its number. `where` begins what is said if nothing can
  /// compute it, or cuDNN cannot and is asked for.
  size_t add(const AttentionCall &call, const std::string &where);
  bool runsByCudnn(size_t number) const { return entries[number].cudnn != nullptr; }
  /// Why cuDNN does not compute some.
  const std::set<std::string> &remarks() const { return said; }

  /// Bytes that an attention needs besides its operands.
  int64_t scratchBytes() const { return scratch; }
  /// `operands` by AttentionCall::Part; 0: there is none.
  void run(size_t number, std::span<const cuda::Pointer> operands, cuda::Pointer scratch,
           cuda::Stream stream);

private:
  struct Entry {
    AttentionCall call; // places of operands do not matter but for how they are aligned
    GPUAttention own;
    std::unique_ptr<CudnnAttention> cudnn; // null: own kernels
  };

  /// Throws a UserError that says why cuDNN does not compute it.
  std::unique_ptr<CudnnAttention> tryCudnn(const AttentionCall &call);

  const GPU &gpu;
  const OwnKernels &kernels;
  const CUDAStream &stream;
  const AttentionChoice choice;
  const int64_t most;
  std::unique_ptr<CudnnHandle> handle;
  std::string noLibrary; // why there is none; empty: nobody has asked, or it is there
  std::vector<Entry> entries;
  std::set<std::string> said;
  int64_t scratch = 0;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_ATTENTIONS_H
