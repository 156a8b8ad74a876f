// A broker under random commands, little memory and crashes, against lists of what every queue must hold.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

struct ModelMessage {
  std::string body;
  std::uint32_t count = 0;
  std::optional<ConsumerId> consumer;  ///< has it
  DeliveryTag tag = 0;
};

struct ModelQueue {
  std::map<std::uint64_t, ModelMessage> messages;  ///< by arrival
  std::set<ConsumerId> consumers;
};

struct ModelConsumer {
  std::string queue;
  std::uint32_t credit = 0;
  bool auto_credit = false;
  DeliveryTag next_tag = 1;
};

class BrokerRun {
 public:
  explicit BrokerRun(std::size_t memory) : b_(memory) {
    b_.on_seal = [this] {
      sealed_ = model_;
      digest_ = b_.broker->digest();
    };
  }

  void step(std::uint8_t what, std::uint16_t value) {
    const std::string queue = "q" + std::to_string(value % 3);
    switch (what % 16) {
      case 0:
        declare(queue);
        break;
      case 1:
      case 2:
      case 3:
        publish(value);
        break;
      case 4:
        publish_many(value);
        break;
      case 5:
      case 6:
        consume(queue, value);
        break;
      case 7:
        grant(value);
        break;
      case 8:
      case 9:
        settle(value);
        break;
      case 10:
        cancel(value);
        break;
      case 11:
        purge(queue);
        break;
      case 12:
        value % 4 == 0 ? remove(queue) : publish(value);
        break;
      case 13:
      case 14:
        b_.seal();
        break;
      case 15:
        value % 3 == 0 ? crash() : settle(value);
        break;
    }
    if (what % 16 < 13) work();
  }

  /// A consumer for each queue gets everything, and nothing is left.
  void drain() {
    crash();
    for (const auto& [name, queue] : std::map(model_)) {
      while (!model_.at(name).messages.empty()) {
        const auto left = static_cast<std::uint32_t>(model_.at(name).messages.size());
        consume_with(name, std::min(left, Broker::kMaxCredit), false);
        const auto& [id, consumer] = *std::prev(consumers_.end());
        work();
        RC_ASSERT(consumer.next_tag == left + 1);
        settle_range(id, 1, left, Settlement::kAck);
        work();
      }
    }
    b_.seal();
    for (const auto& [log, store] : b_.store.logs)
      RC_ASSERT((store.pages.empty() && store.states.empty() && store.index.empty()));
    RC_ASSERT(b_.store.bodies.empty());
  }

