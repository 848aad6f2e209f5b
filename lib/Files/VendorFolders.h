//===- VendorFolders.h - Where NVIDIA's Python packages are ----------------===//

#ifndef BITPIPE_FILES_VENDORFOLDERS_H
#define BITPIPE_FILES_VENDORFOLDERS_H

#include <filesystem>
#include <vector>

namespace bitpipe {

/// The folders of PATH, in its order.
std::vector<std::filesystem::path> foldersOfPath();

/// Where the packages are of each Python that PATH knows, the first one first.
std::vector<std::filesystem::path> packageFolders();

/// The folders of this name ("lib", "bin") of NVIDIA's packages among `packages`; they have one
/// each, and those of CUDA 13 share it.
std::vector<std::filesystem::path> vendorFolders(const std::filesystem::path &packages,
                                                 const char *name);

} // namespace bitpipe

#endif // BITPIPE_FILES_VENDORFOLDERS_H
