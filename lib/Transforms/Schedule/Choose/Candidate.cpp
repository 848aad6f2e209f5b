//===- Candidate.cpp - What is chosen from ---------------------------------===//

#include "lib/Transforms/Schedule/Choose/Candidate.h"

using namespace bitpipe::schedule;

static std::string counted(int count, const char *what) {
  return ", " + std::to_string(count) + " " + what + (count > 1 ? "s" : "");
}

std::string Candidate::name() const {
  return request.pipeline +
         (request.samples ? ", micro-batches of " + std::to_string(request.samples) : "") +
         counted(request.chunks, "chunk") +
         counted(request.replicas, "replica") +
         (recomputes() ? ", all recomputed" : "") + (request.balance ? ", balanced" : "") +
         (request.isSharded() ? std::string(", sharded ") + nameOf(request.shard) : "");
}
