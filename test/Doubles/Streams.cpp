//===- Streams.cpp - Streams, events and graphs without a GPU ----------------===//

#include "test/Doubles/Streams.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string_view>

using namespace doubles;
using bitpipe::cuda::CaptureIsolation;
using bitpipe::cuda::CaptureUnjoined;
using bitpipe::cuda::CaptureUnmatched;
using bitpipe::cuda::CaptureUnsupported;
using bitpipe::cuda::IllegalAddress;
using bitpipe::cuda::LaunchFailed;
using bitpipe::cuda::Success;
using Lock = std::unique_lock<std::mutex>;

Engine &Engine::get() {
  static Engine &engine = *new Engine; // outlives its streams' threads
  return engine;
}

Engine::Engine() {
  if (const char *seed = std::getenv("BITPIPE_DOUBLES_DELAYS"))
    chance.emplace(uint32_t(std::atoi(seed)));
}

void Engine::fail(Result result, const std::string &text) {
  if (failure != Success)
    return;
  failure = result;
  std::fprintf(stderr, "doubles: %s\n", text.c_str());
}

void Engine::ask(const Work &work) {
  if (auto [address, bytes] = work.given; bytes > 0)
    if (auto wrong = memory.giveToCopy(address, bytes, host))
      fail(bitpipe::cuda::IllegalAddress, *wrong);
}

void Engine::failIfAsked(const char *what) {
  static const char *given = std::getenv("BITPIPE_DOUBLES_FAIL");
  std::string prefix = std::string(what) + ":";
  if (!given || !std::string_view(given).starts_with(prefix))
    return;
  if (asked++ == unsigned(std::atoi(given + prefix.size())))
    fail(IllegalAddress, std::string("BITPIPE_DOUBLES_FAIL=") + given);
}

/// BITPIPE_DOUBLES_SLOW=MS: whatever a stream does takes so many milliseconds more.
void Engine::delay(Lock &lock) {
  static const char *slow = std::getenv("BITPIPE_DOUBLES_SLOW");
  if (slow) {
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(slow)));
    lock.lock();
  }
  if (!chance || (*chance)() % 4)
    return;
  std::chrono::microseconds time((*chance)() % 300);
  lock.unlock();
  std::this_thread::sleep_for(time);
  lock.lock();
}

size_t Engine::choose(size_t count) { return chance ? (*chance)() % count : count - 1; }

void Engine::tick(uint32_t lane, Clock &clock) {
  if (clock.size() <= lane)
    clock.resize(lane + 1);
  clock[lane] = ++ticks[lane];
}

bool Engine::isKnown(const Completion &completion) const {
  uint32_t lane = completion.lane;
  return lane < host.size() && completion.clock[lane] <= host[lane];
}

void Engine::run(const Work &work, int device, uint32_t lane, Clock &clock) {
  tick(lane, clock);
  if (failure != Success)
    return;
  memory.begin({work.name, device, lane, clock});
  if (auto wrong = work.run())
    fail(wrong->find("nothing puts") == std::string::npos ? IllegalAddress : LaunchFailed,
         *wrong);
}

Stream::Stream(Engine &engine, int device, uint32_t lane)
    : device(device), engine(engine), lane(lane), thread([this] { loop(); }) {}

Stream::~Stream() {
  {
    Lock lock(engine.mutex);
    stopping = true;
    engine.changed.notify_all();
  }
  thread.join();
}

void Stream::leaveCapture() {
  if (!capture || capture->open)
    return;
  capture = nullptr;
  last.clear();
}

void Stream::push(Item item) {
  item.host = engine.host;
  queue.push_back(std::move(item));
  ++added;
  engine.changed.notify_all();
}

Result Stream::add(Work work) {
  leaveCapture();
  if (engine.failure != Success)
    return engine.failure;
  if (!capture) {
    engine.ask(work);
    push({std::move(work), {}, {}, {}, {}, {}});
    return engine.failure;
  }
  capture->nodes.push_back({std::move(work), this, last});
  last = {capture->nodes.size() - 1};
  return Success;
}

Result Stream::record(EventState &event) {
  leaveCapture();
  if (capture) {
    event = {event.device, event.timed, nullptr, capture, last};
    return Success;
  }
  event = {event.device, event.timed, std::make_shared<Completion>(), nullptr, {}};
  event.completion->timed = event.timed;
  event.completion->lane = lane;
  push({{}, event.completion, {}, {}, {}, {}});
  return engine.failure;
}

/// BITPIPE_DOUBLES_DROP=S:N: the N-th wait of the S-th stream, both from 0, is left out,
/// to see that it is missed. Whichever thread comes first, that is the same wait.
bool Stream::dropsWait() {
  static const auto dropped = [] {
    std::pair<unsigned, unsigned> which(-1, -1);
    if (const char *given = std::getenv("BITPIPE_DOUBLES_DROP"))
      std::sscanf(given, "%u:%u", &which.first, &which.second);
    return which;
  }();
  return std::pair<unsigned, unsigned>(lane, waits++) == dropped;
}

