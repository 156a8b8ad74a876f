// Declaring what exists: whether the declaration is the one that was first (AMQP 0-9-1, rules "equivalent" of
// exchange.declare and queue.declare; rabbit_misc.erl, assert_args_equivalence).
//
// Arguments that the server does not look at may differ, and the width of an integer never matters: clients of different
// languages write the same declaration differently.
#pragma once

#include "base/result.h"
#include "broker/core/exchange.h"
#include "broker/core/queue.h"

namespace escrow::broker {

/// kFailedPrecondition, DECLARATION_DIFFERS (406 in AMQP; metadata: property), with RabbitMQ's text:
/// inequivalent arg 'durable' for exchange 'x' in vhost '/': received 'false' but current is 'true'
Result<void> check_equivalent(const ExchangeSpec& current, const ExchangeSpec& received);
/// Also QUEUE_LOCKED (405 in AMQP): one of the two is exclusive, and not both to the same connection.
Result<void> check_equivalent(const QueueSpec& current, const QueueSpec& received);

}  // namespace escrow::broker
