// Engine::with_transaction, for the files that apply commands.
#pragma once

#include <string>
#include <utility>

#include "base/invariant.h"
#include "engine/engine.h"
#include "engine/transaction_reader.h"

namespace escrow::engine {

template <class Use>
void Engine::with_transaction(const coordinator::Key& key, Use&& use) {
  std::string encoded = key.encode();
  if (const auto it = waiting_.find(encoded); it != waiting_.end()) {
    it->second.emplace_back(std::forward<Use>(use));
    return;
  }
  Entry* entry = table_.find(encoded);
  if (entry == nullptr) {
    auto found = read_cached(backend_, key, encoded);
    if (!found) {
      waiting_[encoded].emplace_back(std::forward<Use>(use));
      read_transaction(encoded);
      return;
    }
    ESCROW_INVARIANT(found->ok(), "a stored transaction can be read");
    entry = &table_.insert(encoded, std::move(**found));
  }
  use(*entry, encoded);
}

}  // namespace escrow::engine
