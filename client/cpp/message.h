// What is sent and delivered: a body, where it goes, and the properties of AMQP 0-9-1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "client/cpp/field_table.h"

namespace escrow::client {

/// The basic properties of AMQP 0-9-1. Unset ones are absent on the wire.
struct Properties {
  std::optional<std::string> content_type = std::nullopt;
  std::optional<std::string> content_encoding = std::nullopt;
  FieldTable headers = {};
  /// delivery-mode 2 or 1; unset, it is true. A restart may lose a message that is published with false.
  std::optional<bool> persistent = std::nullopt;
  std::optional<std::uint8_t> priority = std::nullopt;
  std::optional<std::string> correlation_id = std::nullopt;
  std::optional<std::string> reply_to = std::nullopt;
  /// Time to live in milliseconds, as decimal text.
  std::optional<std::string> expiration = std::nullopt;
  std::optional<std::string> message_id = std::nullopt;
  /// Kept in whole seconds.
  std::optional<Timestamp> timestamp = std::nullopt;
  std::optional<std::string> type = std::nullopt;
  /// The server refuses any other name than that of the authenticated user.
  std::optional<std::string> user_id = std::nullopt;
  std::optional<std::string> app_id = std::nullopt;

  bool operator==(const Properties&) const = default;
};

struct Message {
  /// Empty: the default exchange, which routes to the queue that is called like the routing key.
  std::string exchange = {};
  /// At most 255 bytes.
  std::string routing_key = {};
  std::string body = {};
  Properties properties = {};
  /// Empty: "/".
  std::string vhost = {};

  bool operator==(const Message&) const = default;
};

}  // namespace escrow::client
