// Reading timers that are due from the store.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/invariant.h"
#include "engine/engine.h"

namespace escrow::engine {

/// Timers of one read.
inline constexpr std::size_t kTimersPerRead = 10'000;

template <class Loaded>
void Engine::read_timers(const TimerLane::Read& read, Loaded loaded) {
  read_after(read.after, [read, loaded = std::move(loaded)](const Store& store) -> Backend::Completion {
    std::vector<TimerLane::Entry> entries;
    std::optional<std::string> stopped_at;
    std::size_t count = 0;
    const auto it = store.scan(Table::kTimers, read.from, read.to);
    for (; it->valid(); it->next()) {
      if (count >= kTimersPerRead) {
        stopped_at = std::string(it->key());
        break;
      }
      const std::optional<TimerKey> key = decode_timer_key(it->key());
      Result<std::vector<Timer>> timers = decode_timers(it->value());
      ESCROW_INVARIANT(key && timers.ok(), "stored timers can be read");
      count += timers->size();
      entries.push_back({*key, std::move(*timers)});
    }
    ESCROW_INVARIANT(it->status().ok(), "timers can be read");
    return [loaded, entries = std::move(entries), stopped_at = std::move(stopped_at)]() mutable {
      loaded(std::move(entries), std::move(stopped_at));
    };
  });
}

}  // namespace escrow::engine
