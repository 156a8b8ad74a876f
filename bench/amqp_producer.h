// Publishes with confirms: persistent messages, each with the time at which it was sent in its first eight bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "bench/amqp_connection.h"
#include "bench/latencies.h"

namespace escrow::bench {

struct Publishing {
  std::string exchange;
  /// The messages go through them in turn. All of one length.
  std::vector<std::string> routing_keys;
  std::size_t body_bytes = 256;
  /// Messages that may wait for their confirms.
  std::uint64_t window = 1000;
  /// Messages per second; 0: as many as the window lets through.
  double rate = 0;
};

/// Used by one thread.
class AmqpProducer {
 public:
  AmqpProducer(const AmqpServer& server, const Publishing& publishing);

  /// Publishes until the end of the span, and returns when everything is confirmed.
  void publish_until_end_of(const Span& counted);
  /// Returns when everything is confirmed.
  void publish(std::uint64_t count);

  std::uint64_t published() const { return published_; }
  /// Confirmed within the span of publish_until_end_of().
  std::uint64_t counted() const { return counted_; }

 private:
  void send_some(std::uint64_t most);
  void wait_for_confirms();
  void hear(AmqpConnection::Wait wait);
  void confirm(std::uint64_t tag, bool multiple);
  std::uint64_t confirmed() const { return all_up_to_ + ahead_.size(); }

  AmqpConnection connection_;
  const Publishing publishing_;
  /// A message for each key, and then the first ones again, so that every chunk lies in one piece.
  std::string messages_;
  std::size_t message_bytes_ = 0;
  std::size_t next_key_ = 0;
  Span span_{};
  std::uint64_t published_ = 0;
  std::uint64_t counted_ = 0;
  std::uint64_t all_up_to_ = 0;
  std::set<std::uint64_t> ahead_;
  int silent_turns_ = 0;
};

}  // namespace escrow::bench
