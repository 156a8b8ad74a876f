// A message as it stands somewhere: as it was sent, or changed on its way by delays and deaths. A second, plain account of
// what RabbitMQ's page says about dead letters (https://www.rabbitmq.com/docs/dlx).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/message.h"
#include "model/properties.h"
#include "tests/sim/model/queue_rules.h"

namespace escrow::sim::model {

/// When something happened, as far as it is known.
struct Window {
  Timestamp from;
  Timestamp until;
};

enum class DeathReason : std::uint8_t { kRejected, kExpired, kMaxLength, kDeliveryLimit };
/// As x-death has it.
std::string_view name_of(DeathReason reason);

/// An entry of x-death.
struct Death {
  std::string queue;
  DeathReason reason = DeathReason::kRejected;
  std::int64_t count = 1;
  Window time;  ///< of the first of its kind
  std::string exchange;
  std::string routing_key;
  std::optional<std::string> original_expiration;
};

struct Form {
  std::string exchange;
  std::string routing_key;
  /// Without the headers that deaths write.
  Properties properties;
  std::vector<Death> deaths;  ///< the latest first

  /// x-first-death-* and x-last-death-*.
  struct Mark {
    std::string exchange;
    std::string queue;
    DeathReason reason = DeathReason::kRejected;
  };
  std::optional<Mark> first;
  std::optional<Mark> last;
};

/// As it was sent.
Form sent_form(const MessageView& message);
/// … and then died there.
Form after_death(Form form, const std::string& queue, const QueueRules& rules, DeathReason reason, Window when);
/// How long a delayed exchange keeps it back; 0: not at all.
Duration delay_of(std::string_view properties);
/// As such an exchange sends it on.
Form after_delay(Form form);
/// Queues to which it would come back by itself: it died there since it was last rejected.
bool goes_round(const Form& form, const std::string& queue);

/// The deaths that it shows, for error messages.
std::string deaths_in_words(const MessageView& message);

/// True: that is what the message looks like, whose times then are in `form`.
bool shows(Form& form, const MessageView& message);

}  // namespace escrow::sim::model
