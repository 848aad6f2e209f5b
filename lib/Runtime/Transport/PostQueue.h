//===- PostQueue.h - A bounded queue from many threads to one ---------------===//
//
// A ring of slots. A slot's turn tells whose it is: the thread that posts number
// `turn` may fill it, the reader may empty it one later. Threads that post agree
// on their numbers by one counter; nobody locks or allocates.
//
//===----------------------------------------------------------------------===//

#ifndef BITPIPE_RUNTIME_TRANSPORT_POSTQUEUE_H
#define BITPIPE_RUNTIME_TRANSPORT_POSTQUEUE_H

#include <array>
#include <atomic>
#include <cstddef>

namespace bitpipe {

template <typename Item, size_t capacity> class PostQueue {
  static_assert((capacity & (capacity - 1)) == 0, "so that positions may wrap");

public:
  PostQueue() {
    for (size_t i = 0; i < capacity; ++i)
      slots[i].turn.store(i, std::memory_order_relaxed);
  }

  /// False if the queue is full. Any thread may call; what one thread pushes comes
  /// out in its order.
  bool push(const Item &item) {
    size_t position = tail.load(std::memory_order_relaxed);
    for (;;) {
      Slot &slot = slots[position % capacity];
      auto ahead = std::ptrdiff_t(slot.turn.load(std::memory_order_acquire) - position);
      if (ahead < 0)
        return false;
      if (ahead > 0) { // another thread was faster
        position = tail.load(std::memory_order_relaxed);
        continue;
      }
      if (!tail.compare_exchange_weak(position, position + 1, std::memory_order_relaxed))
        continue;
      slot.item = item;
      slot.turn.store(position + 1, std::memory_order_release);
      return true;
    }
  }

  /// False if nothing is ready. One thread may call.
  bool pop(Item &item) {
    Slot &slot = slots[head % capacity];
    if (slot.turn.load(std::memory_order_acquire) != head + 1)
      return false;
    item = slot.item;
    slot.turn.store(head + capacity, std::memory_order_release);
    ++head;
    return true;
  }

  /// Whether pop would find something. For the thread that pops.
  bool empty() const {
    return slots[head % capacity].turn.load(std::memory_order_acquire) != head + 1;
  }

private:
  struct Slot {
    std::atomic<size_t> turn;
    Item item;
  };
  std::array<Slot, capacity> slots;
  alignas(64) std::atomic<size_t> tail = 0; // of those that push
  alignas(64) size_t head = 0;              // of the one that pops
};

} // namespace bitpipe

#endif // BITPIPE_RUNTIME_TRANSPORT_POSTQUEUE_H
