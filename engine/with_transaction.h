// Engine::with_transaction and with_schedules, for the files that apply commands.
#pragma once

#include <string>
#include <utility>

#include "engine/engine.h"

namespace escrow::engine {

template <class Use>
void Engine::with_transaction(const coordinator::Key& key, std::size_t bytes, Use&& use) {
  const std::string encoded = key.encode();
  if (Entry* entry = find_at_once(key, encoded)) return use(*entry, encoded);
  std::vector<Waiting>& others = waiting_[encoded];
  others.push_back({bytes, std::forward<Use>(use)});
  waiting_bytes_ += bytes;
  if (others.size() == 1) read_transaction(encoded);
}

template <class KeysOf, class Use>
void Engine::with_schedules(const coordinator::Key& key, std::size_t bytes, KeysOf keys_of, Use use) {
  with_transaction(
      key, bytes, [this, bytes, keys_of, use = std::move(use)](Entry& entry, const std::string& encoded) mutable {
        std::vector<coordinator::Key> missing;
        for (const coordinator::Key& place : keys_of(std::as_const(entry))) {
          if (find_at_once(place, place.encode()) == nullptr) missing.push_back(place);
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
