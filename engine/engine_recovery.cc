// Loading the state from the store. What is read is what the normal path wrote; nothing is written here, and what depends
// on the backlog (messages, transactions, timers) stays where it is.
#include <utility>

#include "base/bytes.h"
#include "engine/engine.h"

namespace escrow::engine {
namespace {

Error damaged(const char* what) {
  return {ErrorCode::kDataLoss, "STORE_DAMAGED", std::string(what) + " cannot be read: restore the data directory", {}};
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::recover(const Store& store, Backend& backend, EngineOptions options,
                                                Random random, Timestamp wall, Monotonic monotonic) {
  Head head;
  auto stored = store.get(Table::kHead, kHeadKey);
  if (!stored) return std::move(stored).error();
  if (*stored) {
    Result<Head> decoded = Head::decode(**stored);
    if (!decoded) return std::move(decoded).error();
    head = *decoded;
  }
  StoredTimers timers;
  for (const auto& [lane, found] :
       {std::pair{kExpirationLane, &timers.expirations}, {kScheduleLane, &timers.schedules}}) {
    const auto it = store.scan(Table::kTimers, timer_key(lane, 0, 0), timer_key(lane + 1, 0, 0));
    *found = it->valid();
    if (auto ok = it->status(); !ok) return std::move(ok).error();
  }
  std::unique_ptr<Engine> engine(new Engine(backend, options, random, head, timers, wall, monotonic));
  if (auto queues = engine->recover_queues(store); !queues) return std::move(queues).error();
  if (auto bodies = engine->recover_bodies(store); !bodies) return std::move(bodies).error();
  if (auto groups = engine->recover_groups(store); !groups) return std::move(groups).error();
  return engine;
}

Result<void> Engine::recover_queues(const Store& store) {
  const auto topology = store.scan(Table::kTopology, "", "");
  for (; topology->valid(); topology->next()) {
    if (auto ok = broker_.recover_topology(topology->key(), topology->value()); !ok) return ok;
  }
  if (auto ok = topology->status(); !ok) return ok;
  for (broker::DelayLog* log : broker_.recover_delays()) {
    auto count = store.get(Table::kDelayed, log_key(log->id()));
    if (!count) return std::move(count).error();
    if (!*count) continue;
    const Result<broker::DelayCount> decoded = broker::DelayCount::decode(**count);
    if (!decoded) return decoded.error();
    log->recover(*decoded);
  }
  for (broker::SeenKeys* keys : broker_.recover_keys()) {
    const auto rows = store.scan(Table::kKeys, log_key(keys->id()), log_key(keys->id() + 1));
    for (; rows->valid(); rows->next()) {
      ByteReader key(rows->key());
      key.u64_be();
      if (auto ok = keys->recover(key.u64_be(), rows->value()); !ok) return ok;
    }
    if (auto ok = rows->status(); !ok) return ok;
  }
  for (const auto& [id, place] : broker_.logs()) {
    if (auto ok = recover_log(store, place.queue->log(place.lane)); !ok) return ok;
    place.queue->lane(place.lane).rewind();
  }
  return {};
}

Result<void> Engine::recover_log(const Store& store, broker::QueueLog& log) {
  const std::string end = log_key(log.id() + 1);
  auto state = store.get(Table::kLogState, log_key(log.id()));
  if (!state) return std::move(state).error();
  broker::Seq from = 1;
  if (*state) {
    const Result<broker::LogState> decoded = broker::LogState::decode(**state);
    if (!decoded) return decoded.error();
    log.recover_state(*decoded);
    from = decoded->head;
  }

  // All three tables are in order of the first sequence and are walked together.
  const auto states = store.scan(Table::kPageState, page_key(log.id(), from), end);
  const auto state_of = [&](std::string_view key) -> Result<std::optional<broker::PageState>> {
    while (states->valid() && states->key() < key) states->next();
    if (!states->valid() || states->key() != key) return std::optional<broker::PageState>();
    Result<broker::PageState> decoded = broker::PageState::decode(states->value());
    if (!decoded) return std::move(decoded).error();
    return std::optional(std::move(*decoded));
  };
  const auto add = [&](std::string_view key, broker::PageExtent extent, bool indexed) -> Result<void> {
    auto page_state = state_of(key);
    if (!page_state) return std::move(page_state).error();
    from = extent.end;
    log.recover_page(std::move(extent), indexed, std::move(*page_state));
    return {};
  };
  const auto first_of = [](std::string_view key) {
    ByteReader reader(key);
    reader.u64_be();
    return reader.u64_be();
  };

  const auto index = store.scan(Table::kPageIndex, page_key(log.id(), from), end);
  for (; index->valid(); index->next()) {
    Result<broker::PageExtent> extent = broker::PageExtent::decode(first_of(index->key()), index->value());
    if (!extent) return std::move(extent).error();
    if (auto ok = add(index->key(), std::move(*extent), true); !ok) return ok;
  }
  if (auto ok = index->status(); !ok) return ok;

  // Pages that were in memory when the server stopped have no extent yet: they come after all that have.
  const auto pages = store.scan(Table::kPages, page_key(log.id(), from), end);
  for (; pages->valid(); pages->next()) {
    const broker::Seq first = first_of(pages->key());
    Result<broker::PageExtent> extent = broker::PageExtent::of(first, pages->value());
    if (!extent) return std::move(extent).error();
    if (auto ok = add(pages->key(), std::move(*extent), false); !ok) return ok;
  }
  if (auto ok = pages->status(); !ok) return ok;
  return states->status();
}

Result<void> Engine::recover_bodies(const Store& store) {
  broker_.finish_recovery(moment());
  // A crash can leave bodies whose batch was lost. Their numbers are not used again.
  const std::uint64_t first = head_.next_body;
  std::uint64_t next = first;
  const auto orphans = store.scan(Table::kBodies, body_key(first, 0), "");
  for (; orphans->valid(); orphans->next()) next = ByteReader(orphans->key()).u64_be() + 1;
  if (next != first) orphaned_bodies_.emplace(first, next);
  broker_.recover_counters(head_.next_log, next);
  return orphans->status();
}

Result<void> Engine::recover_groups(const Store& store) {
  const auto groups = store.scan(Table::kGroups, "", "");
  for (; groups->valid(); groups->next()) {
    ByteReader reader(groups->value());
    const bool known = reader.u8() == 1;
    const LaneId lane = reader.u32();
    if (!known || !reader.done()) return damaged("a producer group");
    producers_.add(std::string(groups->key()), lane, recovered_last_bucket_).used = time_.now();
  }
  return groups->status();
}

}  // namespace escrow::engine
