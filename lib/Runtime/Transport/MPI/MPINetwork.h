//===- MPINetwork.h - Messages by MPI ---------------------------------------===//
//
// A channel is a tag of MPI_COMM_WORLD. MPI itself keeps the order of messages with
// one tag from one rank to another. Written against the standard (MPI 3.1).
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_MPI_MPINETWORK_H
#define BITPIPE_RUNTIME_TRANSPORT_MPI_MPINETWORK_H

#include "lib/Runtime/Transport/Network.h"

#include <mpi.h>

namespace bitpipe {

class MPINetwork : public Network {
public:
  /// Starts MPI. Throws a UserError if this MPI offers too little.
  MPINetwork();

  int rank() const override { return myRank; }
  int size() const override { return ranks; }
  std::string description() const override;

  void send(int to, uint32_t channel, const void *data, size_t bytes,
            Token token) override;
  void receive(int from, uint32_t channel, void *data, size_t bytes,
               Token token) override;
  void poll(std::vector<Token> &completed) override;
  void finish() override;

private:
  struct Message {
    Token token;
    int peer;
  };

  void add(MPI_Request request, Token token, int peer);
  /// Throws a NetworkError unless `code` is success.
  static void check(int code, int peer);
  void checkStatuses(int count) const;

  int myRank = 0, ranks = 1;
  // What is under way; the k-th of each belong together.
  std::vector<MPI_Request> requests;
  std::vector<Message> messages;
  // What MPI says of those that are complete.
  std::vector<int> indices;
  std::vector<MPI_Status> statuses;
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_MPI_MPINETWORK_H
