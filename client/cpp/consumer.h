// Receives the messages of a queue.
//
//   Consumer shipping(client, {.queue = "shipping"}, [](const Delivery& delivery) {
//     ship(delivery.message.body);
//     return Settlement::kAck;
//   });
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/cpp/client.h"
#include "client/cpp/message.h"
#include "client/cpp/stream_health.h"

namespace escrow::client {

struct Delivery {
  Message message;
  /// Was, or may have been, delivered before.
  bool redelivered = false;
  /// How often it came back by requeue or a lost consumer.
  std::uint32_t delivery_count = 0;
  /// Counts from 1; more than that by the queue's retry policy (docs/retry.md).
  std::uint32_t attempt = 1;
  /// If attempt > 1: of the first one that failed, in whole seconds, …
  std::optional<Timestamp> first_failure_time = std::nullopt;
  /// … and why the last one did.
  std::string last_failure_reason = {};
};

enum class Settlement : std::uint8_t {
  /// Done: the message is gone.
  kAck = 1,
  /// Cannot be processed: the message dies. It goes to the queue's dead-letter exchange, or is gone where there is
  /// none. A queue with a retry policy delivers it again after a while, and only then lets it die.
  kReject = 2,
  /// Back to its place in the queue, counted as a failed delivery; more often than x-delivery-limit, and it dies. In a
  /// queue with a retry policy: as kReject.
  kRequeue = 3,
};

/// What a handler says of a delivery: a settlement, and why it is refused, cut at 1,024 bytes.
struct DeliveryOutcome {
  DeliveryOutcome(Settlement how, std::string why = {})
      : settlement(how), reason(std::move(why)) {}  // NOLINT(google-explicit-constructor)

  Settlement settlement;
  std::string reason;
};

/// An exception counts as kRequeue with its text as the reason, after a pause that grows while every delivery fails.
using DeliveryHandler = std::function<DeliveryOutcome(const Delivery&)>;

struct ConsumerOptions {
  std::string queue = {};
  /// Empty: "/".
  std::string vhost = {};
  /// Messages that are here without being settled at the server. 1 to 65,535.
  std::uint32_t prefetch = 200;
  /// While one delivery follows the other, settlements are gathered for this long before they go out; a
  /// handler that takes longer holds them up until it returns. What has not gone out when the process dies is
  /// delivered again.
  std::chrono::milliseconds settle_delay{20};
};

/// Consumes from its construction to stop(), through a stream that is opened again whenever it breaks.
/// Messages handled but not settled by then are delivered again, flagged. A queue that does not exist is
/// tried again as well; see health().
///
/// The handler runs on the consumer's own thread, one delivery after the other in the order of the queue. For
/// more at a time make more consumers.
class Consumer {
 public:
  Consumer(const Client& client, ConsumerOptions options, DeliveryHandler handler);
  /// As stop().
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  /// Lets a running handler finish and settles what was handled; the rest returns to its queue. Idempotent,
  /// thread-safe; not to be called from the handler, for which it would wait for ever.
  void stop();

  /// Connected means that the stream is open; a queue that does not exist closes it again at once.
  StreamHealth health() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace escrow::client
