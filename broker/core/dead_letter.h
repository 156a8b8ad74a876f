// What a message that dies in a queue becomes before it goes to the queue's dead-letter exchange
// (https://www.rabbitmq.com/docs/dlx; rabbit_dead_letter.erl), and when a message expires
// (https://www.rabbitmq.com/docs/ttl).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "broker/core/failure.h"
#include "model/message.h"

namespace escrow::broker {

enum class DeathReason : std::uint8_t {
  kRejected,
  kExpired,
  kMaxLength,
  kDeliveryLimit,
};
/// As x-death has it: rejected, expired, maxlen, delivery_limit.
std::string_view name_of(DeathReason reason);

struct Death {
  DeathReason reason = DeathReason::kRejected;
  std::string_view queue;
  Timestamp time;
  /// A consumer has refused it, and that is told.
  bool failed = false;
  std::string_view failure = {};  ///< the reason that it gave
  std::uint32_t retries = 0;      ///< how often the queue has delivered it again
};

struct DeadLetter {
  /// With this death in front of x-death, and without the expiration.
  std::string properties;
  /// Of the header CC.
  std::vector<std::string> more_keys;
  /// Queues in which it died since it was last rejected or redriven: there it has come without anybody's doing, and would
  /// come again.
  std::vector<std::string> automatic;
};
/// `rerouted`: the queue has a routing key for its dead letters, which takes the place of the message's own and of CC.
DeadLetter make_dead_letter(const MessageView& message, const Death& death, bool rerouted);

/// When a message that comes at `now` has to leave by its own expiration. nullopt: it sets none that is a number.
std::optional<Timestamp> expiration_of(std::string_view properties, Timestamp now);

}  // namespace escrow::broker
