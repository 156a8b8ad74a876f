// Messages that expire by themselves, each with a timer of its own.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "engine/read_timers.h"

namespace escrow::engine {

namespace {

/// Messages that expire between two looks at the inbox.
constexpr int kExpirationsPerTurn = 1000;

std::string encode_place(const broker::MessagePlace& place) {
  std::string out;
  ByteWriter(out).varint(place.log).varint(place.seq);
  return out;
}

broker::MessagePlace decode_place(std::string_view key) {
  ByteReader reader(key);
  broker::MessagePlace place;
  place.log = reader.varint();
  place.seq = reader.varint();
  ESCROW_INVARIANT(reader.done(), "timers of this lane hold places of messages");
  return place;
}

}  // namespace

void Engine::take_expirations(broker::BrokerEffects& effects) {
  for (const broker::BrokerEffects::Expiration& expiration : effects.expirations) {
    expirations_.add({expiration.due, 0, encode_place(expiration.place)});
    head_.last_timer_bucket = std::max(head_.last_timer_bucket, bucket_of(expiration.due));
  }
  for (const broker::BrokerEffects::Expiration& expiration : effects.expirations_done) {
    expirations_.resolved({expiration.due, 0, {}, expirations_.service()});
  }
}

void Engine::run_expirations() {
  if (const auto read = expirations_.next_read(time_.now(), head_.batch + 1)) {
    read_timers(*read, [this, read = *read](auto entries, auto stopped_at) {
      expirations_.loaded(read, std::move(entries), std::move(stopped_at));
    });
  }
  for (int i = 0; i < kExpirationsPerTurn && !full_batch(); ++i) {
    const std::optional<Timer> timer = expirations_.next_due(time_.now());
    if (!timer) return;
    if (broker_.expire({timer->due, decode_place(timer->key)}, moment())) expirations_.resolved(*timer);
    building_bytes_ += broker_.take_copied_bytes();
  }
}

}  // namespace escrow::engine
