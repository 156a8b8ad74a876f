// Where dead messages go, and when messages die.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "model/properties.h"
#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;

struct DyingBroker : BrokerTester {
  using BrokerTester::BrokerTester;

  void declare_with(const std::string& name, FieldTable arguments, bool durable = true) {
    must(broker->declare_queue({{"/", name, std::move(arguments), durable}}, moment()));
  }
  static FieldTable dying(const std::string& exchange, const std::string& key = "") {
    FieldTable table;
    table.set("x-dead-letter-exchange", {exchange});
    if (!key.empty()) table.set("x-dead-letter-routing-key", {key});
    return table;
  }
  static FieldTable expiring(std::int64_t ttl_ms, FieldTable table) {
    table.set("x-message-ttl", {ttl_ms});
    return table;
  }
  static FieldTable limited(std::int64_t length, const std::string& overflow, FieldTable table) {
    table.set("x-max-length", {length});
    table.set("x-overflow", {overflow});
    return table;
  }
  void post_expiring(const std::string& queue, const std::string& body, int ttl_ms, bool transient = false) {
    Properties properties;
    properties.delivery_mode = transient ? 1 : 2;
    properties.expiration = std::to_string(ttl_ms);
    const std::string encoded = must(encode_properties(properties));
    MessageView message = view(body, queue, "");
    message.properties = encoded;
    must(broker->publish(message, moment()));
  }
  /// What the engine does with what expires by itself.
  void run_expirations() {
    for (const auto& e : broker->effects().expirations) armed.push_back(e);
    broker->effects().expirations.clear();
    std::erase_if(armed, [&](const auto& e) {
      return e.due <= moment().now && broker->expire(e, moment()) != Queue::Expired::kHeld;
    });
  }
  /// Of "work", whose dead letters go to "dead": one message, in the batch that is being built.
  void reject_one() {
    declare_with("work", dying("", "dead"));
    declare("dead");
    post("work", "a");
    consume("x", "work", 1);
    work();
    seal();
    must_ok(settle("x", 1, 1, Settlement::kReject));
  }
  std::vector<BrokerEffects::Expiration> armed;
};

TEST(BrokerDeaths, what_is_rejected_goes_to_the_dead_letter_exchange_in_the_same_batch) {
  DyingBroker b;
  b.reject_one();
  b.seal();
  b.crash();
  EXPECT_EQ(b.ready("work"), 0u);
  EXPECT_EQ(b.ready("dead"), 1u);
  b.consume("y", "dead", 1);
  EXPECT_EQ(b.work(), "y:a");
  const MessageView letter = b.deliveries.back().message(0);
  EXPECT_EQ(letter.exchange, "");
  EXPECT_EQ(letter.routing_key, "dead");
  EXPECT_NE(must(decode_properties(letter.properties)).headers->find("x-death"), nullptr);
}

TEST(BrokerDeaths, before_its_batch_is_stored_a_dead_message_is_where_it_was) {
  DyingBroker b;
  b.reject_one();
  b.crash();
  EXPECT_EQ(b.ready("work"), 1u);
  EXPECT_EQ(b.ready("dead"), 0u);
}

TEST(BrokerDeaths, messages_expire_by_their_queues_time_without_anybodys_doing) {
  DyingBroker b;
  b.declare_with("wait", DyingBroker::expiring(1500, DyingBroker::dying("", "back")));
  b.declare("back");
  b.post("wait", "a");
  b.work();
  ASSERT_EQ(b.broker->next_due(), b.moment().now + 1500ms);
  b.later += 1499ms;
  b.work();
  EXPECT_EQ(b.ready("wait"), 1u);
  b.later += 1ms;
  b.work();
  EXPECT_EQ(b.ready("wait"), 0u);
  EXPECT_EQ(b.ready("back"), 1u);
  EXPECT_EQ(b.broker->next_due(), std::nullopt);
}

TEST(BrokerDeaths, what_expired_while_the_server_was_down_dies_after_it) {
  DyingBroker b;
  b.declare_with("wait", DyingBroker::expiring(1000, DyingBroker::dying("", "back")));
  b.declare("back");
  b.post("wait", 3);
  b.seal();
  b.later += 10s;
  b.crash();
  b.work();
  EXPECT_EQ(b.ready("wait"), 0u);
  EXPECT_EQ(b.ready("back"), 3u);
}

