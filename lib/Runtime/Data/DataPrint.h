//===- DataPrint.h - What tells a data file from another ------------------===//
//
// A checkpoint notes which data it was trained on. To read terabytes before the
// first step would cost more than the mistake that it finds, so a print is made of
// the size and of blocks that lie evenly over the file, its ends among them.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_DATA_DATAPRINT_H
#define BITPIPE_RUNTIME_DATA_DATAPRINT_H

#include <cstdint>
#include <string>

namespace bitpipe {

struct DataPrint {
  std::string path; // absolute, of a file, a folder or a pattern
  int64_t bytes = 0;
  int64_t modified = 0; // nanoseconds since 1970; a copy has another time
  std::string hash;     // of at most 4 MiB; of all of a file that is no larger; of many files
                        // of both ends of each

  /// The time is none of the contents.
  bool sameContents(const DataPrint &other) const {
    return bytes == other.bytes && hash == other.hash;
  }
};

/// Throws a UserError if a file cannot be read.
DataPrint takePrint(const std::string &path);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_DATA_DATAPRINT_H
