// Messages to test with.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/core/fragment.h"
#include "model/properties.h"

namespace escrow::broker {

/// With a routing key, properties of two zero bytes, and this body.
inline MessageView view(std::string_view body, std::string_view routing_key = "rk", std::string_view exchange = "ex") {
  MessageView message;
  message.vhost = "/";
  message.exchange = exchange;
  message.routing_key = routing_key;
  message.body = body;
  return message;
}

inline MessageView persistent(MessageView message) {
  message.properties = kPersistentProperties;
  return message;
}

inline std::string record_of(const MessageView& message, std::optional<Timestamp> expires_at = {}) {
  std::string record;
  encode_record({expires_at, false, false, message}, record);
  return record;
}
inline std::string record_of(std::string_view body) { return record_of(view(body)); }

inline Timestamp at(std::int64_t seconds) { return from_micros(seconds * 1'000'000); }

}  // namespace escrow::broker
