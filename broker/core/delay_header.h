// The header `x-delay` of messages to a delayed exchange
// (https://github.com/rabbitmq/rabbitmq-delayed-message-exchange#usage).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace escrow::broker {

inline constexpr std::string_view kDelayHeader = "x-delay";

/// How long a message with these properties is to be kept back, in milliseconds: an integer, a text of one, or a float, which
/// is cut off. 0: not at all, which is also what anything else, less, or malformed properties mean. At most
/// QueueArguments::kMaxDurationMs.
std::int64_t delay_ms(std::string_view properties);

/// The same with a negative delay, as messages have that were kept back: they are not a second time. delay_ms is not 0.
std::string after_delay(std::string_view properties);

}  // namespace escrow::broker
