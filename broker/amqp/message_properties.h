// Properties of a message that the broker changes on its way. Not for the hot path: they are decoded and encoded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace escrow::broker::amqp {

/// With the header x-delivery-count, how often the message came back (https://www.rabbitmq.com/docs/quorum-queues). As they
/// are when they are malformed.
std::string with_delivery_count(std::string_view properties, std::uint32_t count);
std::string with_reply_to(std::string_view properties, std::string_view reply_to);

}  // namespace escrow::broker::amqp
