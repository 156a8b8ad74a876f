// The loads on a broker of AMQP. All of them publish persistent messages to durable queues with confirms, which queues are
// deleted and declared first unless it says otherwise; each prints its figures and ends the process with a message when a
// message is lost or comes twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/amqp_connection.h"

namespace escrow::bench {

struct AmqpLoad {
  AmqpServer server;
  int producers = 1;
  int consumers = 1;
  int queues = 10;
  std::size_t body_bytes = 256;
  std::uint64_t window = 1000;
  /// Messages per second of a producer; 0: as many as the window lets through.
  double rate = 0;
  double seconds = 10;
  /// Before counting starts.
  double warm_up_seconds = 1;
};

/// Producers and consumers on one queue.
void run_pair(const AmqpLoad& load);
/// Each message goes to all queues through a fanout exchange; each queue has a consumer.
void run_fanout(const AmqpLoad& load);
/// A producer goes through the queues in turn, and a consumer has subscribed to all of them.
void run_turns(const AmqpLoad& load);

/// Leaves `count` messages in the queue.
void run_waiting(const AmqpLoad& load, std::uint64_t count);
/// Consumes what run_waiting() has left.
void run_drain(const AmqpLoad& load);

struct LoneMessages {
  AmqpServer server;
  /// For the puts: new, on the disk of the server's data.
  std::string directory;
  std::size_t body_bytes = 256;
  int slices = 21;
  int messages_per_slice = 200;
};

/// One message in flight, consumed at once, in turns with synced puts of its size.
void run_lone(const LoneMessages& options);

/// Opens connections with a channel each, says "ready", and holds them until the standard input ends.
void run_idle(const AmqpServer& server, int connections);

}  // namespace escrow::bench
