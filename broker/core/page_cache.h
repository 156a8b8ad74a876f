// Which pages of all queues are in memory, oldest first, and how many bytes they keep. One bound for the whole broker:
// memory does not grow with the backlog, be it in one queue or in ten thousand.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <utility>

#include "broker/core/fragment.h"

namespace escrow::broker {

class QueueLog;

class PageCache {
 public:
  /// A page's place in the order of eviction.
  using Place = std::list<std::pair<QueueLog*, Seq>>::iterator;

  explicit PageCache(std::size_t bound_bytes) : bound_(bound_bytes) {}

  Place enter(QueueLog* log, Seq page) { return order_.insert(order_.end(), {log, page}); }
  void leave(Place place) { order_.erase(place); }
  void grow(std::size_t bytes) { bytes_ += bytes; }
  void shrink(std::size_t bytes) { bytes_ -= bytes; }

  /// Evicts from the oldest page on until the bound is met, and tells whose page it was. To be called between commands.
  /// `batch`: the one that is being built.
  void enforce(
      BatchNumber batch = 0, const std::function<void(QueueLog&)>& evicted = [](QueueLog&) {});
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bound_;
  std::size_t bytes_ = 0;
  std::list<std::pair<QueueLog*, Seq>> order_;
};

}  // namespace escrow::broker
