// Forgetting decided transactions when their retention is over.
#include <algorithm>
#include <utility>

#include "base/invariant.h"
#include "engine/engine.h"

namespace escrow::engine {

namespace {
/// Decided transactions that one step forgets, beyond which it stops.
constexpr std::size_t kRetirePerStep = 1000;
}  // namespace

void Engine::run_retention() {
  const Timestamp now = time_.now();
  if (retention_under_way_) return;
  if (now < next_retention_) return wake_at(next_retention_);
  retention_under_way_ = true;
  const Bucket until = bucket_of(now - options_.decided_retention);
  read_after(durable(), [this, until, now, cursor = retention_cursor_](const Store& store) -> Backend::Completion {
    std::vector<std::pair<std::string, std::vector<Timer>>> due;
    std::size_t count = 0;
    Timestamp next = now + options_.decided_retention;
    const auto it = store.scan(Table::kTimers, std::max(cursor, timer_key(kRetentionLane, 0, 0)),
                               timer_key(kRetentionLane + 1, 0, 0));
    for (; it->valid() && count < kRetirePerStep; it->next()) {
      const std::optional<TimerKey> key = decode_timer_key(it->key());
      ESCROW_INVARIANT(key.has_value(), "stored timers can be read");
      next = from_micros(static_cast<std::int64_t>(key->bucket + 1) * 1'000'000) + options_.decided_retention;
      if (key->bucket >= until) break;
      Result<std::vector<Timer>> timers = decode_timers(it->value());
      ESCROW_INVARIANT(timers.ok(), "stored timers can be read");
      count += timers->size();
      due.emplace_back(std::string(it->key()), std::move(*timers));
    }
    ESCROW_INVARIANT(it->status().ok(), "timers can be read");
    return [this, due = std::move(due), next] {
      retention_under_way_ = false;
      next_retention_ = next;
      for (const auto& [key, timers] : due) retire(key, timers);
    };
  });
}

void Engine::retire(const std::string& key, const std::vector<Timer>& decided) {
  touch();
  building_.erase_timers(key);
  retention_cursor_ = key + '\0';  // the store shows this one until the batch is durable
  for (const Timer& timer : decided) {
    building_.erase_decided(timer.key);
    Entry* entry = table_.find(timer.key);
    if (entry == nullptr) entry = &table_.insert(timer.key, std::nullopt);
    // A key that is being read is not in memory: the read may find what is erased here, and is passed over by insert().
    entry->transaction.reset();
    table_.changed(*entry, head_.batch + 1);
  }
}

}  // namespace escrow::engine
