//===- DropoutKey.h - What the masks of a dropout follow from --------------===//
//
// Documented at pipe.dropout_key: a state of SplitMix64 that takes in one number
// after the other, so that keys of different steps, micro-batches and dropouts
// have nothing to do with each other. Standard library only.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_DROPOUTKEY_H
#define BITPIPE_RUNTIME_EXECUTE_DROPOUTKEY_H

#include <cstdint>
#include <initializer_list>

namespace bitpipe {

/// The next number of SplitMix64 from a state.
inline uint64_t splitMix(uint64_t state) {
  state += 0x9e3779b97f4a7c15u;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
  return state ^ (state >> 31);
}

/// Steps, micro-batches of the global batch and dropouts of the model are
/// counted from 0.
inline uint64_t dropoutKey(uint64_t seed, uint64_t step, uint64_t microbatch,
                           uint64_t dropout) {
  uint64_t key = splitMix(seed);
  for (uint64_t next : {step, microbatch, dropout})
    key = splitMix(key ^ next);
  return key;
}

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_DROPOUTKEY_H
