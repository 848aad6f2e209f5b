//===- BadIndex.h - What is said of an index outside of its table -----------===//

#ifndef BITPIPE_RUNTIME_EXECUTE_BADINDEX_H
#define BITPIPE_RUNTIME_EXECUTE_BADINDEX_H

#include <cstdint>
#include <string>

namespace bitpipe {

/// Of a kernels' record (abi::IndexField): the index, its place, and what was expected.
/// `site` is the message's parts (abi::indexSite), `run` who met it, if that is known.
std::string describeBadIndex(const int64_t *record, const std::string &site,
                             const std::string &run);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_EXECUTE_BADINDEX_H
