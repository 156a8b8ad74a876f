// Transactions in memory: those that a batch on its way has changed, and as many others as the bound allows.
//
// What is not in memory is read from the store; a batch in flight is therefore never missed.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "broker/core/fragment.h"
#include "coordinator/core/transaction.h"

namespace escrow::engine {

/// One thread: the engine's.
class TransactionTable {
 public:
  struct Entry;
  using Node = std::pair<const std::string, Entry>;
  struct Entry {
    /// Empty: there is no such transaction.
    std::optional<coordinator::Transaction> transaction;
    /// The last batch that changed it.
    broker::BatchNumber batch = 0;

   private:
    friend class TransactionTable;
    std::size_t footprint_ = 0;
    bool pinned_ = false;
    std::list<Node*>::iterator place_;
  };

  explicit TransactionTable(std::size_t bound_bytes) : bound_(bound_bytes) {}

  /// nullptr: not in memory. By the encoded key.
  Entry* find(std::string_view key);
  /// Adds what was read.
  Entry& insert(std::string key, std::optional<coordinator::Transaction> transaction);
  /// To be called after a change of the entry. Batches come in order.
  void changed(Entry& entry, broker::BatchNumber batch);

  /// Forgets the longest unused beyond the bound, of those that `durable` covers. Costs nothing when there are none.
  void enforce(broker::BatchNumber durable);
  std::size_t bytes() const { return bytes_; }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  static std::size_t measure(const std::string& key, const Entry& entry);

  std::size_t bound_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  std::list<Node*> order_;   // least recently used first
  std::list<Node*> pinned_;  // changed by batches that were not durable, in order of these
};

}  // namespace escrow::engine
