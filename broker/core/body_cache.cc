#include "broker/core/body_cache.h"

#include <algorithm>
#include <utility>

namespace escrow::broker {

void BodyCache::put(std::uint64_t id, Body body, BatchNumber batch) {
  const auto [it, added] = entries_.try_emplace(id);
  if (!added) return;
  bytes_ += body->size();
  it->second = {std::move(body), batch, order_.insert(order_.end(), id)};
}

BodyCache::Body BodyCache::find(std::uint64_t id) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return nullptr;
  order_.splice(order_.end(), order_, it->second.place);
  return it->second.body;
}

bool BodyCache::request_load(std::uint64_t id, Queue* queue) {
  std::vector<Queue*>& waiting = waiting_[id];
  const bool first = waiting.empty();
  if (std::ranges::find(waiting, queue) == waiting.end()) waiting.push_back(queue);
  return first;
}

std::vector<Queue*> BodyCache::loaded(std::uint64_t id, Body body) {
  put(id, std::move(body), 0);
  const auto waiting = waiting_.extract(id);
  return waiting ? std::move(waiting.mapped()) : std::vector<Queue*>();
}

void BodyCache::forget(const Queue* queue) {
  for (auto& [id, waiting] : waiting_) std::erase(waiting, queue);
}

bool BodyCache::release(std::uint64_t id) {
  if (const auto shared = shared_.find(id); shared != shared_.end()) {
    if (--shared->second > 0) return false;
    shared_.erase(shared);
  }
  if (const auto it = entries_.find(id); it != entries_.end()) drop(it);
  return true;
}

void BodyCache::drop(std::unordered_map<std::uint64_t, Entry>::iterator entry) {
  bytes_ -= entry->second.body->size();
  order_.erase(entry->second.place);
  entries_.erase(entry);
}

void BodyCache::enforce(BatchNumber durable) {
  for (auto it = order_.begin(); bytes_ > bound_ && it != order_.end();) {
    const auto entry = entries_.find(*it++);
    if (entry->second.batch <= durable) drop(entry);
  }
}

}  // namespace escrow::broker
