// Engine::with_transaction, for the files that apply commands.
#pragma once

#include <string>
#include <utility>

#include "base/invariant.h"
#include "engine/engine.h"
#include "engine/transaction_reader.h"

namespace escrow::engine {

template <class Use>
void Engine::with_transaction(const coordinator::Key& key, std::size_t bytes, Use&& use) {
  std::string encoded = key.encode();
  const auto wait = [&](std::vector<Waiting>& others) {
    others.push_back({bytes, std::forward<Use>(use)});
    waiting_bytes_ += bytes;
  };
  if (const auto it = waiting_.find(encoded); it != waiting_.end()) return wait(it->second);
  Entry* entry = table_.find(encoded);
  if (entry == nullptr) {
    auto found = read_cached(backend_, key, encoded);
    if (!found) {
      wait(waiting_[encoded]);
      return read_transaction(encoded);
    }
    ESCROW_INVARIANT(found->ok(), "a stored transaction can be read");
    entry = &table_.insert(encoded, std::move(**found));
  }
  use(*entry, encoded);
}

}  // namespace escrow::engine
