// Engine::with_transaction and with_schedules, for the files that apply commands.
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

template <class KeysOf, class Use>
void Engine::with_schedules(const coordinator::Key& key, std::size_t bytes, KeysOf keys_of, Use use) {
  with_transaction(
      key, bytes, [this, bytes, keys_of, use = std::move(use)](Entry& entry, const std::string& encoded) mutable {
        std::vector<coordinator::Key> missing;
        for (const coordinator::Key& place : keys_of(std::as_const(entry))) {
          if (!in_memory(place)) missing.push_back(place);
        }
        if (!missing.empty()) {
          // What comes for the transaction meanwhile comes after this.
          waiting_[encoded].push_back(
              {bytes, [this, bytes, keys_of, use = std::move(use)](Entry&, const std::string& again) mutable {
                 with_schedules(*coordinator::Key::decode(again), bytes, keys_of, std::move(use));
               }});
          waiting_bytes_ += bytes;
          // All are read at once; one that is there first, or leaves memory again, is looked at again then.
          for (std::size_t i = 1; i < missing.size(); ++i) {
            with_transaction(missing[i], 0, [](Entry&, const std::string&) {});
          }
          return with_transaction(missing.front(), 0, [this, encoded](Entry&, const std::string&) { resume(encoded); });
        }
        use(entry, encoded);
      });
}

}  // namespace escrow::engine
