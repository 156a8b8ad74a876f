// Loads in which messages are produced and consumed at the same time.
#include <cstdio>
#include <list>
#include <thread>
#include <vector>

#include "bench/amqp_consumer.h"
#include "bench/amqp_loads.h"
#include "bench/amqp_producer.h"
#include "bench/amqp_queues.h"
#include "bench/fail.h"

namespace escrow::bench {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): a client speaks of little else

SteadyClock::duration seconds(double count) {
  return std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(count));
}

class Flow {
 public:
  Flow(const AmqpLoad& load, const char* name) : load_(load), name_(name) {}

  void add_producer(const std::string& exchange, const std::vector<std::string>& routing_keys) {
    producers_.emplace_back(load_.server,
                            Publishing{exchange, routing_keys, load_.body_bytes, load_.window, load_.rate});
  }
  void add_consumer(const std::vector<std::string>& queues) { consumers_.emplace_back(load_.server, queues); }

  /// Each message goes to `copies` queues.
  void run(std::uint64_t copies) {
    const auto from = SteadyClock::now() + seconds(load_.warm_up_seconds);
    const Span span{from, from + seconds(load_.seconds)};
    std::vector<std::jthread> consuming;
    for (AmqpConsumer& consumer : consumers_) consuming.emplace_back([&] { consumer.run(consumption_, span); });
    std::vector<std::jthread> producing;
    for (AmqpProducer& producer : producers_) producing.emplace_back([&] { producer.publish_until_end_of(span); });
    producing.clear();
    std::uint64_t published = 0;
    for (const AmqpProducer& producer : producers_) published += producer.published();
    consumption_.expected = published * copies;
    consuming.clear();
    if (consumption_.consumed != published * copies) fail("the server", "delivers messages twice");
    report();
  }

 private:
  void report() const {
    std::uint64_t confirmed = 0;
    for (const AmqpProducer& producer : producers_) confirmed += producer.counted();
    Latencies deliveries;
    for (const AmqpConsumer& consumer : consumers_) deliveries.add(consumer.counted());
    const double confirmed_per_s = static_cast<double>(confirmed) / load_.seconds;
    const double delivered_per_s = static_cast<double>(deliveries.size()) / load_.seconds;
    const double p50 = deliveries.quantile(0.5);
    const double p99 = deliveries.quantile(0.99);
    std::printf("%s, window %llu: %.0f confirmed/s, %.0f delivered/s; delivered after median %.0f us, p99 %.0f us\n",
                name_, static_cast<unsigned long long>(load_.window), confirmed_per_s, delivered_per_s, p50, p99);
    std::printf("figure confirmed_per_s %.0f\nfigure delivered_per_s %.0f\n", confirmed_per_s, delivered_per_s);
    std::printf("figure deliver_p50_us %.0f\nfigure deliver_p99_us %.0f\n", p50, p99);
  }

  const AmqpLoad load_;
  const char* const name_;
  std::list<AmqpProducer> producers_;
  std::list<AmqpConsumer> consumers_;
  Consumption consumption_;
};

}  // namespace

void run_pair(const AmqpLoad& load) {
  const std::vector<std::string> queue{"bench.pair"};
  AmqpConnection connection(load.server);
  declare_anew(connection, queue);
  Flow flow(load, "pair");
  for (int i = 0; i < load.consumers; ++i) flow.add_consumer(queue);
  for (int i = 0; i < load.producers; ++i) flow.add_producer("", queue);
  flow.run(1);
}

void run_fanout(const AmqpLoad& load) {
  const std::string name = "bench.fanout";
  const auto queues = queue_names(name + ".", load.queues);
  AmqpConnection connection(load.server);
  declare_anew(connection, queues);
  ExchangeDeclare exchange;
  exchange.exchange = name;
  exchange.type = "fanout";
  exchange.durable = true;
  connection.ask<ExchangeDeclareOk>(exchange);
  Flow flow(load, "fanout");
  for (const std::string& queue : queues) {
    QueueBind bind;
    bind.queue = queue;
    bind.exchange = name;
    connection.ask<QueueBindOk>(bind);
    flow.add_consumer({queue});
  }
  flow.add_producer(name, {""});
  flow.run(queues.size());
}

void run_turns(const AmqpLoad& load) {
  const auto queues = queue_names("bench.turns.", load.queues);
  AmqpConnection connection(load.server);
  declare_anew(connection, queues);
  Flow flow(load, "turns");
  flow.add_consumer(queues);
  flow.add_producer("", queues);
  flow.run(1);
}

}  // namespace escrow::bench
