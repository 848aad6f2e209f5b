//===- DataFiles.h - The files that one name of data stands for --------------===//

#ifndef BITPIPE_RUNTIME_DATA_DATAFILES_H
#define BITPIPE_RUNTIME_DATA_DATAFILES_H

#include <string>
#include <vector>

namespace bitpipe {

/// A file is itself, whether or not it is there. A folder stands for the data files in it, a
/// pattern with *, ? or [ for the files that it fits, in the order of their names: one set of
/// data. Throws a UserError if there are none, or of several kinds.
std::vector<std::string> dataFiles(const std::string &given);

/// Whether a file that is written at `path` would be one of them from then on.
bool wouldBeData(const std::string &given, const std::string &path);

/// The ending of a name that says what kind of data a file holds: ".bin"; empty if it is none.
std::string kindOfData(const std::string &path);
/// For messages.
constexpr const char *kindsOfData = ".safetensors, .npy, .bin or .txt";

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_DATA_DATAFILES_H
