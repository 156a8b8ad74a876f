// What consumers refuse, in a queue that delivers it again after a while.
#include <gtest/gtest.h>

#include <string>

#include "broker/core/failure.h"
#include "broker/core/names.h"
#include "model/properties.h"
#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;

const std::string kLarge(kMaxInlineBody + 1, 'L');

/// With the queue "work", which retries after one second and after ten.
struct RetryingBroker : BrokerTester {
  explicit RetryingBroker(FieldTable arguments = {}, bool durable = true) {
    arguments.set("x-retry-delays", {FieldArray{{std::int64_t{1000}}, {std::int64_t{10'000}}}});
    declare_with("work", std::move(arguments), durable);
  }
  void declare_with(const std::string& name, FieldTable arguments, bool durable = true) {
    must(broker->declare_queue({{"/", name, std::move(arguments), durable}}, moment()));
  }
  static FieldTable dying(const std::string& key) {
    FieldTable table;
    table.set("x-dead-letter-exchange", {std::string()});
    table.set("x-dead-letter-routing-key", {key});
    return table;
  }
  std::string consume_one(const std::string& queue = "work") {
    const std::string name = "x" + std::to_string(ids.size());
    consume(name, queue, 1);
    last = name;
    return work();
  }
  /// What the last consumer holds.
  void refuse(Settlement how = Settlement::kReject, std::string failure = {}) {
    must_ok(broker->settle(ids.at(last), 1, 1, how, moment(), std::move(failure)));
    work();
    cancel(last);
    work();
  }
  /// Time passes, and what is due moves.
  void pass(Duration time) {
    later += time;
    work();
    std::erase_if(expirations, [&](const auto& e) {
      return e.due <= moment().now && broker->expire(e, moment()) != Queue::Expired::kHeld;
    });
    work();
  }
  FieldTable headers() const {
    const Result<Properties> properties = decode_properties(deliveries.back().message(0).properties);
    return properties && properties->headers ? *properties->headers : FieldTable();
  }
  std::string header(const std::string& name) const {
    const FieldTable all = headers();
    const FieldValue* const value = all.find(name);
    if (value == nullptr) return "";
    if (value->as_string() != nullptr) return *value->as_string();
    if (const auto* time = std::get_if<FieldTimestamp>(&value->kind)) return std::to_string(time->seconds);
    return std::to_string(value->as_integer());
  }
  QueueInfo info(const std::string& queue = "work") {
    return broker->info(*must(broker->topology().queue("/", queue)));
  }
  std::size_t leftovers() const {
    std::size_t count = 0;
    for (const auto& [key, value] : store.topology_entries) count += decode_leftover(key, value) ? 1 : 0;
    return count;
  }
  void pass_until(Timestamp time) { pass(time - moment().now); }
  std::string last;
};

TEST(BrokerRetries, what_is_refused_waits_for_its_delay_and_is_delivered_again_with_its_history) {
  RetryingBroker b;
  b.post("work", "a");
  EXPECT_EQ(b.consume_one(), "x0:a");
  EXPECT_FALSE(b.deliveries.back().redelivered);
  const std::string first_failure = std::to_string(to_micros(b.moment().now) / 1'000'000);
  b.refuse(Settlement::kReject, "no stock");
  EXPECT_EQ(b.info().retrying, 1u);
  EXPECT_EQ(b.info().ready, 0u);
  b.seal();  // a second passes
  b.later -= 1ms;
  b.work();
  EXPECT_EQ(b.info().ready, 0u) << "never early";
  b.pass(1ms);
  EXPECT_EQ(b.info().ready, 1u);
  EXPECT_EQ(b.info().retrying, 0u);
  EXPECT_EQ(b.consume_one(), "x1:a");
  EXPECT_TRUE(b.deliveries.back().redelivered);
  EXPECT_EQ(b.header("x-retry-count"), "1");
  EXPECT_EQ(b.header("x-first-failure-time"), first_failure);
  EXPECT_EQ(b.header("x-first-failure-reason"), "no stock");

  b.refuse(Settlement::kRequeue, "still none");
  b.pass(11s);
  EXPECT_EQ(b.consume_one(), "x2:a");
  EXPECT_EQ(b.header("x-retry-count"), "2");
  EXPECT_EQ(b.header("x-first-failure-reason"), "no stock");
  EXPECT_EQ(b.header("x-last-failure-reason"), "still none");
}

TEST(BrokerRetries, after_the_last_attempt_it_goes_to_the_dead_letter_exchange) {
  RetryingBroker b(RetryingBroker::dying("dead"));
  b.declare("dead");
  b.post("work", "a");
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_NE(b.consume_one(), "") << attempt;
    b.refuse();
    b.seal();
    b.pass(11s);
  }
  EXPECT_EQ(b.info().ready + b.info().retrying, 0u);
  EXPECT_NE(b.consume_one("dead"), "");
  EXPECT_EQ(b.header("x-retry-count"), "2");
  EXPECT_EQ(b.header("x-last-death-reason"), "rejected");
  EXPECT_EQ(b.header("x-last-failure-reason"), "rejected");
  EXPECT_FALSE(b.deliveries.back().redelivered) << "in that queue it is new";
}

TEST(BrokerRetries, without_a_dead_letter_exchange_it_is_parked) {
  RetryingBroker b;
  b.post("work", "a");
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_NE(b.consume_one(), "");
    b.refuse(Settlement::kReject, "it is broken");
    b.seal();
    b.pass(11s);
  }
  EXPECT_NE(b.consume_one(std::string(kParkedQueue)), "");
  EXPECT_EQ(b.header("x-last-death-queue"), "work");
  EXPECT_EQ(b.header("x-last-failure-reason"), "it is broken");
}

TEST(BrokerRetries, what_a_client_writes_into_the_headers_does_not_count) {
  RetryingBroker b;
  Properties properties;
  properties.headers.emplace();
  properties.headers->set("x-retry-count", {std::int64_t{2}});
  MessageView message = view("a", "work", "");
  const std::string encoded = must(encode_properties(properties));
  message.properties = encoded;
  must(b.broker->publish(message, b.moment()));
  b.consume_one();
  b.refuse();
  EXPECT_EQ(b.info().retrying, 1u);
}

TEST(BrokerRetries, a_lost_consumer_is_no_attempt) {
  RetryingBroker b;
  b.post("work", "a");
  b.consume_one();
  b.cancel(b.last);
  b.work();
  EXPECT_EQ(b.info().retrying, 0u);
  EXPECT_EQ(b.info().ready, 1u);
}

TEST(BrokerRetries, source_and_log_change_in_one_batch) {
  RetryingBroker b;
  b.post("work", "a");
  b.consume_one();
  b.seal();
  b.refuse();
  b.crash();
  EXPECT_EQ(b.info().ready, 1u) << "the batch was not stored";
  EXPECT_EQ(b.info().retrying, 0u);
  b.consume_one();
  b.refuse();
  b.seal();
  b.crash();
  EXPECT_EQ(b.info().ready, 0u);
  EXPECT_EQ(b.info().retrying, 1u);
  b.pass(2s);
  EXPECT_EQ(b.info().ready, 1u);
  b.crash();
  EXPECT_EQ(b.info().ready + b.info().retrying, 1u) << "released by a batch that was lost";
  b.pass(2s);
  b.seal();
  b.crash();
  EXPECT_EQ(b.info().ready, 1u);
  EXPECT_EQ(b.info().retrying, 0u);
}

TEST(BrokerRetries, a_time_to_live_is_not_put_off_by_an_attempt) {
  FieldTable arguments = RetryingBroker::dying("dead");
  arguments.set("x-message-ttl", {std::int64_t{5000}});
  RetryingBroker b(arguments);
  b.declare("dead");
  b.post("work", "a");
  const Timestamp deadline = b.moment().now + 5s;
  b.consume_one();
  b.refuse();
  b.pass(1s);
  ASSERT_NE(b.consume_one(), "");
  b.refuse();  // for ten seconds
  b.pass_until(deadline - 1ms);
  EXPECT_EQ(b.ready("dead"), 0u);
  b.pass_until(deadline);
  EXPECT_EQ(b.ready("dead"), 1u) << "expired where it waited";
  EXPECT_EQ(b.info().retrying, 0u);
}

TEST(BrokerRetries, what_expires_while_it_waits_and_has_nowhere_to_go_is_gone) {
  FieldTable arguments;
  arguments.set("x-message-ttl", {std::int64_t{500}});
  RetryingBroker b(arguments);
  b.post("work", kLarge);
  b.consume_one();
  b.refuse();
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u);
  b.pass(500ms);
  b.seal();
  EXPECT_EQ(b.info().ready + b.info().retrying, 0u);
  EXPECT_EQ(b.store.bodies.size(), 0u);
}

TEST(BrokerRetries, a_message_that_came_back_still_expires_at_its_own_time) {
  RetryingBroker b;
  Properties properties;
  properties.delivery_mode = 2;
  properties.expiration = "3000";
  MessageView message = view("a", "work", "");
  const std::string encoded = must(encode_properties(properties));
  message.properties = encoded;
  must(b.broker->publish(message, b.moment()));
  const Timestamp deadline = b.moment().now + 3s;
  b.consume_one();
  b.refuse();
  b.pass(1s);
  EXPECT_EQ(b.info().ready, 1u);
  b.pass_until(deadline - 1ms);
  EXPECT_EQ(b.info().ready, 1u);
  b.pass_until(deadline);
  EXPECT_EQ(b.info().ready, 0u);
}

TEST(BrokerRetries, a_large_body_is_kept_once_through_all_attempts) {
  RetryingBroker b;
  b.post("work", kLarge);
  b.consume_one();
  b.refuse();
  b.seal();
  b.crash();
  b.pass(2s);
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u);
  b.crash();
  EXPECT_EQ(b.consume_one(), "x0:" + kLarge);
  must_ok(b.settle("x0", 1, 1));
  b.work();
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 0u);
}