 private:
  void declare(const std::string& name) {
    const bool known = model_.contains(name);
    RC_ASSERT(b_.broker->declare_queue({{"/", name, {}}}, b_.moment()).ok());
    model_[name];
    if (!known) must(b_.broker->topology().bind("/", "amq.fanout", {name}, {"", {}, nullptr}));
  }
  void remove(const std::string& name) {
    work();  // what is on its way back is there, or given out again
    const Result<std::uint64_t> removed = b_.broker->delete_queue({"/", name, false, false}, b_.moment());
    std::size_t ready = 0;
    if (model_.contains(name)) {
      for (const auto& [arrival, m] : model_[name].messages) ready += m.consumer ? 0 : 1;
    }
    RC_ASSERT(*removed == ready);
    for (const ConsumerId id : model_[name].consumers) consumers_.erase(id);
    model_.erase(name);
  }
  std::string body(std::uint16_t value) {
    return std::to_string(++published_) + std::string(value % 11 == 0 ? 5000 : value % 5 == 0 ? 2000 : 3, '.');
  }
  void publish(std::uint16_t value) {
    const std::string text = body(value);
    const bool all = value % 2 == 0;
    const std::string queue = "q" + std::to_string(value % 3);
    const auto took = all ? b_.publish("amq.fanout", "", text) : b_.publish("", queue, text);
    std::uint32_t expected = 0;
    for (auto& [name, q] : model_) {
      if (!all && name != queue) continue;
      q.messages[published_] = {text, 0, std::nullopt, 0};
      ++expected;
    }
    RC_ASSERT(*took == expected);
  }
  void publish_many(std::uint16_t value) {
    for (int i = 0; i < value % 100; ++i) publish(static_cast<std::uint16_t>(value + 5 * i));
  }
  void consume(const std::string& queue, std::uint16_t value) {
    if (model_.contains(queue)) consume_with(queue, value / 4 % 40, value % 2 == 0);
  }
  void consume_with(const std::string& queue, std::uint32_t credit, bool auto_credit) {
    const ConsumerId id = must(b_.broker->consume({"/", queue, credit, auto_credit}));
    consumers_[id] = {queue, credit, auto_credit, 1};
    model_[queue].consumers.insert(id);
    b_.names[id] = std::to_string(id);
  }
  ConsumerId any_consumer(std::uint16_t value) const {
    return std::next(consumers_.begin(), value % static_cast<std::ptrdiff_t>(consumers_.size()))->first;
  }
  void grant(std::uint16_t value) {
    if (consumers_.empty()) return;
    const ConsumerId id = any_consumer(value);
    RC_ASSERT(b_.broker->grant(id, value % 30).ok());
    consumers_[id].credit += value % 30;
  }
  void settle(std::uint16_t value) {
    if (consumers_.empty()) return;
    const ConsumerId id = any_consumer(value);
    const DeliveryTag end = consumers_[id].next_tag;
    if (end == 1) return;
    const DeliveryTag first = 1 + value / 7 % (end - 1);
    const DeliveryTag last = first + value / 3 % (end - first);
    settle_range(id, first, last, static_cast<Settlement>(value % 3));
  }
  void settle_range(ConsumerId id, DeliveryTag first, DeliveryTag last, Settlement how) {
    RC_ASSERT(b_.broker->settle(id, first, last, how, b_.moment()).ok());
    ModelConsumer& consumer = consumers_[id];
    auto& messages = model_[consumer.queue].messages;
    for (auto it = messages.begin(); it != messages.end();) {
      ModelMessage& m = it->second;
      if (m.consumer != id || m.tag < first || m.tag > last) {
        ++it;
        continue;
      }
      if (consumer.auto_credit) ++consumer.credit;
      if (how == Settlement::kRequeue) {
        m.consumer.reset();
        ++m.count;
        ++it;
      } else {
        it = messages.erase(it);
      }
    }
  }
  void cancel(std::uint16_t value) {
    if (consumers_.empty()) return;
    const ConsumerId id = any_consumer(value);
    b_.broker->cancel(id, b_.moment());
    ModelQueue& queue = model_[consumers_[id].queue];
    for (auto& [arrival, m] : queue.messages) {
      if (m.consumer != id) continue;
      m.consumer.reset();
      ++m.count;
    }
    queue.consumers.erase(id);
    consumers_.erase(id);
  }
  void purge(const std::string& name) {
    if (!model_.contains(name)) return;
    work();  // what is on its way back is there
    RC_ASSERT(b_.broker->purge({"/", name}, ++jobs_, b_.moment()).ok());
    b_.work();
    const std::uint64_t purged =
        std::erase_if(model_[name].messages, [](const auto& entry) { return !entry.second.consumer; });
    RC_ASSERT(b_.purged.at(jobs_) == purged);
  }
  void crash() {
    b_.crash();
    RC_ASSERT(b_.broker->digest() == digest_);
    model_ = sealed_;
    consumers_.clear();
    for (auto& [name, queue] : model_) {
      queue.consumers.clear();
      for (auto& [arrival, m] : queue.messages) m.consumer.reset();
    }
  }

  void work() {
    b_.deliveries.clear();
    b_.work();
    for (const Delivery& d : b_.deliveries) {
      for (std::uint32_t i = 0; i < d.count; ++i) delivered(d, i);
    }
    for (const auto& [name, queue] : model_) {
      std::uint64_t unacked = 0;
      for (const auto& [arrival, m] : queue.messages) unacked += m.consumer ? 1 : 0;
      RC_ASSERT(b_.unacked(name) == unacked);
      RC_ASSERT(b_.ready(name) == queue.messages.size() - unacked);
      const bool hungry =
          std::ranges::any_of(queue.consumers, [&](ConsumerId id) { return consumers_[id].credit > 0; });
      RC_ASSERT((!hungry || unacked == queue.messages.size()));
    }
  }
  /// The consumer had credit, and got the first message that was ready.
  void delivered(const Delivery& d, std::uint32_t i) {
    ModelConsumer& consumer = consumers_.at(d.consumer);
    RC_ASSERT(consumer.credit > 0u);
    --consumer.credit;
    auto& messages = model_.at(consumer.queue).messages;
    const auto first = std::ranges::find_if(messages, [](const auto& entry) { return !entry.second.consumer; });
    RC_ASSERT(first != messages.end());
    RC_ASSERT(d.message(i).body == first->second.body);
    RC_ASSERT(d.delivery_count == first->second.count);
    RC_ASSERT((d.redelivered || first->second.count == 0));
    RC_ASSERT(d.first_tag + i == consumer.next_tag);
    first->second.consumer = d.consumer;
    first->second.tag = consumer.next_tag++;
  }

  BrokerTester b_;
  std::map<std::string, ModelQueue> model_;
  std::map<std::string, ModelQueue> sealed_;
  std::map<ConsumerId, ModelConsumer> consumers_;
  std::uint64_t digest_ = b_.broker->digest();
  std::uint64_t published_ = 0;
  std::uint64_t jobs_ = 0;
};

RC_GTEST_PROP(BrokerProperty, delivers_in_order_what_was_published_and_loses_nothing, ()) {
  const auto memory = *rc::gen::element<std::size_t>(0, 100'000, 100'000'000);
  const auto steps = *rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint16_t>>>();
  BrokerRun run(memory);
  for (const auto& [what, value] : steps) run.step(what, value);
  run.drain();
}

}  // namespace
}  // namespace escrow::broker
