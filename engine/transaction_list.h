// Listing transactions, straight from the store: durable state only, and no work for the engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/core/transaction.h"
#include "storage/store.h"

namespace escrow::engine {

struct TransactionFilter {
  std::string group;                        ///< empty: all but those of schedules
  std::optional<coordinator::State> state;  ///< unset: all
  std::optional<Timestamp> prepared_before;
};

struct TransactionPage {
  std::vector<coordinator::Transaction> transactions;  ///< without messages, but for schedules
  /// Where the next page starts; empty: this was the last.
  std::string next;
};

/// Records that one page looks at; a page may be short, or empty, and not be the last.
inline constexpr std::size_t kMaxListScan = 10'000;
/// … and what they keep in memory, beyond which it ends.
inline constexpr std::size_t kMaxListBytes = 1 << 20;

/// Open ones first, in order of their stored keys, then decided ones in order of decision. `from`: the `next` of the page before, or
/// empty. INVALID_ARGUMENT when it is not one. Any thread; waits for the disk.
Result<TransactionPage> list_transactions(const Store& store, const TransactionFilter& filter, std::string_view from,
                                          std::size_t limit);

}  // namespace escrow::engine
