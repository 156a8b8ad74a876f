#include "engine/transaction_table.h"

#include <utility>

namespace escrow::engine {

std::size_t TransactionTable::measure(const std::string& key, const Entry& entry) {
  constexpr std::size_t kNodes = 128;  // of the map and the list
  return key.size() + kNodes + (entry.transaction ? entry.transaction->footprint() : sizeof entry);
}

TransactionTable::Entry* TransactionTable::find(std::string_view key) {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return nullptr;
  if (!it->second.pinned_) order_.splice(order_.end(), order_, it->second.place_);
  return &it->second;
}

TransactionTable::Entry& TransactionTable::insert(std::string key,
                                                  std::optional<coordinator::Transaction> transaction) {
  const auto [it, added] = entries_.try_emplace(std::move(key));
  Entry& entry = it->second;
  if (!added) return entry;
  entry.transaction = std::move(transaction);
  entry.footprint_ = measure(it->first, entry);
  entry.place_ = order_.insert(order_.end(), &*it);
  bytes_ += entry.footprint_;
  return entry;
}

void TransactionTable::changed(Entry& entry, broker::BatchNumber batch) {
  entry.batch = batch;
  pinned_.splice(pinned_.end(), std::exchange(entry.pinned_, true) ? pinned_ : order_, entry.place_);
  bytes_ -= entry.footprint_;
  entry.footprint_ = measure((*entry.place_)->first, entry);
  bytes_ += entry.footprint_;
}

void TransactionTable::enforce(broker::BatchNumber durable) {
  while (!pinned_.empty() && pinned_.front()->second.batch <= durable) {
    pinned_.front()->second.pinned_ = false;
    order_.splice(order_.end(), pinned_, pinned_.begin());
  }
  while (bytes_ > bound_ && !order_.empty()) {
    bytes_ -= order_.front()->second.footprint_;
    const auto found = entries_.find(order_.front()->first);
    order_.pop_front();
    entries_.erase(found);
  }
}

}  // namespace escrow::engine
