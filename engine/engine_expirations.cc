// Messages that expire by themselves, each with a timer of its own.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "engine/read_timers.h"

namespace escrow::engine {

namespace {

/// Messages that expire between two looks at the inbox.
constexpr int kExpirationsPerTurn = 1000;
/// Of these, messages that have to be read before.
constexpr int kMaxLater = 64;
/// … which is asked for again after this.
constexpr Duration kAskAgain = std::chrono::milliseconds(5);

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
  }
  for (const Timestamp due : effects.expirations_moot) expirations_.moot(due);
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
  int later = 0;
  for (int i = 0; i < kExpirationsPerTurn && later < kMaxLater && !full_batch(); ++i) {
    std::optional<Timer> timer = expirations_.next_due(time_.now());
    if (!timer) return;
    const auto expired = broker_.expire({timer->due, decode_place(timer->key)}, moment());
    if (expired == broker::Queue::Expired::kHeld) continue;
    if (expired == broker::Queue::Expired::kLater) {
      ++later;
      expirations_.again(*std::move(timer), time_.now() + kAskAgain);
    } else {
      expirations_.resolved(*timer);
    }
  }
}

}  // namespace escrow::engine