TEST(BrokerRetries, a_large_body_that_another_queue_has_too_outlives_a_restart) {
  RetryingBroker b;
  b.declare("other");
  b.bind("amq.fanout", "work", "");
  b.bind("amq.fanout", "other", "");
  must(b.publish("amq.fanout", "", kLarge));
  b.consume_one();
  b.refuse();
  b.seal();
  b.crash();
  EXPECT_EQ(b.consume_one("other"), "x0:" + kLarge);
  must_ok(b.settle("x0", 1, 1));
  b.work();
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u) << "the other one still waits";
  b.pass(2s);
  EXPECT_EQ(b.consume_one(), "x1:" + kLarge);
}

TEST(BrokerRetries, with_its_queue_goes_what_waits) {
  RetryingBroker b;
  b.post("work", kLarge);
  b.consume_one();
  b.refuse();
  b.seal();
  EXPECT_EQ(must(b.broker->delete_queue({"/", "work"}, b.moment())), 1u);
  b.work();
  b.seal();
  b.work();
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 0u);
  EXPECT_EQ(b.leftovers(), 0u);
  for (const auto& [log, entries] : b.store.delays) EXPECT_TRUE(entries.empty());
  EXPECT_EQ(b.store.topology_entries.size(), 0u);
}

TEST(BrokerRetries, a_queue_that_does_not_outlive_the_server_leaves_nothing_behind) {
  RetryingBroker b({}, false);
  b.post("work", "a");
  b.consume_one();
  b.refuse();
  b.seal();
  EXPECT_EQ(b.info().retrying, 1u);
  b.crash();
  b.work();
  b.seal();
  b.work();
  b.seal();
  EXPECT_EQ(b.leftovers(), 0u);
  for (const auto& [log, entries] : b.store.delays) EXPECT_TRUE(entries.empty());
}

TEST(BrokerRetries, a_message_whose_page_left_memory_keeps_the_reason_it_was_given) {
  RetryingBroker b;
  b.post("work", "a");
  b.consume_one();
  b.seal();
  Queue* const queue = must(b.broker->topology().queue("/", "work"));
  b.post("work", std::string(3000, 'x'));  // closes nothing, but the page is not the one being built any more
  queue->log().evict(1, b.batch);
  b.seal();
  b.refuse(Settlement::kReject, "why not");
  b.pass(2s);
  while (b.header("x-first-failure-reason").empty()) ASSERT_NE(b.consume_one(), "");
  EXPECT_EQ(b.header("x-first-failure-reason"), "why not");
}

}  // namespace
}  // namespace escrow::broker
