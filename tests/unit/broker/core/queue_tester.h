// Scripts for queues: post("a,b,c"), dispatch() == "x:a x:b", ack("x", 1, 2).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/core/queue.h"
#include "tests/unit/broker/core/log_store.h"
#include "tests/unit/broker/core/messages.h"

namespace escrow::broker {

class QueueTester {
 public:
  explicit QueueTester(std::size_t memory = 100 << 20, QueueArguments arguments = {})
      : pages(memory), bodies(memory), queue(spec(), std::move(arguments), 1, pages, bodies) {}

  static QueueSpec spec() { return {"/", "q", {}}; }
  Moment moment() const { return {now, batch}; }

  /// Messages with these bodies, separated by commas.
  void post(std::string_view list) {
    while (!list.empty()) {
      const std::size_t comma = list.find(',');
      post_with(list.substr(0, comma), 0);
      list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
  }
  void post(int count) {
    for (int i = 0; i < count; ++i) post(std::to_string(i));
  }
  void post_with(std::string_view body, std::uint8_t priority) {
    const MessageView message = view(body);
    queue.enqueue(record_of(message), message, true, priority, moment());
  }
  void post_apart(BodyRef body) {
    MessageView message = view("");
    message.apart = body;
    queue.enqueue(record_of(message), message, true, 0, moment());
  }

  void consumer(const std::string& name, std::uint32_t credit, bool auto_credit = false,
                std::int64_t bytes = kUnlimitedBytes) {
    Client& client = clients[name];
    Consumer& c = client.consumer;
    client.connection.bytes = bytes;
    client.channel.connection = &client.connection;
    c.channel = &client.channel;
    c.id = clients.size();
    c.queue = &queue;
    c.auto_credit = auto_credit;
    names[c.id] = name;
    queue.add(&c);
    queue.grant(c, credit);
  }
  void grant(const std::string& name, std::uint32_t credit, std::int64_t bytes = 0) {
    Client& client = clients.at(name);
    if (__builtin_add_overflow(client.connection.bytes, bytes, &client.connection.bytes)) {
      client.connection.bytes = kUnlimitedBytes;
    }
    resume(client.connection.stalled);
    queue.grant(client.consumer, credit);
  }

  /// One step. Who got what: "x:a", with "+2" when it came back twice, and "!" when it is flagged redelivered.
  std::string dispatch() {
    effects = {};
    more = queue.dispatch(moment(), effects);
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
    Client& client = clients.at(name);
    std::size_t settled = 0;
    for (DeliveryTag tag = first; tag <= last; ++tag) {
      Outstanding* const entry = client.channel.find(tag);
      if (entry == nullptr) continue;
      queue.settle(entry->log - queue.first_log(), *entry, settlement, now, effects);
      client.channel.settle(*entry);
      ++settled;
      if (client.consumer.auto_credit) ++client.consumer.credit;
    }
    client.channel.forget_settled();
    queue.offer(client.consumer);
    resume(client.channel.stalled);
    return settled;
  }
  std::size_t ack(const std::string& name, DeliveryTag first, DeliveryTag last) {
    return settle(name, first, last, Settlement::kAck);
  }
  std::size_t requeue(const std::string& name, DeliveryTag first, DeliveryTag last) {
    return settle(name, first, last, Settlement::kRequeue);
  }
  /// The consumer is lost; all it had comes back.
  void lose(const std::string& name) {
    Client& client = clients.at(name);
    queue.remove(&client.consumer);
    requeue(name, client.channel.oldest_tag(), client.channel.next_tag);
  }
  void seal() {
    queue.log().take_changes(store);
    ++batch;
  }

  void resume(std::vector<Consumer*>& stalled) {
    for (Consumer* consumer : std::exchange(stalled, {})) {
      consumer->listed = false;
      queue.offer(*consumer);
    }
  }

  PageCache pages;
  BodyCache bodies;
  Queue queue;
  struct Client {
    Connection connection;
    Channel channel;
    Consumer consumer;
  };
  std::map<std::string, Client> clients;
  std::map<ConsumerId, std::string> names;
  LogStore store;
  QueueEffects effects;
  BatchNumber batch = 1;
  Timestamp now = at(1);
  bool more = false;
};

}  // namespace escrow::broker
