//===- Version.h - What --version says ------------------------------------===//

#ifndef BITPIPE_VERSION_VERSION_H
#define BITPIPE_VERSION_VERSION_H

#include <string>

namespace bitpipe {

/// Our version and commit, and those of the libraries that results depend on:
/// one line each.
std::string versionText();

} // namespace bitpipe

#endif // BITPIPE_VERSION_VERSION_H
