// What the broker knows of its clients: their connections, channels and consumers, and what each was given.
//
//   connection ── channel ── consumer ── queue
//
// AMQP's nouns. A consume stream of the gRPC API is a connection with one channel and one consumer.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/ring.h"
#include "broker/core/fragment.h"

namespace escrow::broker {

class Queue;
struct Consumer;

/// These name a client's things for as long as they exist, and are never reused. The client chooses the first two.
using ConnectionId = std::uint64_t;
using ChannelId = std::uint64_t;
using ConsumerId = std::uint64_t;
/// Counts the deliveries of a channel from 1.
using DeliveryTag = std::uint64_t;

Error unknown_delivery_tag(DeliveryTag tag);

/// Consumers whose ids clients choose.
inline constexpr ConsumerId kClientConsumers = ConsumerId{1} << 62;

enum class Settlement : std::uint8_t {
  kAck,      ///< done, the message is gone
  kReject,   ///< could not be processed: the message is dead, or retried
  kRequeue,  ///< could not be processed: back to its place, counted, or retried
  kReturn,   ///< was not processed: back to its place, counted
};

/// Bytes that never run out.
inline constexpr std::int64_t kUnlimitedBytes = std::numeric_limits<std::int64_t>::max();

/// Messages that a channel holds at most: delivered, and not settled.
inline constexpr std::size_t kMaxOutstanding = 200'000;

struct Connection {
  /// Records and bodies that its consumers may be given. The last message may be larger than what is left.
  std::int64_t bytes = 0;
  std::vector<ChannelId> channels;
  std::vector<Consumer*> stalled;  ///< for want of bytes
};

/// A message that was delivered.
struct Outstanding {
  DeliveryTag tag = 0;
  std::uint64_t log = 0;  ///< where it is; 0: it is settled
  Seq seq = 0;
  ConsumerId consumer = 0;  ///< 0: it was fetched without one
  std::uint32_t run = 1;    ///< if settled: at least so many are, from here on
  std::uint32_t body_bytes = 0;
  Timestamp expires_at = Timestamp::max();  ///< by its own expiration
};

struct Channel {
  ChannelId id = 0;
  ConnectionId connection_id = 0;
  Connection* connection = nullptr;
  std::uint32_t prefetch = 0;  ///< of all its consumers together; 0: no bound
  std::uint32_t unacked = 0;   ///< of its consumers
  DeliveryTag next_tag = 1;
  Ring<Outstanding> outstanding;  ///< ascending, with some that are settled between others
  std::size_t held = 0;           ///< of them that are not
  std::vector<Consumer*> consumers;
  std::vector<Consumer*> stalled;  ///< for want of settlements
  std::uint32_t fetches = 0;       ///< that are not answered yet

  DeliveryTag oldest_tag() const { return outstanding.empty() ? next_tag : outstanding[0].tag; }
  /// What is settled at once takes no place.
  bool holds_enough(bool no_ack) const {
    return !no_ack && (held >= kMaxOutstanding || (prefetch != 0 && unacked >= prefetch));
  }
  /// Where the first one is whose tag is not lower.
  std::size_t position(DeliveryTag tag) const;
  /// nullptr: not outstanding.
  Outstanding* find(DeliveryTag tag);
  void settle(Outstanding& entry) {
    entry = Outstanding{.tag = entry.tag};
    --held;
  }
  /// The settled ones at the front are forgotten, and those between others when there are many.
  void forget_settled();

 private:
  static constexpr std::size_t kMaxSettledBetween = 1024;
};

struct Consumer {
  ConsumerId id = 0;
  Queue* queue = nullptr;
  Channel* channel = nullptr;
  std::uint32_t credit = 0;
  bool auto_credit = false;  ///< a settled message grants one more
  bool no_ack = false;       ///< what is delivered is settled
  bool exclusive = false;    ///< no other one may consume from the queue
  std::int32_t priority = 0;
  bool cancelled = false;
  bool listed = false;  ///< among the queue's consumers that may be given more, or among the stalled

  bool has_credit() const { return credit > 0 || no_ack; }
};

}  // namespace escrow::broker
