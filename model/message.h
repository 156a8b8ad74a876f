// A message as the cores see it: where it goes, its AMQP properties (encoded), its body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace escrow {

/// The properties of a message that sets none.
inline constexpr std::string_view kNoProperties{"\0\0", 2};

/// A body that is stored by itself, once, whatever the number of queues it is in.
struct BodyRef {
  std::uint64_t id = 0;  ///< 0: the body is inline
  std::uint32_t size = 0;

  explicit operator bool() const { return id != 0; }
  bool operator==(const BodyRef&) const = default;
};

/// Not owning: points into a network buffer, a request or a page, and is valid as long as that is.
struct MessageView {
  std::string_view vhost;
  std::string_view exchange;
  std::string_view routing_key;
  std::string_view properties = kNoProperties;  ///< see model/properties.h
  std::string_view body;
  BodyRef apart;  ///< set: `body` is empty unless it was fetched

  std::uint32_t body_bytes() const { return apart ? apart.size : static_cast<std::uint32_t>(body.size()); }
};

/// Owning.
struct Message {
  std::string vhost = "/";
  std::string exchange;
  std::string routing_key;
  std::string properties{kNoProperties};
  std::string body;
  BodyRef apart;

  MessageView view() const { return {vhost, exchange, routing_key, properties, body, apart}; }
  std::size_t bytes() const { return exchange.size() + routing_key.size() + properties.size() + body.size(); }
  bool operator==(const Message&) const = default;
};

}  // namespace escrow
