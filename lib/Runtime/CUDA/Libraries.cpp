//===- Libraries.cpp - The functions of CUDA, cuBLASLt, cuDNN and NCCL -------===//

#include "lib/Runtime/CUDA/Libraries.h"

#include "lib/Runtime/CUDA/VendorLibrary.h"
#include "lib/Runtime/Error.h"

#include <cstdlib>

using namespace bitpipe;

#define FUNCTION(name, symbol, ...)                                                          \
  table.name = reinterpret_cast<decltype(table.name)>(                                       \
      findVendorSymbol(vendor, handle, #symbol));

static const VendorLibrary driverLibrary = {
    "libcuda", "BITPIPE_CUDA_DRIVER", {"libcuda.so.1"}, "install NVIDIA's driver", false};
static const VendorLibrary blasLibrary = {
    "cuBLASLt", "BITPIPE_CUBLASLT", {"libcublasLt.so.13", "libcublasLt.so.12"},
    "pip install nvidia-cublas", true};
static const VendorLibrary cudnnLibrary = {
    "cuDNN", "BITPIPE_CUDNN", {"libcudnn.so.9"}, "pip install nvidia-cudnn-cu13", true};
static const VendorLibrary ncclLibrary = {
    "NCCL", "BITPIPE_NCCL", {"libnccl.so.2"}, "pip install nvidia-nccl-cu13", true};

/// Graphs of several streams and PTX 8.0 for sm_90 need these.
constexpr int oldestDriver = 12000;
constexpr size_t oldestBlas = 120000;
/// Before it, gradients of attention need a mask where columns are no multiple of 128, and 9.10 has
/// wrong ones.
constexpr size_t oldestCudnn = 91600;
constexpr int oldestNCCL = 21800;

/// A GPU has 8 queues for all streams unless the driver is told otherwise before it starts,
/// and 32 at most. What waits in a queue keeps back what comes later, of other streams too.
static void giveStreamsQueues() { setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", /*replace=*/0); }

static cuda::Driver loadDriver() {
  using namespace cuda;
  const VendorLibrary &vendor = driverLibrary;
  void *handle = openVendorLibrary(vendor);
  Driver table;
#include "lib/Runtime/CUDA/DriverFunctions.inc"
  int version = 0;
  table.driverGetVersion(&version);
  if (version < oldestDriver)
    fail("error: NVIDIA's driver knows CUDA ", version / 1000, ".", version % 1000 / 10,
         ", expected at least ", oldestDriver / 1000, ".0: install a newer one");
  giveStreamsQueues();
  if (Result result = table.init(0); result == NoDevice)
    fail("error: the driver finds no GPU (CUDA_VISIBLE_DEVICES hides them, if it is set)");
  else if (result != Success)
    fail("error: NVIDIA's driver does not start: error ", int(result));
  return table;
}

const cuda::Driver &cuda::driver() {
  static const Driver table = loadDriver();
  return table;
}

/// What a kernel does wrong, any call tells that comes after it.
static bool isOfKernel(cuda::Result result) {
  switch (result) {
  case cuda::ECCUncorrectable:
  case cuda::IllegalAddress:
  case cuda::LaunchTimeout:
  case cuda::KernelAsserts:
  case cuda::HardwareStack:
  case cuda::IllegalInstruction:
  case cuda::MisalignedAddress:
  case cuda::InvalidAddressSpace:
  case cuda::InvalidPC:
  case cuda::LaunchFailed:
    return true;
  default:
    return false;
  }
}

constexpr const char *ofKernel =
    "; a kernel before it may have done this: --no-graph and compute-sanitizer tell which";

std::string cuda::text(Result result) {
  const char *name = nullptr, *meaning = nullptr;
  driver().getErrorName(result, &name);
  driver().getErrorString(result, &meaning);
  return joined(name ? name : joined("error ", int(result)), meaning ? ": " : "",
                meaning ? meaning : "",
                isOfKernel(result) ? ofKernel : "");
}

void cuda::check(Result result, const char *what) {
  if (result != Success)
    fail("error: ", what, ": ", text(result));
}

/// What a library tells as 91600 is 9.16.0.
static std::string textOfVersion(size_t version) {
  return joined(version / 10000, ".", version / 100 % 100, ".", version % 100);
}

static blas::Library loadBlas() {
  using namespace blas;
  const VendorLibrary &vendor = blasLibrary;
  void *handle = openVendorLibrary(vendor);
  Library table;
#include "lib/Runtime/CUDA/BlasFunctions.inc"
  if (size_t version = table.getVersion(); version < oldestBlas)
    fail("error: cuBLASLt has version ", textOfVersion(version), ", expected at least ",
         textOfVersion(oldestBlas), ": ", vendor.remedy);
  return table;
}

const blas::Library &blas::library() {
  static const Library table = loadBlas();
  return table;
}

std::string blas::text(Status status) {
  return joined(library().getStatusName(status), ": ", library().getStatusString(status));
}

void blas::check(Status status, const char *what) {
  if (status != Success)
    fail("error: cuBLASLt: ", what, ": ", text(status));
}

/// It ends the process where it finds no cuBLASLt by name, so that one is loaded first.
static cudnn::Library loadCudnn() {
  using namespace cudnn;
  blas::library();
  const VendorLibrary &vendor = cudnnLibrary;
  void *handle = openVendorLibrary(vendor);
  Library table;
#include "lib/Runtime/CUDA/CudnnFunctions.inc"
  if (size_t version = table.getVersion(); version < oldestCudnn)
    fail("error: cuDNN has version ", textOfVersion(version), ", expected at least ",
         textOfVersion(oldestCudnn), ": ", vendor.remedy);
  return table;
}

const cudnn::Library &cudnn::library() {
  static const Library table = loadCudnn();
  return table;
}

void cudnn::check(Status status, const char *what) {
  if (status == Success)
    return;
  char said[512] = "";
  library().getLastError(said, sizeof(said));
  std::string_view line(said);
  line = line.substr(0, line.find('\n'));
  fail("error: cuDNN: ", what, ": status ", int(status), line.empty() ? "" : ": ", line);
}

std::string cudnn::versionText() { return textOfVersion(library().getVersion()); }

static nccl::Library loadNCCL() {
  using namespace nccl;
  const VendorLibrary &vendor = ncclLibrary;
  void *handle = openVendorLibrary(vendor);
  Library table;
#include "lib/Runtime/CUDA/NCCLFunctions.inc"
  int version = 0;
  table.getVersion(&version);
  // Before 2.9 it told 2.8.4 as 2804.
  if (version < oldestNCCL)
    fail("error: NCCL has version ",
         version < 10000 ? joined(version / 1000, ".", version / 100 % 10, ".", version % 100)
                         : textOfVersion(size_t(version)),
         ", expected at least ", textOfVersion(oldestNCCL), ": ", vendor.remedy);
  return table;
}

const nccl::Library &nccl::library() {
  static const Library table = loadNCCL();
  return table;
}

void nccl::check(Status status, const char *what) {
  if (status != Success)
    fail("error: NCCL: ", what, ": ", library().getErrorString(status), ": ",
         library().getLastError(nullptr), status == UnhandledCudaError ? ofKernel : "");
}