TEST(BrokerDeaths, a_messages_own_time_is_asked_for_and_counts_when_it_comes) {
  DyingBroker b;
  b.declare_with("q", DyingBroker::dying("", "dead"));
  b.declare("dead");
  b.post("q", "stays");
  b.post_expiring("q", "goes", 700);
  ASSERT_EQ(b.broker->effects().expirations.size(), 1u);
  EXPECT_EQ(b.broker->effects().expirations[0].due, b.moment().now + 700ms);
  b.later += 700ms;
  b.run_expirations();
  EXPECT_EQ(b.ready("q"), 1u);
  EXPECT_EQ(b.ready("dead"), 1u);
}

TEST(BrokerDeaths, the_own_time_of_a_transient_message_is_remembered_in_memory) {
  DyingBroker b;
  b.declare_with("q", DyingBroker::dying("", "dead"));
  b.declare("dead");
  b.post_expiring("q", "goes", 700, true);
  b.post_expiring("q", "settled", 900, true);
  EXPECT_TRUE(b.broker->effects().expirations.empty());
  EXPECT_EQ(b.broker->transient_expirations(), 2u);
  b.later += 700ms;
  b.work();
  EXPECT_EQ(b.ready("q"), 1u);
  EXPECT_EQ(b.ready("dead"), 1u);
  b.consume("x", "q", 1);
  b.work();
  must_ok(b.settle("x", 1, 1));
  EXPECT_TRUE(b.broker->effects().expirations_moot.empty()) << "there is no timer that may go";
}

TEST(BrokerDeaths, a_messages_own_time_is_not_asked_for_when_the_queues_is_over_before) {
  DyingBroker b;
  b.declare_with("q", DyingBroker::expiring(500, {}));
  b.post_expiring("q", "a", 700);
  EXPECT_TRUE(b.broker->effects().expirations.empty());
  b.post_expiring("q", "b", 300);
  EXPECT_EQ(b.broker->effects().expirations.size(), 1u);
}

TEST(BrokerDeaths, what_is_delivered_when_its_time_comes_is_told_of_once_when_it_is_settled) {
  DyingBroker b;
  b.declare("q");
  b.consume("x", "q", 2);
  b.post_expiring("q", "a", 100);
  const BrokerEffects::Expiration expiration = b.broker->effects().expirations.at(0);
  b.work();
  b.later += 100ms;
  EXPECT_EQ(b.broker->expire(expiration, b.moment()), Queue::Expired::kHeld);
  must_ok(b.settle("x", 1, 1));
  ASSERT_EQ(b.broker->effects().expirations_done.size(), 1u);
  EXPECT_EQ(b.broker->effects().expirations_done[0].due, expiration.due);
}

TEST(BrokerDeaths, what_is_delivered_when_its_time_comes_is_held_once_however_often_that_is_heard_of) {
  DyingBroker b;
  b.declare("q");
  b.consume("x", "q", 2);
  b.post_expiring("q", "a", 100);
  const BrokerEffects::Expiration expiration = b.broker->effects().expirations.at(0);
  b.work();
  b.later += 100ms;
  EXPECT_EQ(b.broker->expire(expiration, b.moment()), Queue::Expired::kHeld);
  EXPECT_EQ(b.broker->expire(expiration, b.moment()), Queue::Expired::kGone);
}

TEST(BrokerDeaths, what_is_delivered_when_its_time_comes_and_whose_queue_is_deleted_is_over) {
  DyingBroker b;
  b.declare("q");
  b.consume("x", "q", 2);
  b.post_expiring("q", "a", 100);
  const BrokerEffects::Expiration expiration = b.broker->effects().expirations.at(0);
  b.work();
  b.later += 100ms;
  EXPECT_EQ(b.broker->expire(expiration, b.moment()), Queue::Expired::kHeld);
  must(b.broker->delete_queue({"/", "q"}, b.moment()));
  EXPECT_EQ(b.broker->effects().expirations_done.size(), 1u);
}

TEST(BrokerDeaths, what_is_settled_before_its_time_makes_its_time_moot) {
  DyingBroker b;
  b.declare("q");
  b.consume("x", "q", 2);
  b.post_expiring("q", "a", 100);
  b.post_expiring("q", "b", 100);
  const Timestamp due = b.broker->effects().expirations.at(0).due;
  b.work();
  must_ok(b.settle("x", 1, 1));
  must_ok(b.settle("x", 2, 2, Settlement::kRequeue));
  EXPECT_EQ(b.broker->effects().expirations_moot, std::vector<Timestamp>{due}) << "the other may still expire";
}

TEST(BrokerDeaths, without_any_time_a_message_of_a_transient_queue_goes_to_a_consumer_at_once_or_dies) {
  DyingBroker b;
  b.declare_with("q", {}, false);
  b.consume("x", "q", 1);
  b.post_expiring("q", "a", 0);
  b.post_expiring("q", "b", 0);
  EXPECT_EQ(b.work(), "x:a");
  EXPECT_EQ(b.ready("q"), 0u);
}

