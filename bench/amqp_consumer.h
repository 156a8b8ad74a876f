// Consumes with acknowledgements: many at a time, and what is left when nothing comes.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "bench/amqp_connection.h"
#include "bench/latencies.h"

namespace escrow::bench {

/// What the consumers of a load have in common.
struct Consumption {
  std::atomic<std::uint64_t> consumed{0};
  /// Consumers end when that much is consumed. Known when the producers have ended.
  std::atomic<std::uint64_t> expected{std::numeric_limits<std::uint64_t>::max()};
};

/// One connection. Used by one thread.
class AmqpConsumer {
 public:
  /// Subscribes to all of the queues. When there are several they have to be empty.
  AmqpConsumer(const AmqpServer& server, const std::vector<std::string>& queues);

  /// Consumes until everything is, then closes the connection.
  void run(Consumption& consumption, const Span& counted);

  /// From publishing to delivery, of the messages consumed within the span of run().
  const Latencies& counted() const { return counted_; }

 private:
  /// The number of messages in what was received.
  std::uint64_t take(const Span& counted);
  void ack();

  AmqpConnection connection_;
  std::uint64_t last_tag_ = 0;
  std::uint64_t unacked_ = 0;
  Latencies counted_;
};

}  // namespace escrow::bench