Result Stream::wait(EventState &event) {
  if (dropsWait())
    return Success;
  leaveCapture();
  if (event.captured) {
    if (!event.captured->open || (capture && capture != event.captured))
      return CaptureIsolation;
    capture = event.captured; // the stream is captured, too
    last.insert(last.end(), event.nodes.begin(), event.nodes.end());
    return Success;
  }
  if (capture)
    return CaptureIsolation;
  if (event.completion)
    push({{}, {}, event.completion, {}, {}, {}});
  return engine.failure;
}

Result Stream::launch(std::shared_ptr<Captured> graph) {
  leaveCapture();
  if (capture)
    return CaptureUnsupported;
  Item item{{}, {}, {}, graph, {}, {}};
  for (const Captured::Node &node : graph->nodes)
    engine.ask(node.work);
  for (const Captured::Node &node : graph->nodes)
    if (!item.lanes.contains(node.stream))
      item.lanes[node.stream] = engine.newLane();
  push(std::move(item));
  return engine.failure;
}

Result Stream::beginCapture() {
  leaveCapture();
  if (capture)
    return CaptureUnmatched;
  capture = std::make_shared<Captured>();
  last.clear();
  return Success;
}

/// Every node must come before what the origin has come to.
Result Stream::endCapture(std::shared_ptr<Captured> &graph) {
  leaveCapture();
  if (!capture)
    return CaptureUnmatched;
  std::set<size_t> reached;
  std::vector<size_t> open = last;
  while (!open.empty()) {
    size_t node = open.back();
    open.pop_back();
    if (reached.insert(node).second)
      open.insert(open.end(), capture->nodes[node].after.begin(),
                  capture->nodes[node].after.end());
  }
  graph = capture;
  graph->open = false;
  capture = nullptr;
  last.clear();
  return reached.size() == graph->nodes.size() ? Success : CaptureUnjoined;
}

Result Stream::synchronize() {
  leaveCapture();
  Lock lock(engine.mutex, std::adopt_lock); // the caller's
  if (capture) {
    lock.release();
    return CaptureUnsupported;
  }
  size_t target = added;
  engine.changed.wait(lock, [&] { return done >= target; });
  merge(engine.host, clock);
  lock.release();
  return engine.failure;
}

bool Stream::canBegin(const Item &item) const {
  if (engine.failure != Success)
    return true;
  return (!item.awaits || item.awaits->done) && (!item.work.ready || item.work.ready());
}

void Stream::loop() {
  Lock lock(engine.mutex);
  while (true) {
    engine.changed.wait(lock, [&] {
      return stopping || (!queue.empty() && canBegin(queue.front()));
    });
    if (queue.empty())
      return;
    engine.delay(lock);
    Item item = std::move(queue.front());
    queue.pop_front();
    carryOut(item, lock);
    ++done;
    engine.changed.notify_all();
  }
}

void Stream::carryOut(Item &item, Lock &lock) {
  merge(clock, item.host);
  if (item.awaits)
    merge(clock, item.awaits->clock);
  if (item.work.run)
    engine.run(item.work, device, lane, clock);
  if (item.graph)
    runGraph(item, lock);
  if (item.records) {
    if (item.records->timed)
      engine.tick(lane, clock);
    item.records->clock = clock;
    item.records->seconds = std::chrono::duration<double>(
                                std::chrono::steady_clock::now().time_since_epoch())
                                .count();
    item.records->done = true;
  }
}

void Stream::runGraph(Item &item, Lock &lock) {
  const std::vector<Captured::Node> &nodes = item.graph->nodes;
  std::vector<Clock> clocks(nodes.size());
  std::vector<bool> ended(nodes.size());
  Clock end = clock;
  auto canBegin = [&](const Captured::Node &node) {
    return std::ranges::all_of(node.after, [&](size_t j) { return bool(ended[j]); }) &&
           (engine.failure != Success || !node.work.ready || node.work.ready());
  };
  for (size_t left = nodes.size(); left > 0;) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < nodes.size(); ++i)
      if (!ended[i] && canBegin(nodes[i]))
        ready.push_back(i);
    if (ready.empty()) { // another rank has to come
      engine.changed.wait(lock);
      continue;
    }
    size_t next = ready[engine.choose(ready.size())];
    clocks[next] = clock;
    for (size_t before : nodes[next].after)
      merge(clocks[next], clocks[before]);
    engine.run(nodes[next].work, nodes[next].stream->device, item.lanes[nodes[next].stream],
               clocks[next]);
    merge(end, clocks[next]);
    ended[next] = true;
    --left;
    engine.changed.notify_all();
    engine.delay(lock);
  }
  clock = end;
}

std::optional<std::string> doubles::translate(const void *pointer, size_t bytes, bool writes,
                                              char *&there) {
  Memory &memory = Engine::get().memory;
  auto number = reinterpret_cast<uint64_t>(pointer);
  if (memory.isDevice(number)) {
    there = memory.real(number);
    return memory.access(number, bytes, writes);
  }
  there = const_cast<char *>(static_cast<const char *>(pointer));
  return memory.isGlobal(pointer) ? std::nullopt : memory.accessReal(pointer, bytes, writes);
}
