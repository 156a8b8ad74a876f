// Reading transactions from the store: one by key, or a list.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "coordinator/core/transaction.h"
#include "engine/backend.h"
#include "storage/store.h"

namespace escrow::engine {

/// By encoded key; empty: there is none. May wait for the disk. Sees durable state only.
Result<std::optional<coordinator::Transaction>> read_transaction(const Store& store, std::string_view key);

/// The same from memory alone; nullopt: it would have to wait.
std::optional<Result<std::optional<coordinator::Transaction>>> read_cached(Backend& backend,
                                                                           const coordinator::Key& key,
                                                                           std::string_view encoded);

}  // namespace escrow::engine
