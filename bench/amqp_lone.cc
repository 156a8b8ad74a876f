#include <cstdio>
#include <thread>

#include "bench/amqp_consumer.h"
#include "bench/amqp_loads.h"
#include "bench/amqp_producer.h"
#include "bench/amqp_queues.h"
#include "bench/synced_puts.h"

namespace escrow::bench {
namespace {

/// How often per second work() was done.
template <class Work>
double rate_of(int count, Work&& work) {
  const auto start = SteadyClock::now();
  for (int i = 0; i < count; ++i) work();
  return count / std::chrono::duration<double>(SteadyClock::now() - start).count();
}

/// Named by its quantiles, a rate per slice.
void print(const char* what, Latencies& rates) {
  std::printf("%s %.0f/s (slices %.0f to %.0f)", what, rates.quantile(0.5), rates.quantile(0), rates.quantile(1));
}

}  // namespace

void run_lone(const LoneMessages& options) {
  const std::vector<std::string> queue{"bench.lone"};
  AmqpConnection connection(options.server);
  declare_anew(connection, queue);
  SyncedPuts synced_puts(options.directory, options.body_bytes);
  AmqpConsumer consumer(options.server, queue);
  AmqpProducer producer(options.server, Publishing{"", queue, options.body_bytes, 1, 0});
  Consumption consumption;
  std::jthread consuming([&] { consumer.run(consumption, Span{}); });

  Latencies puts;
  Latencies confirms;
  // The first slices are for caches and the clock of the processor.
  for (int slice = -2; slice < options.slices; ++slice) {
    const double put_rate = rate_of(options.messages_per_slice, [&] { synced_puts.put(); });
    const double confirm_rate = rate_of(options.messages_per_slice, [&] { producer.publish(1); });
    if (slice < 0) continue;
    puts.add(put_rate);
    confirms.add(confirm_rate);
  }
  consumption.expected = producer.published();
  consuming.join();

  std::printf("one in flight, medians of %d interleaved slices: ", options.slices);
  print("synced puts", puts);
  print(", messages confirmed", confirms);
  std::printf("\nfigure put_per_s %.0f\nfigure confirmed_per_s %.0f\n", puts.quantile(0.5), confirms.quantile(0.5));
}

}  // namespace escrow::bench
