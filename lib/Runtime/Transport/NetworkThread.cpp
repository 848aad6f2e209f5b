//===- NetworkThread.cpp - The one thread that uses the network ------------===//

#include "lib/Runtime/Transport/NetworkThread.h"

#include "lib/Runtime/Delay.h"
#include "lib/Runtime/Error.h"
#include "lib/Runtime/Transport/Pacing.h"
#include "lib/Runtime/Transport/PostQueue.h"

#include <thread>

using namespace bitpipe;

struct NetworkThread::State {
  struct Post {
    enum { Send, Receive } kind;
    int peer;
    uint32_t channel;
    void *data; // what is sent is only read
    size_t bytes;
    Counter *complete;
  };

  std::unique_ptr<Network> network;
  std::function<void(const NetworkError &)> failed;
  PostQueue<Post, 1024> posts;
  Pacing pacing;
  std::atomic<bool> finishing = false, givenUp = false;
  size_t underWay = 0;
  std::vector<Network::Token> completed;
  std::thread thread;

  void post(const Post &post);
  void run();
  void work();
  bool startPosted();
  bool advanceCompleted();
};

/// A full queue is emptied within microseconds, unless its thread has ended.
void NetworkThread::State::post(const Post &post) {
  delayAtRandom();
  while (!posts.push(post)) {
    if (givenUp.load(std::memory_order_relaxed))
      return;
    std::this_thread::yield();
  }
  pacing.wake();
}

void NetworkThread::State::run() {
  Pacing::prepareThread();
  try {
    work();
    return;
  } catch (const NetworkError &error) {
    givenUp = true;
    failed(error);
  } catch (const std::exception &error) {
    givenUp = true;
    failed(NetworkError(-1, error.what()));
  }
}

/// Until everything is complete and no more will come.
void NetworkThread::State::work() {
  while (!givenUp.load(std::memory_order_relaxed)) {
    // Read first: whoever finishes has posted before.
    bool last = finishing.load(std::memory_order_acquire);
    bool started = startPosted(), ended = advanceCompleted();
    if (started || ended)
      pacing.busy();
    else if (last && underWay == 0)
      return;
    else
      pacing.idle([&] { return !posts.empty() || finishing != last || givenUp; });
  }
}

bool NetworkThread::State::startPosted() {
  bool any = false;
  for (Post post; posts.pop(post); any = true, ++underWay) {
    if (post.kind == Post::Send)
      network->send(post.peer, post.channel, post.data, post.bytes, post.complete);
    else
      network->receive(post.peer, post.channel, post.data, post.bytes, post.complete);
  }
  return any;
}

bool NetworkThread::State::advanceCompleted() {
  completed.clear();
  network->poll(completed);
  underWay -= completed.size();
  for (Network::Token token : completed)
    static_cast<Counter *>(token)->advance();
  return !completed.empty();
}

NetworkThread::NetworkThread(std::unique_ptr<Network> network,
                             std::function<void(const NetworkError &)> failed)
    : state(std::make_unique<State>()) {
  state->network = std::move(network);
  state->failed = std::move(failed);
  try {
    state->thread = std::thread([state = state.get()] { state->run(); });
  } catch (const std::system_error &error) {
    failThread("the network", error);
  }
}

NetworkThread::~NetworkThread() {
  if (!state->thread.joinable())
    return;
  state->givenUp = true;
  state->pacing.wake();
  state->thread.join();
}

int NetworkThread::rank() const { return state->network->rank(); }
int NetworkThread::size() const { return state->network->size(); }
std::string NetworkThread::description() const { return state->network->description(); }
size_t NetworkThread::eagerBytes(int to) const { return state->network->eagerBytes(to); }

void NetworkThread::send(int to, uint32_t channel, const void *data, size_t bytes,
                         Counter &complete) {
  state->post({State::Post::Send, to, channel, const_cast<void *>(data), bytes, &complete});
}

void NetworkThread::receive(int from, uint32_t channel, void *data, size_t bytes,
                            Counter &complete) {
  state->post({State::Post::Receive, from, channel, data, bytes, &complete});
}

void NetworkThread::finish() {
  state->finishing = true;
  state->pacing.wake();
  state->thread.join();
  if (!state->givenUp)
    state->network->finish();
}
