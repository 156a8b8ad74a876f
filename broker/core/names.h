// Names of exchanges, queues and virtual hosts, which of them belong to the server, and what is said when there is nothing
// of a name. Texts are RabbitMQ's: people search for them, and tests of clients look at them.
#pragma once

#include <string>
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
/// Whether a client may make or delete a thing of this name. NAME_RESERVED for `amq.*`, `escrow.*` and the default exchange.
Result<void> check_not_reserved(std::string_view what, std::string_view name);

/// exchange 'x' in vhost '/'
std::string describe(std::string_view what, std::string_view name, std::string_view vhost);

/// kNotFound: VHOST_UNKNOWN, EXCHANGE_UNKNOWN, QUEUE_UNKNOWN.
Error unknown_vhost(std::string_view name);
Error unknown_exchange(std::string_view name, std::string_view vhost);
Error unknown_queue(std::string_view name, std::string_view vhost);
/// kFailedPrecondition, QUEUE_LOCKED (405 in AMQP): it is exclusive, and not to who asks, or should have been and is not.
Error queue_locked(std::string_view name, std::string_view vhost);
/// kPermissionDenied, NAME_RESERVED: nobody declares, deletes or binds the default exchange.
Error default_exchange_refused();

}  // namespace escrow::broker
