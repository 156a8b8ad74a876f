// Scripts for queues: post("a,b,c"), dispatch() == "x:a x:b", ack("x", 1, 2).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/queue.h"
#include "tests/unit/broker/core/log_store.h"
#include "tests/unit/broker/core/messages.h"

namespace escrow::broker {

class QueueTester {
 public:
  explicit QueueTester(std::size_t memory = 100 << 20)
      : pages(memory), bodies(memory), queue(spec(), 1, pages, bodies) {}

  static QueueSpec spec() { return {"/", "q", {}}; }

  /// Messages with these bodies, separated by commas.
  void post(std::string_view list) {
    while (!list.empty()) {
      const std::size_t comma = list.find(',');
      queue.enqueue(record_of(list.substr(0, comma)), {}, at(1), batch);
      list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
  }
  void post(int count) {
    for (int i = 0; i < count; ++i) post(std::to_string(i));
  }
  void post_apart(BodyRef body) {
    MessageView message = view("");
    message.apart = body;
    queue.enqueue(record_of(message), body, at(1), batch);
  }

  void consumer(const std::string& name, std::uint32_t credit, bool auto_credit = false,
                std::int64_t bytes = kUnlimitedBytes) {
    Consumer& c = consumers[name];
    c.id = consumers.size();
    c.queue = &queue;
    c.auto_credit = auto_credit;
    names[c.id] = name;
    queue.add(&c);
    queue.grant(c, credit, bytes);
  }
  void grant(const std::string& name, std::uint32_t credit, std::int64_t bytes = 0) {
    queue.grant(consumers.at(name), credit, bytes);
  }

  /// One step. Who got what: "x:a", with "+2" when it came back twice, and "!" when it is flagged redelivered.
  std::string dispatch() {
    effects = {};
    more = queue.dispatch(batch, effects);
    std::string text;
    for (const Delivery& d : effects.deliveries) {
      for (std::uint32_t i = 0; i < d.count; ++i) {
        text += (text.empty() ? "" : " ") + names.at(d.consumer) + ":" + std::string(d.message(i).body);
        if (d.delivery_count > 0) text += "+" + std::to_string(d.delivery_count);
        if (d.redelivered) text += "!";
      }
    }
    return text;
  }

  std::size_t settle(const std::string& name, DeliveryTag first, DeliveryTag last, Settlement settlement) {
    return queue.settle(consumers.at(name), first, last, settlement).messages;
  }
  std::size_t ack(const std::string& name, DeliveryTag first, DeliveryTag last) {
    return settle(name, first, last, Settlement::kAck);
  }
  std::size_t requeue(const std::string& name, DeliveryTag first, DeliveryTag last) {
    return settle(name, first, last, Settlement::kRequeue);
  }
  /// The consumer is lost; all it had comes back.
  void lose(const std::string& name) {
    Consumer& c = consumers.at(name);
    queue.remove(&c);
    while (queue.abandon(c)) {
    }
  }
  void seal() {
    queue.log().take_changes(store);
    ++batch;
  }

  PageCache pages;
  BodyCache bodies;
  Queue queue;
  std::map<std::string, Consumer> consumers;
  std::map<ConsumerId, std::string> names;
  LogStore store;
  QueueEffects effects;
  BatchNumber batch = 1;
  bool more = false;
};

}  // namespace escrow::broker
