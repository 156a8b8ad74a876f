// Names of exchanges, queues and virtual hosts, and which of them belong to the server.
#pragma once

#include <string_view>

#include "base/result.h"

namespace escrow::broker {

inline constexpr std::size_t kMaxNameBytes = 255;  // an AMQP short string
inline constexpr std::size_t kMaxRoutingKeyBytes = 255;
inline constexpr std::string_view kDefaultVhost = "/";
/// Of queues whose name the server chose.
inline constexpr std::string_view kServerNamedPrefix = "amq.gen-";
/// Takes what was committed and has no queue to go to.
inline constexpr std::string_view kParkedQueue = "escrow.parked";

/// 1 to kMaxNameBytes bytes, no control characters. `what` names the thing in the error.
Result<void> check_name(std::string_view what, std::string_view name);
/// NAME_RESERVED for `amq.*`, `escrow.*` and the default exchange.
Result<void> check_not_reserved(std::string_view what, std::string_view name);

}  // namespace escrow::broker
