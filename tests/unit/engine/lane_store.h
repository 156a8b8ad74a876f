// What a timer lane writes to, and reads back from as the engine's readers do.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/timer_index.h"

namespace escrow::engine {

struct LaneStore {
  std::map<std::string, std::string> stored;
  std::vector<std::pair<std::string, std::string>> erased_ranges;

  void put_timers(std::string_view key, std::string_view value) { stored[std::string(key)] = value; }
  void erase_timers(std::string_view from, std::string_view to) {
    stored.erase(stored.lower_bound(std::string(from)), stored.lower_bound(std::string(to)));
    erased_ranges.emplace_back(from, to);
  }

  struct Found {
    std::vector<TimerLane::Entry> entries;
    std::optional<std::string> stopped_at;
  };
  /// Stops before the entry with which `limit` timers were exceeded.
  Found read(const TimerLane::Read& read, std::size_t limit = ~std::size_t{0}) const {
    Found found;
    std::size_t count = 0;
    for (auto it = stored.lower_bound(read.from); it != stored.end() && it->first < read.to; ++it) {
      if (count >= limit) {
        found.stopped_at = it->first;
        break;
      }
      auto timers = decode_timers(it->second);
      count += timers->size();
      found.entries.push_back({*decode_timer_key(it->first), std::move(*timers)});
    }
    return found;
  }

  std::size_t timers() const {
    std::size_t count = 0;
    for (const auto& [key, value] : stored) count += decode_timers(value)->size();
    return count;
  }
};

}  // namespace escrow::engine
