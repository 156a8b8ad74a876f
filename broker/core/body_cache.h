// Large bodies: stored by themselves, once, and shared by the queues and transactions that refer to them. Here is what
// of them is in memory, and how many references the shared ones have left.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/fragment.h"

namespace escrow::broker {

class Queue;

/// Larger bodies are stored apart from their record.
inline constexpr std::size_t kMaxInlineBody = 4096;

/// Not thread-safe.
class BodyCache {
 public:
  using Body = std::shared_ptr<const std::string>;

  explicit BodyCache(std::size_t bound_bytes) : bound_(bound_bytes) {}

  /// A new body of the batch that is being built, or one that was read back (batch 0).
  void put(std::uint64_t id, Body body, BatchNumber batch);
  /// nullptr: not in memory.
  Body find(std::uint64_t id);

  /// `queue` waits for the body. True: nobody asked for it before, it has to be read.
  bool request_load(std::uint64_t id, Queue* queue);
  /// Puts a body that was read and returns who waited for it.
  std::vector<Queue*> loaded(std::uint64_t id, Body body);
  /// The queue waits no more.
  void forget(const Queue* queue);

  /// `references` > 1 take the place of one. A body of one reference needs no count.
  void share(std::uint64_t id, std::uint32_t references) { shared_.try_emplace(id, 1).first->second += references - 1; }
  /// … and somebody may have another reference than the one at hand.
  bool is_shared(std::uint64_t id) const { return shared_.contains(id); }
  /// True: that was the last reference, the body is gone.
  bool release(std::uint64_t id);

  /// Drops the longest unused beyond the bound, of those that `durable` covers.
  void enforce(BatchNumber durable);
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    Body body;
    BatchNumber batch = 0;
    std::list<std::uint64_t>::iterator place;
  };
  void drop(std::unordered_map<std::uint64_t, Entry>::iterator entry);

  std::size_t bound_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::list<std::uint64_t> order_;  // least recently used first
  std::unordered_map<std::uint64_t, std::vector<Queue*>> waiting_;
  std::unordered_map<std::uint64_t, std::uint32_t> shared_;
};

}  // namespace escrow::broker
