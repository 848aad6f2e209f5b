//===- VendorLibrary.h - Finding a library of the vendor ---------------------===//
//
// bitpipe-run is built, and starts, without CUDA: what a plan for GPUs needs is
// loaded by name when it is needed.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_CUDA_VENDORLIBRARY_H
#define BITPIPE_RUNTIME_CUDA_VENDORLIBRARY_H

#include <string>
#include <vector>

namespace bitpipe {

struct VendorLibrary {
  const char *name;     // in messages
  const char *variable; // of the environment: a file that is taken instead
  std::vector<const char *> files;
  const char *remedy; // what to install
  bool packaged;      // on PyPI, so that the folders of Python are looked through
};

/// Opens the file that the variable names, or the first that the system's loader
/// knows or that lies among the packages of the Python on PATH. Throws a UserError with
/// where it was looked for and what to install.
void *openVendorLibrary(const VendorLibrary &library);

/// Throws a UserError that says that the library is too old if there is no such symbol.
void *findVendorSymbol(const VendorLibrary &library, void *handle, const char *symbol);

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_CUDA_VENDORLIBRARY_H
