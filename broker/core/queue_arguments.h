// The arguments of a queue: their types, their ranges and what they mean (rabbitmq.com/docs/queues#optional-arguments and
// the pages on ttl, maxlength, priority, dlx, consumers, quorum-queues; texts of rabbit_amqqueue.erl, declare_args). Escrow's
// own are those of retry_policy.h and deduplication.h.
//
// Without effect here and of no type: x-queue-leader-locator, x-queue-master-locator, x-initial-cluster-size and whatever
// else RabbitMQ does not know either. Validated and without effect: x-queue-mode, x-queue-version,
// x-dead-letter-strategy, x-max-in-memory-length, x-max-in-memory-bytes, x-quorum-initial-group-size.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "broker/core/deduplication.h"
#include "broker/core/retry_policy.h"
#include "model/field_table.h"

namespace escrow::broker {

enum class QueueType : std::uint8_t { kClassic, kQuorum };

/// What happens at max_length or max_length_bytes.
enum class Overflow : std::uint8_t {
  kDropHead,          ///< the oldest message goes, to the dead-letter exchange if there is one
  kRejectPublish,     ///< the new message is refused
  kRejectPublishDlx,  ///< and goes to the dead-letter exchange
};

struct QueueArguments {
  /// Of a quorum queue that sets none.
  static constexpr std::int64_t kQuorumDeliveryLimit = 20;
  static constexpr std::uint8_t kMaxPriority = 255;
  /// A hundred years: what a time in microseconds, added to now, can bear.
  static constexpr std::int64_t kMaxDurationMs = std::int64_t{100} * 365 * 24 * 3600 * 1000;

  QueueType type = QueueType::kClassic;
  std::optional<std::int64_t> expires_ms;      ///< > 0: goes when it was not used for so long
  std::optional<std::int64_t> message_ttl_ms;  ///< 0: expires unless a consumer takes it at once
  std::optional<std::uint64_t> max_length;
  std::optional<std::uint64_t> max_length_bytes;
  Overflow overflow = Overflow::kDropHead;
  std::uint8_t max_priority = 0;  ///< 0: without priorities
  bool single_active_consumer = false;
  std::optional<std::string> dead_letter_exchange;     ///< empty: the default exchange
  std::optional<std::string> dead_letter_routing_key;  ///< nullopt: the message's own
  std::optional<std::int64_t> delivery_limit;          ///< nullopt: none; also asked for by a negative number
  std::optional<DeduplicationWindow> deduplication;    ///< nullopt: messages that come again are new
  std::optional<RetryPolicy> retry;                    ///< nullopt: what a consumer refuses is dead, or back at once

  bool operator==(const QueueArguments&) const = default;
};

/// kInvalidArgument, ARGUMENT_INVALID (406 in AMQP; metadata: argument), with RabbitMQ's text:
/// invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}
Result<QueueArguments> parse_queue_arguments(std::string_view vhost, std::string_view queue,
                                             const FieldTable& arguments);

/// What parse_queue_arguments would find wrong, for whom they are not of a queue.
std::optional<ArgumentComplaint> check_queue_arguments(const FieldTable& arguments);

/// Those in which a declaration must equal the one that was first (rabbit_classic_queue.erl and rabbit_quorum_queue.erl,
/// queue_arguments). In all others it may differ.
std::span<const std::string_view> compared_queue_arguments();

}  // namespace escrow::broker
