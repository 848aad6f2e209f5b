//===- MPINetwork.cpp - Messages by MPI -------------------------------------===//

#include "lib/Runtime/Transport/MPI/MPINetwork.h"

#include "lib/Runtime/Error.h"
#include "lib/Runtime/Transport/NetworkLibrary.h"
#include "lib/Version/Version.h"

#include <climits>

using namespace bitpipe;

namespace {

/// So many bytes as a type of MPI and how many of it. MPI counts in int; what is
/// larger becomes one piece of a type of its own.
class Bytes {
public:
  explicit Bytes(size_t bytes) {
    if (bytes <= INT_MAX) {
      count = int(bytes);
      return;
    }
    constexpr size_t chunkBytes = size_t(1) << 30;
    MPI_Datatype chunk;
    MPI_Type_contiguous(int(chunkBytes), MPI_BYTE, &chunk);
    int lengths[] = {int(bytes / chunkBytes), int(bytes % chunkBytes)};
    MPI_Aint places[] = {0, MPI_Aint(bytes - bytes % chunkBytes)};
    MPI_Datatype types[] = {chunk, MPI_BYTE};
    MPI_Type_create_struct(2, lengths, places, types, &type);
    MPI_Type_commit(&type);
    MPI_Type_free(&chunk);
    count = 1;
  }
  /// MPI keeps what messages under way need.
  ~Bytes() {
    if (type != MPI_BYTE)
      MPI_Type_free(&type);
  }
  Bytes(const Bytes &) = delete;

  int count;
  MPI_Datatype type = MPI_BYTE;
};

/// How many tags there are, less one.
int64_t lastTag() {
  void *value = nullptr;
  int found = 0;
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &value, &found);
  return found ? *static_cast<int *>(value) : 32767;
}

} // namespace

MPINetwork::MPINetwork() {
  int threads = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &threads);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &myRank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (threads < MPI_THREAD_SERIALIZED)
    fail("error: ", description(), " lets only the first thread call it, expected one "
         "that is built with MPI_THREAD_SERIALIZED");
  if (lastTag() < int64_t(endOfChannels) - 1)
    fail("error: ", description(), " has tags up to ", lastTag(), ", expected up to ",
         endOfChannels - 1);
}

/// The library's text goes on after a comma or in a second line: "Open MPI v4.1.4,
/// package: ...", "MPICH Version:\t4.0.2\n...".
std::string MPINetwork::description() const {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string name(text, length);
  name = name.substr(0, name.find_first_of(",\n"));
  size_t colon = name.find(" Version:\t");
  return colon == std::string::npos ? name : name.replace(colon, 10, " ");
}

void MPINetwork::check(int code, int peer) {
  if (code == MPI_SUCCESS)
    return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw NetworkError(peer, std::string(text, length));
}

void MPINetwork::add(MPI_Request request, Token token, int peer) {
  requests.push_back(request);
  messages.push_back({token, peer});
}

void MPINetwork::send(int to, uint32_t channel, const void *data, size_t bytes,
                      Token token) {
  Bytes all(bytes);
  MPI_Request request;
  check(MPI_Isend(data, all.count, all.type, to, int(channel), MPI_COMM_WORLD, &request), to);
  add(request, token, to);
}

void MPINetwork::receive(int from, uint32_t channel, void *data, size_t bytes,
                         Token token) {
  Bytes all(bytes);
  MPI_Request request;
  check(MPI_Irecv(data, all.count, all.type, from, int(channel), MPI_COMM_WORLD, &request),
        from);
  add(request, token, from);
}

/// Names the peer of the first message that has failed.
void MPINetwork::checkStatuses(int count) const {
  for (int i = 0; i < count; ++i)
    check(statuses[i].MPI_ERROR, messages[indices[i]].peer);
}

void MPINetwork::poll(std::vector<Token> &completed) {
  if (requests.empty()) {
    // What was sent may still have to be brought on its way.
    int found = 0;
    check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &found,
                     MPI_STATUS_IGNORE), -1);
    return;
  }
  indices.resize(requests.size());
  statuses.resize(requests.size());
  // Open MPI looks first and works then: what it has brought to its end by that shows
  // the second time, for which nobody should have to sleep in between.
  int count = 0, code = MPI_SUCCESS;
  for (int look = 0; look < 2 && count == 0 && code == MPI_SUCCESS; ++look)
    code = MPI_Testsome(int(requests.size()), requests.data(), &count, indices.data(),
                        statuses.data());
  if (code == MPI_ERR_IN_STATUS)
    checkStatuses(count);
  check(code, -1);
  if (count == 0)
    return;
  for (int i = 0; i < count; ++i)
    completed.push_back(messages[indices[i]].token);
  size_t kept = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i] == MPI_REQUEST_NULL)
      continue;
    requests[kept] = requests[i];
    messages[kept++] = messages[i];
  }
  requests.resize(kept);
  messages.resize(kept);
}

void MPINetwork::finish() { MPI_Finalize(); }

extern "C" {
const char *bitpipe_network_version() {
  static const std::string text = versionText();
  return text.c_str();
}

Network *bitpipe_network_connect(const Launch &, std::chrono::seconds) {
  return new MPINetwork();
}
}
