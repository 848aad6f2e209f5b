//===- Streams.h - Streams, events and graphs without a GPU ------------------===//
//
// A stream is a thread that carries out operations in their order, one operation of all
// streams at a time: which comes first is left to chance, with BITPIPE_DOUBLES_DELAYS=SEED
// to a seeded one that also waits here and there. What a stream does while it is
// captured becomes the nodes of a graph; a launch carries them out in any order that
// their edges allow.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_TEST_DOUBLES_STREAMS_H
#define BITPIPE_TEST_DOUBLES_STREAMS_H

#include "lib/Runtime/CUDA/DriverTypes.h"
#include "test/Doubles/Memory.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

namespace doubles {

using bitpipe::cuda::Result;

/// What an operation does. It must stay good for as often as a graph is launched.
struct Work {
  std::string name;
  std::function<bool()> ready;                     // null: always
  std::function<std::optional<std::string>()> run; // says what is wrong
  std::pair<const void *, size_t> given = {};      // the host's memory that a copy reads
};

/// When an event has been recorded.
struct Completion {
  bool done = false;
  Clock clock;
  double seconds = 0;
  bool timed = false; // it is an operation then, of its lane, for which somebody has to wait
  uint32_t lane = 0;
};

class Stream;

/// Nodes, each after those that it depends upon.
struct Captured {
  struct Node {
    Work work;
    Stream *stream;
    std::vector<size_t> after;
  };
  std::vector<Node> nodes;
  bool open = true;
  int handles = 0; // of a graph that holds it, or of one to launch
};

struct EventState {
  int device; // whose streams may record it
  bool timed;
  std::shared_ptr<Completion> completion; // null: never recorded
  std::shared_ptr<Captured> captured;     // recorded while it was captured
  std::vector<size_t> nodes;
};

class Engine;

class Stream {
public:
  Stream(Engine &engine, int device, uint32_t lane);
  ~Stream();

  Result add(Work work);
  Result record(EventState &event);
  Result wait(EventState &event);
  Result launch(std::shared_ptr<Captured> graph);
  Result beginCapture();
  Result endCapture(std::shared_ptr<Captured> &graph);
  /// Until all is done that was added; not while it is captured.
  Result synchronize();

  const std::shared_ptr<Captured> &captured() const { return capture; }

  const int device;

private:
  struct Item {
    Work work;
    std::shared_ptr<Completion> records, awaits;
    std::shared_ptr<Captured> graph;
    std::map<Stream *, uint32_t> lanes; // of the graph's streams
    Clock host;                         // what the host knew
  };

  /// Whether the next wait is the one to be left out.
  bool dropsWait();
  /// A capture ends for all streams when it ends for its origin.
  void leaveCapture();
  void push(Item item);
  void loop();
  bool canBegin(const Item &item) const;
  void carryOut(Item &item, std::unique_lock<std::mutex> &lock);
  void runGraph(Item &item, std::unique_lock<std::mutex> &lock);

  Engine &engine;
  const uint32_t lane; // streams are numbered as they are made
  unsigned waits = 0;  // so far
  Clock clock;
  std::deque<Item> queue;
  size_t added = 0, done = 0;
  std::shared_ptr<Captured> capture;
  std::vector<size_t> last; // nodes of the capture that what follows comes after
  bool stopping = false;
  std::thread thread;
};

/// What all streams share.
class Engine {
public:
  static Engine &get();

  std::mutex mutex;
  std::condition_variable changed;
  Memory memory;
  Clock host; // what has ended before the host goes on
  /// The first failure, which every later call returns, and what was printed of it.
  Result failure = bitpipe::cuda::Success;

  uint32_t newLane() {
    ticks.push_back(0);
    return uint32_t(ticks.size() - 1);
  }
  /// The next operation of a lane comes after what `clock` says, which then includes it.
  void tick(uint32_t lane, Clock &clock);
  /// Whether the host has waited for it.
  bool isKnown(const Completion &completion) const;
  /// Carries out one piece of work after what `clock` says, which then includes it.
  void run(const Work &work, int device, uint32_t lane, Clock &clock);
  void fail(Result result, const std::string &text);
  /// The host asks for work.
  void ask(const Work &work);
  /// BITPIPE_DOUBLES_FAIL=WHAT:N: at the N-th such call, from 0, it shows that some kernel has
  /// touched memory that is not its own; WHAT is `wait` (of the host for an event), `launch` or
  /// `graph` (a launch of one).
  void failIfAsked(const char *what);
  /// Lets time pass, or not, with the engine unlocked.
  void delay(std::unique_lock<std::mutex> &lock);
  /// A number below `count`; always the last one where chance is not seeded.
  size_t choose(size_t count);

private:
  Engine();

  std::vector<uint32_t> ticks; // operations that ended, by lane
  unsigned asked = 0;          // calls that BITPIPE_DOUBLES_FAIL counts
  std::optional<std::mt19937> chance;
};

/// Appends to a stream of the driver, for doubles of other libraries.
Result enqueue(bitpipe::cuda::Stream stream, Work work);
/// What the stream is captured into, or null.
std::shared_ptr<Captured> captureOf(bitpipe::cuda::Stream stream);
/// Checks an access to a device pointer by the operation that runs, and finds the bytes.
std::optional<std::string> translate(const void *pointer, size_t bytes, bool writes,
                                     char *&bytesThere);

} // namespace doubles

#endif // BITPIPE_TEST_DOUBLES_STREAMS_H