TEST(BrokerDeaths, times_of_transient_messages_that_are_gone_are_not_kept) {
  DyingBroker b;
  b.declare_with("q", {}, false);
  b.consume("x", "q", 65'000);
  for (int i = 0; i < 30'000; ++i) b.post_expiring("q", "a", 1'000'000'000);
  b.work();
  must_ok(b.settle("x", 1, 30'000));
  b.work();
  for (int i = 0; i < 30'000; ++i) b.post_expiring("q", "a", 10);
  EXPECT_EQ(b.broker->next_due(), b.moment().now + 10ms);
  b.later += 10ms;
  b.work();
  EXPECT_LE(b.broker->transient_expirations(), 40'000u);
}

TEST(BrokerDeaths, a_large_body_in_a_transient_queue_goes_with_its_message) {
  DyingBroker b;
  b.declare_with("work", DyingBroker::dying("", "reply"));
  b.declare_with("reply", {}, false);
  b.post("work", std::string(10'000, 'x'));
  b.consume("x", "work", 1);
  b.work();
  must_ok(b.settle("x", 1, 1, Settlement::kReject));
  b.consume("y", "reply", 1);
  b.work();
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u);
  must_ok(b.settle("y", 1, 1));
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerDeaths, many_queues_that_expire_at_once_do_so_in_bounded_steps) {
  DyingBroker b;
  b.declare("dead");
  for (int i = 0; i < 40; ++i) {
    const std::string name = "q" + std::to_string(i);
    b.declare_with(name, DyingBroker::expiring(10, DyingBroker::dying("", "dead")));
    b.post(name, 100);
  }
  b.work();
  b.later += 10ms;
  b.broker->work(b.moment());
  EXPECT_LE(b.ready("dead"), 2 * Queue::kMaxStep);
  b.work();
  EXPECT_EQ(b.ready("dead"), 4000u);
}

TEST(BrokerDeaths, of_what_was_settled_before_its_time_nothing_is_told) {
  DyingBroker b;
  b.declare("q");
  b.consume("x", "q", 2);
  b.post_expiring("q", "a", 100);
  const BrokerEffects::Expiration expiration = b.broker->effects().expirations.at(0);
  b.work();
  must_ok(b.settle("x", 1, 1));
  b.later += 100ms;
  EXPECT_EQ(b.broker->expire(expiration, b.moment()), Queue::Expired::kGone);
  EXPECT_TRUE(b.broker->effects().expirations_done.empty());
}

TEST(BrokerDeaths, an_expiration_of_a_deleted_queue_is_over) {
  DyingBroker b;
  b.declare("q");
  b.post_expiring("q", "a", 100);
  const BrokerEffects::Expiration expiration = b.broker->effects().expirations.at(0);
  must(b.broker->delete_queue({"/", "q"}, b.moment()));
  b.later += 100ms;
  EXPECT_EQ(b.broker->expire(expiration, b.moment()), Queue::Expired::kGone);
}

TEST(BrokerDeaths, queues_that_are_not_stored_store_no_times) {
  DyingBroker b;
  b.declare_with("q", {}, false);
  b.post_expiring("q", "a", 100);
  b.post_expiring("q", "b", 50);
  EXPECT_TRUE(b.broker->effects().expirations.empty());
  ASSERT_EQ(b.broker->next_due(), b.moment().now + 50ms);
  b.later += 50ms;
  b.work();
  EXPECT_EQ(b.ready("q"), 1u);
  b.later += 50ms;
  b.work();
  EXPECT_EQ(b.ready("q"), 0u);
}

TEST(BrokerDeaths, a_message_without_a_queue_to_go_to_is_parked) {
  DyingBroker b;
  b.declare_with("nowhere", DyingBroker::expiring(10, DyingBroker::dying("", "missing")));
  b.declare_with("no exchange", DyingBroker::expiring(10, DyingBroker::dying("missing")));
  b.post("nowhere", "a");
  b.post("no exchange", "b");
  b.later += 10ms;
  b.work();
  EXPECT_EQ(b.ready(std::string(kParkedQueue)), 2u);
}

TEST(BrokerDeaths, a_cycle_without_anybodys_doing_ends_in_the_parked_queue) {
  DyingBroker b;
  b.declare_with("a", DyingBroker::expiring(10, DyingBroker::dying("", "b")));
  b.declare_with("b", DyingBroker::expiring(10, DyingBroker::dying("", "a")));
  b.post("a", "m");
  b.later += 10ms;
  b.work();
  EXPECT_EQ(b.ready("b"), 1u);
  b.later += 10ms;
  b.work();
  EXPECT_EQ(b.ready("a") + b.ready("b"), 0u);
  EXPECT_EQ(b.ready(std::string(kParkedQueue)), 1u);
}

TEST(BrokerDeaths, a_loop_in_which_somebody_rejects_goes_on) {
  DyingBroker b;
  b.declare_with("work", DyingBroker::dying("", "wait"));
  b.declare_with("wait", DyingBroker::expiring(10, DyingBroker::dying("", "work")));
  b.consume("x", "work", 10);
  b.post("work", "m");
  for (DeliveryTag round = 1; round <= 5; ++round) {
    EXPECT_EQ(b.work(), "x:m") << round;
    must_ok(b.settle("x", round, round, Settlement::kReject));
    b.work();
    b.later += 10ms;
  }
  EXPECT_EQ(b.work(), "x:m");
  const Properties properties = must(decode_properties(b.deliveries.back().message(0).properties));
  const auto& deaths = std::get<FieldArray>(properties.headers->find("x-death")->kind);
  ASSERT_EQ(deaths.size(), 2u);
  for (const FieldValue& death : deaths) {
    EXPECT_EQ(std::get<FieldTable>(death.kind).find("count")->as_integer(), 5);
  }
}

TEST(BrokerDeaths, what_is_over_the_limit_dies_at_the_head) {
  DyingBroker b;
  b.declare_with("q", DyingBroker::limited(2, "drop-head", DyingBroker::dying("", "dead")));
  b.declare("dead");
  b.post("q", 5);
  b.work();
  EXPECT_EQ(b.ready("q"), 2u);
  EXPECT_EQ(b.ready("dead"), 3u);
}

TEST(BrokerDeaths, what_a_full_queue_refuses_goes_to_the_dead_letter_exchange_if_it_is_told_so) {
  DyingBroker b;
  b.declare_with("buries", DyingBroker::limited(1, "reject-publish-dlx", DyingBroker::dying("", "dead")));
  b.declare_with("refuses", DyingBroker::limited(1, "reject-publish", DyingBroker::dying("", "dead")));
  b.declare("dead");
  for (const char* queue : {"buries", "refuses"}) {
    b.post(queue, "fits");
    const auto refused = b.publish("", queue, "does not");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().reason, kQueueFull);
  }
  EXPECT_EQ(b.ready("dead"), 1u);
}

TEST(BrokerDeaths, a_large_body_is_stored_once_and_goes_with_the_last_queue_that_has_it) {
  DyingBroker b;
  b.declare_with("work", DyingBroker::dying("amq.fanout"));
  b.declare("one");
  b.declare("two");
  b.bind("amq.fanout", "one", "");
  b.bind("amq.fanout", "two", "");
  b.post("work", std::string(10'000, 'x'));
  b.consume("x", "work", 1);
  b.work();
  must_ok(b.settle("x", 1, 1, Settlement::kReject));
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u);
  b.consume("y", "one", 1);
  b.consume("z", "two", 1);
  b.work();
  must_ok(b.settle("y", 1, 1));
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u);
  must_ok(b.settle("z", 1, 1));
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerDeaths, an_abandoned_message_that_came_back_too_often_dies) {
  DyingBroker b;
  FieldTable arguments = DyingBroker::dying("", "dead");
  arguments.set("x-delivery-limit", {std::int64_t{1}});
  b.declare_with("work", arguments);
  b.declare("dead");
  b.post("work", "a");
  for (const char* name : {"x", "y"}) {
    b.consume(name, "work", 1);
    EXPECT_EQ(b.work(), std::string(name) + ":a");
    b.cancel(name);
    b.work();
  }
  EXPECT_EQ(b.ready("work"), 0u);
  EXPECT_EQ(b.ready("dead"), 1u);
}

TEST(BrokerDeaths, deleting_a_queue_buries_nothing) {
  DyingBroker b;
  b.declare_with("work", DyingBroker::dying("", "dead"));
  b.declare("dead");
  b.post("work", 3);
  must(b.broker->delete_queue({"/", "work"}, b.moment()));
  b.work();
  EXPECT_EQ(b.ready("dead"), 0u);
}

TEST(BrokerDeaths, thousands_that_expire_at_once_all_arrive) {
  DyingBroker b(1);
  b.declare_with("wait", DyingBroker::expiring(10, DyingBroker::dying("", "back")));
  b.declare("back");
  for (int i = 0; i < 30; ++i) {
    b.post("wait", 100);
    b.seal();
  }
  b.later += 1min;
  b.work();
  EXPECT_EQ(b.ready("wait"), 0u);
  EXPECT_EQ(b.ready("back"), 3000u);
}

}  // namespace
}  // namespace escrow::broker
