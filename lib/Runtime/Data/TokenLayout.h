//===- TokenLayout.h - Where the tokens of a file lie ---------------------===//

#ifndef BITPIPE_RUNTIME_DATA_TOKENLAYOUT_H
#define BITPIPE_RUNTIME_DATA_TOKENLAYOUT_H

#include "lib/Runtime/Data/DataFile.h"

namespace bitpipe {

/// From `offset` on, one behind the other.
struct TokenLayout {
  int64_t offset, bytesPerToken, count;
};

/// Finds it by the ending of the file's name and its header. `tokenBytes` is
/// the width that was asked for, 0 if none; `bound` is what ids lie below, -1
/// if that is not known. Throws a UserError where the width is in doubt.
TokenLayout findTokenLayout(const DataFile &file, int64_t tokenBytes,
                            int64_t bound);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_DATA_TOKENLAYOUT_H
