// Messages that wait, and then do not.
#include <cstdio>

#include "base/bytes.h"
#include "bench/amqp_consumer.h"
#include "bench/amqp_loads.h"
#include "bench/amqp_producer.h"
#include "bench/amqp_queues.h"

namespace escrow::bench {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): a client speaks of little else

const std::vector<std::string> kBacklog{"bench.waiting"};

void report(const char* what, std::uint64_t messages, SteadyClock::duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  const double rate = static_cast<double>(messages) / seconds;
  std::printf("%llu messages %s in %.1f s: %.0f messages/s\nfigure %s_per_s %.0f\n",
              static_cast<unsigned long long>(messages), what, seconds, rate, what, rate);
}

std::uint64_t waiting_messages(const AmqpServer& server) {
  AmqpConnection connection(server);
  QueueDeclare declare;
  declare.queue = kBacklog.front();
  declare.passive = true;
  ByteReader in(connection.ask<QueueDeclareOk>(declare).substr(4));
  in.bytes(in.u8());  // its name
  return in.u32_be();
}

}  // namespace

void run_waiting(const AmqpLoad& load, std::uint64_t count) {
  AmqpConnection connection(load.server);
  declare_anew(connection, kBacklog);
  AmqpProducer producer(load.server, Publishing{"", kBacklog, load.body_bytes, load.window, 0});
  const auto start = SteadyClock::now();
  producer.publish(count);
  report("published", count, SteadyClock::now() - start);
}

void run_drain(const AmqpLoad& load) {
  Consumption consumption;
  consumption.expected = waiting_messages(load.server);
  const auto start = SteadyClock::now();
  AmqpConsumer(load.server, kBacklog).run(consumption, Span{});
  report("consumed", consumption.consumed, SteadyClock::now() - start);
}

}  // namespace escrow::bench
