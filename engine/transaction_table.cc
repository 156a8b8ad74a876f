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
  order_.splice(order_.end(), order_, it->second.place);
  return &it->second;
}

TransactionTable::Entry& TransactionTable::insert(std::string key,
                                                  std::optional<coordinator::Transaction> transaction) {
  const auto [it, added] = entries_.try_emplace(std::move(key));
  Entry& entry = it->second;
  if (!added) return entry;
  entry.transaction = std::move(transaction);
  entry.footprint = measure(it->first, entry);
  entry.place = order_.insert(order_.end(), it->first);
  bytes_ += entry.footprint;
  return entry;
}

void TransactionTable::changed(Entry& entry, broker::BatchNumber batch) {
  entry.batch = batch;
  bytes_ -= entry.footprint;
  entry.footprint = measure(std::string(), entry) + entry.place->size();
  bytes_ += entry.footprint;
}

void TransactionTable::enforce(broker::BatchNumber durable) {
  for (auto it = order_.begin(); bytes_ > bound_ && it != order_.end();) {
    const auto found = entries_.find(*it);
    if (found->second.batch > durable) {
      ++it;
      continue;
    }
    bytes_ -= found->second.footprint;
    it = order_.erase(it);
    entries_.erase(found);
  }
}

}  // namespace escrow::engine
