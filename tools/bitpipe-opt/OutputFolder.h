//===- OutputFolder.h - Several files, written whole or not at all ---------===//

#ifndef BITPIPE_TOOLS_BITPIPE_OPT_OUTPUTFOLDER_H
#define BITPIPE_TOOLS_BITPIPE_OPT_OUTPUTFOLDER_H

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace bitpipe {

/// A folder beside the files to be. They are written into it and move to their
/// places together; if that never happens, the folder goes with all in it.
class OutputFolder {
public:
  /// Makes the folder where `file` is to be.
  static llvm::Expected<OutputFolder> beside(llvm::StringRef file);

  OutputFolder(OutputFolder &&other);
  ~OutputFolder();

  /// The path to write a file of this name to.
  std::string path(llvm::StringRef name);
  /// Moves every file asked for by `path` to its place.
  llvm::Error commit();

private:
  OutputFolder(std::string target, std::string folder)
      : target(std::move(target)), folder(std::move(folder)) {}

  std::string target; // the folder the files are for
  std::string folder; // the folder they are written to; empty: moved from
  std::vector<std::string> names;
};

} // namespace bitpipe

#endif // BITPIPE_TOOLS_BITPIPE_OPT_OUTPUTFOLDER_H
