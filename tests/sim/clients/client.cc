#include "tests/sim/clients/client.h"

#include "broker/core/body_cache.h"
#include "tests/sim/vocabulary.h"

namespace escrow::sim {

void Client::server_lost() {
  if (!connected()) return;
  port_ = nullptr;
  leaving_ = false;
  disconnected();
}

void Client::on_closed() {
  port_ = nullptr;
  leaving_ = false;
  disconnected();
}

void Client::leave() {
  if (std::exchange(leaving_, true)) return;
  around_.network.close(*port_, !finishing_ && random_.chance(0.5));
}

std::uint64_t Client::post(engine::CommandBody body) { return around_.network.post(*port_, std::move(body), actor_); }

Sent draw_message(const Profile& profile, Random& random) {
  Sent sent;
  if (random.chance(0.35)) {
    sent.routing_key = kQueues[random.below(kQueues.size())];
  } else if (profile.delays && random.chance(0.3)) {
    sent.exchange = kDelayedExchanges[random.below(kDelayedExchanges.size())].name;
    sent.routing_key = kRoutingKeys[random.below(kRoutingKeys.size())];
  } else {
    sent.exchange = kExchanges[random.below(kExchanges.size())].name;
    sent.routing_key = kRoutingKeys[random.below(kRoutingKeys.size())];
  }
  sent.properties = static_cast<std::uint32_t>(random.below(kLastingProperties));
  if (profile.deaths && random.chance(0.2)) {
    sent.properties = static_cast<std::uint32_t>(kLastingProperties + random.below(kExpiringProperties));
  }
  if (profile.delays && random.chance(0.25)) {
    sent.properties =
        static_cast<std::uint32_t>(kLastingProperties + kExpiringProperties + random.below(kDelayedProperties));
  }
  sent.body_size = static_cast<std::uint32_t>(random.between(Catalog::kTokenBytes, profile.body_bytes));
  if (random.chance(profile.large_body)) {
    sent.body_size = static_cast<std::uint32_t>(broker::kMaxInlineBody + random.between(-1, 20'000));
  }
  return sent;
}

}  // namespace escrow::sim
