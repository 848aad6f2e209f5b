//===- Process.h - A process that can be trusted with files ---------------===//

#ifndef BITPIPE_FILES_PROCESS_H
#define BITPIPE_FILES_PROCESS_H

namespace bitpipe {

/// To be called first in main.
/// - Descriptors 0 to 2 are open afterwards. If one was closed, the next file
///   would get its number, and what is printed would end up in that file.
///   Writing to an output that was closed fails; complaints go nowhere.
/// - A file that grows past the limit (ulimit -f) is an error of the write, not
///   the end of the process.
void prepareForFiles();

} // namespace bitpipe

#endif // BITPIPE_FILES_PROCESS_H
