// The small world of names that clients use, so that what they do collides.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "broker/core/exchange.h"
#include "model/field_table.h"

namespace escrow::sim {

inline constexpr std::string_view kVhost = "/";

struct KnownExchange {
  std::string_view name;
  broker::ExchangeType type;
  bool reserved = false;  ///< there from the start, and cannot be deleted
};

/// Delayed exchanges, with the type that they are in all else.
inline constexpr std::array<KnownExchange, 2> kDelayedExchanges = {{
    {"later", broker::ExchangeType::kTopic},
    {"reminders", broker::ExchangeType::kFanout},
}};

/// The default exchange is none of these.
inline constexpr std::array<KnownExchange, 8> kExchanges = {{
    {"amq.fanout", broker::ExchangeType::kFanout, true},
    {"amq.topic", broker::ExchangeType::kTopic, true},
    {"orders", broker::ExchangeType::kDirect},
    {"events", broker::ExchangeType::kTopic},
    {"everybody", broker::ExchangeType::kFanout},
    {"attributes", broker::ExchangeType::kHeaders},
    {"invoices", broker::ExchangeType::kDirect},
    {"rarely", broker::ExchangeType::kTopic},
}};

inline constexpr std::array<std::string_view, 8> kQueues = {"q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7"};

inline constexpr std::array<std::string_view, 7> kRoutingKeys = {"a", "b", "a.b", "a.b.c", "b.c.a", "", "c..a"};

/// Binding keys: of direct exchanges and of topic exchanges.
inline constexpr std::array<std::string_view, 12> kBindingKeys = {"a",   "b",   "a.b", "#",     "a.*",   "a.#",
                                                                  "#.c", "*.b", "*",   "*.*.a", "#.b.#", ""};

/// Properties of messages, encoded, with what is in them.
struct KnownProperties {
  std::string encoded;
  FieldTable headers;
  std::optional<Duration> expiration;
  std::optional<Duration> delay;
};
const std::vector<KnownProperties>& known_properties();
/// Those of messages that stay until somebody takes them come first, then those that expire.
inline constexpr std::size_t kLastingProperties = 5;
inline constexpr std::size_t kExpiringProperties = 5;
inline constexpr std::size_t kDelayedProperties = 6;

/// Arguments of queues in which messages die.
const std::vector<FieldTable>& mortal_queues();

/// Arguments of bindings to a headers exchange; the last one is invalid.
const std::vector<FieldTable>& headers_bindings();

}  // namespace escrow::sim
