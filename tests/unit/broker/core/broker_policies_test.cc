// Policies and the queues and exchanges there are already.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "model/properties.h"
#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;

struct PolicyBroker : BrokerTester {
  using BrokerTester::BrokerTester;

  static FieldTable table(const std::string& name, FieldValue value) {
    FieldTable out;
    out.set(name, std::move(value));
    return out;
  }
  static FieldTable numbers(const std::string& name, std::int64_t value) { return table(name, {value}); }
  static FieldTable dying(const std::string& prefix = "") {
    FieldTable out = table(prefix + "dead-letter-exchange", {std::string()});
    out.set(prefix + "dead-letter-routing-key", {std::string("dead")});
    return out;
  }
  void set(FieldTable definition, const std::string& pattern = "^q", bool operator_policy = false) {
    must(broker->set_policy({"/", "p", pattern, 0, PolicyTarget::kAll, std::move(definition), operator_policy},
                            moment()));
  }
  void lift(bool operator_policy = false) { must(broker->delete_policy({"/", "p", operator_policy}, moment())); }
  void declare_with(const std::string& name, FieldTable arguments) {
    must(broker->declare_queue({{"/", name, std::move(arguments)}}, moment()));
  }
  Queue& queue(const std::string& name = "q") { return *must(broker->topology().queue("/", name)); }
  bool is_there(const std::string& name) { return broker->topology().queue("/", name).ok(); }
  /// The clock goes on, and what is due is done.
  void wait(Duration passed) {
    later += passed;
    run_expirations();
    work();
  }
  void post_expiring(const std::string& body, int ttl_ms, bool transient = false) {
    Properties properties;
    properties.delivery_mode = transient ? 1 : 2;
    properties.expiration = std::to_string(ttl_ms);
    const std::string encoded = must(encode_properties(properties));
    MessageView message = view(body, "q", "");
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
  std::vector<BrokerEffects::Expiration> armed;
};

TEST(BrokerPolicies, apply_to_what_is_there_and_to_what_comes) {
  PolicyBroker b;
  b.declare("q1");
  b.set(b.numbers("max-length", 5));
  b.declare("q2");
  b.declare("other");
  EXPECT_EQ(b.queue("q1").arguments().max_length, 5u);
  EXPECT_EQ(b.queue("q2").arguments().max_length, 5u);
  EXPECT_EQ(b.queue("other").arguments().max_length, std::nullopt);
  EXPECT_EQ(b.queue("q1").policy()->policy, "p");
  b.lift();
  EXPECT_EQ(b.queue("q1").arguments().max_length, std::nullopt);
  EXPECT_EQ(b.queue("q2").policy(), nullptr);
}

TEST(BrokerPolicies, are_there_after_a_crash_and_apply) {
  PolicyBroker b;
  b.declare("q");
  b.set(b.numbers("max-length", 5));
  b.set(b.numbers("max-length", 3), "^q", true);
  b.seal();
  const std::uint64_t digest = b.broker->digest();
  b.crash();
  EXPECT_EQ(b.broker->digest(), digest);
  EXPECT_EQ(b.queue().arguments().max_length, 3u);
  EXPECT_EQ(b.queue().policy()->operator_policy, "p");
  b.lift(true);
  b.seal();
  b.crash();
  EXPECT_EQ(b.queue().arguments().max_length, 5u);
}

TEST(BrokerPolicies, do_not_matter_to_who_declares_the_queue_again) {
  PolicyBroker b;
  b.declare_with("q", b.numbers("x-message-ttl", 1000));
  b.set(b.numbers("message-ttl", 10));
  EXPECT_TRUE(b.broker->declare_queue({{"/", "q", b.numbers("x-message-ttl", 1000)}}, b.moment()).ok());
  EXPECT_FALSE(b.broker->declare_queue({{"/", "q", b.numbers("x-message-ttl", 10)}}, b.moment()).ok());
  EXPECT_EQ(b.queue().spec().arguments, b.numbers("x-message-ttl", 1000));
}

TEST(BrokerPolicies, of_a_vhost_that_is_not_there_are_refused) {
  PolicyBroker b;
  const Policy policy{"nowhere", "p", ".*", 0, PolicyTarget::kAll, b.numbers("max-length", 1), false};
  EXPECT_EQ(b.broker->set_policy(policy, b.moment()).error().reason, "VHOST_UNKNOWN");
  EXPECT_EQ(b.broker->delete_policy({"nowhere", "p", false}, b.moment()).error().reason, "VHOST_UNKNOWN");
}

TEST(BrokerPolicies, let_what_is_over_a_new_limit_die_in_steps) {
  PolicyBroker b;
  b.declare("q");
  b.declare("dead");
  b.post("q", 3000);
  FieldTable definition = b.dying();
  definition.set("max-length", {std::int64_t{10}});
  b.set(definition);
  EXPECT_EQ(b.ready("q"), 3000u) << "not at once";
  b.broker->work(b.moment());
  EXPECT_EQ(b.ready("q"), 3000u - Queue::kMaxDead);
  b.work();
  EXPECT_EQ(b.ready("q"), 10u);
  EXPECT_EQ(b.ready("dead"), 2990u);
}

TEST(BrokerPolicies, refuse_from_the_next_publish_on) {
  PolicyBroker b;
  b.declare("q");
  b.post("q", 2);
  FieldTable definition = b.numbers("max-length", 1);
  definition.set("overflow", {std::string("reject-publish")});
  b.set(definition);
  EXPECT_EQ(b.publish("", "q", "x").error().reason, kQueueFull);
  b.lift();
  EXPECT_TRUE(b.publish("", "q", "x").ok());
}

TEST(BrokerPolicies, give_messages_a_time_that_counts_from_their_arrival) {
  PolicyBroker b;
  b.declare("q");
  b.post("q", "a");
  b.wait(5s);
  b.set(b.numbers("message-ttl", 8000));
  b.work();
  ASSERT_TRUE(b.broker->next_due().has_value());
  EXPECT_EQ(*b.broker->next_due(), at(1) + 8s);
  b.wait(2s);
  EXPECT_EQ(b.ready("q"), 1u);
  b.set(b.numbers("message-ttl", 1000));
  b.work();
  EXPECT_EQ(b.ready("q"), 0u) << "a shorter one is seen at once";
}

TEST(BrokerPolicies, that_are_lifted_take_their_time_with_them) {
  PolicyBroker b;
  b.declare_with("q", b.numbers("x-message-ttl", 10'000));
  b.set(b.numbers("message-ttl", 1000));
  b.post("q", "a");
  b.work();
  b.lift();
  b.wait(9s);
  EXPECT_EQ(b.ready("q"), 1u);
  b.wait(1s);
  EXPECT_EQ(b.ready("q"), 0u);
}

TEST(BrokerPolicies, that_are_lifted_leave_a_message_its_own_time) {
  for (const bool transient : {false, true}) {
    PolicyBroker b;
    b.declare("q");
    b.set(b.numbers("message-ttl", 1000));
    b.post_expiring("a", 10'000, transient);
    b.run_expirations();
    b.work();
    b.lift();
    b.wait(9999ms);
    EXPECT_EQ(b.ready("q"), 1u);
    b.wait(1ms);
    EXPECT_EQ(b.ready("q"), 0u);
  }
}

TEST(BrokerPolicies, with_a_time_leave_it_known_which_messages_have_a_timer) {
  PolicyBroker b;
  b.declare("q");
  b.set(b.numbers("message-ttl", 1000));
  b.post_expiring("a", 10'000);
  ASSERT_EQ(b.broker->effects().expirations.size(), 1u);
  b.consume("x", "q", 1);
  EXPECT_EQ(b.work(), "x:a");
  must_ok(b.settle("x", 1, 1));
  EXPECT_EQ(b.broker->effects().expirations_moot.size(), 1u);
}

TEST(BrokerPolicies, with_a_time_end_messages_before_their_own) {
  PolicyBroker b;
  b.declare("q");
  b.set(b.numbers("message-ttl", 1000));
  b.post_expiring("a", 10'000);
  b.wait(1s);
  EXPECT_EQ(b.ready("q"), 0u);
  b.wait(10s);  // the timer of its own time finds it gone
  EXPECT_TRUE(b.armed.empty());
}

TEST(BrokerPolicies, of_dead_letters_count_from_the_next_death_on) {
  PolicyBroker b;
  b.declare("q");
  b.declare("dead");
  b.consume("x", "q", 2);
  b.post("q", 2);
  b.work();
  must_ok(b.settle("x", 1, 1, Settlement::kReject));
  EXPECT_EQ(b.ready("dead"), 0u);
  b.set(b.dying());
  must_ok(b.settle("x", 2, 2, Settlement::kReject));
  EXPECT_EQ(b.ready("dead"), 1u);
}

TEST(BrokerPolicies, of_dead_letters_yield_to_arguments) {
  PolicyBroker b;
  b.declare("mine");
  b.declare("dead");
  FieldTable arguments = b.table("x-dead-letter-exchange", {std::string()});
  arguments.set("x-dead-letter-routing-key", {std::string("mine")});
  b.declare_with("q", arguments);
  b.set(b.dying());
  b.post("q", "a");
  b.consume("x", "q", 1);
  b.work();
  must_ok(b.settle("x", 1, 1, Settlement::kReject));
  EXPECT_EQ(b.ready("mine"), 1u);
  EXPECT_EQ(b.ready("dead"), 0u);
}

TEST(BrokerPolicies, that_expire_queues_start_with_their_change) {
  PolicyBroker b;
  b.declare("q");
  b.wait(1h);
  b.set(b.numbers("expires", 60'000));
  b.wait(59s);
  EXPECT_TRUE(b.is_there("q"));
  b.set(b.numbers("expires", 10'000));
  b.wait(9s);
  EXPECT_TRUE(b.is_there("q")) << "changed, it begins anew";
  b.wait(1s);
  EXPECT_FALSE(b.is_there("q"));
}

TEST(BrokerPolicies, that_expire_queues_end_when_they_are_lifted) {
  PolicyBroker b;
  b.declare("q");
  b.set(b.numbers("expires", 1000));
  b.lift();
  EXPECT_FALSE(b.broker->next_due().has_value());
  b.wait(1h);
  EXPECT_TRUE(b.is_there("q"));
}

TEST(BrokerPolicies, that_expire_queues_spare_those_in_use) {
  PolicyBroker b;
  b.declare("q");
  b.consume("x", "q", 1);
  b.set(b.numbers("expires", 1000));
  b.wait(1h);
  EXPECT_TRUE(b.is_there("q"));
  b.cancel("x");
  b.wait(1s);
  EXPECT_FALSE(b.is_there("q"));
}

TEST(BrokerPolicies, that_expire_queues_begin_anew_with_a_restart) {
  PolicyBroker b;
  b.declare("q");
  b.set(b.numbers("expires", 10'000));
  b.seal();
  b.crash();
  b.wait(9999ms);
  EXPECT_TRUE(b.is_there("q"));
  b.wait(1ms);
  EXPECT_FALSE(b.is_there("q"));
}

TEST(BrokerPolicies, give_exchanges_an_alternate_unless_they_have_one) {
  PolicyBroker b;
  const auto exchange = [&](const std::string& name, FieldTable arguments = {}) {
    must_ok(b.broker->declare_exchange({"/", name, ExchangeType::kDirect, std::move(arguments)}));
  };
  exchange("from");
  exchange("own", b.table("alternate-exchange", {std::string("amq.topic")}));
  b.declare("rest");
  b.bind("amq.fanout", "rest", "");
  EXPECT_EQ(*b.publish("from", "k", "a"), 0u);
  b.set(b.table("alternate-exchange", {std::string("amq.fanout")}), "^(from|own|new)$");
  exchange("new");
  EXPECT_EQ(*b.publish("from", "k", "b"), 1u) << "also where the route was remembered";
  EXPECT_EQ(*b.publish("new", "k", "c"), 1u);
  EXPECT_EQ(*b.publish("own", "k", "d"), 0u);
  b.seal();
  b.crash();
  EXPECT_EQ(*b.publish("from", "k", "e"), 1u);
  b.lift();
  EXPECT_EQ(*b.publish("from", "k", "f"), 0u);
}

TEST(BrokerPolicies, go_over_many_queues_in_steps) {
  PolicyBroker b;
  const std::size_t count = 2 * Broker::kPolicyPerStep + 10;
  for (std::size_t i = 0; i < count; ++i) b.declare("q" + std::to_string(i));
  const auto applied = [&] {
    const VirtualHost& host = **b.broker->topology().vhost("/");
    return static_cast<std::size_t>(std::ranges::count_if(
        host.queues, [](const auto& queue) { return queue.second->arguments().max_length == 5u; }));
  };
  b.set(b.numbers("max-length", 5));
  EXPECT_GT(applied(), 0u);
  EXPECT_LE(applied(), Broker::kPolicyPerStep);
  b.declare("q-new");
  EXPECT_EQ(b.queue("q-new").arguments().max_length, 5u);
  must(b.broker->delete_queue({"/", "q1500", false, false, 0}, b.moment()));
  EXPECT_TRUE(b.broker->work(b.moment())) << "there is more to do";
  b.work();
  EXPECT_EQ(applied(), count);
}

TEST(BrokerPolicies, that_change_while_a_change_goes_on_reach_all_queues) {
  PolicyBroker b;
  const std::size_t count = Broker::kPolicyPerStep + 10;
  for (std::size_t i = 0; i < count; ++i) b.declare("q" + std::to_string(i));
  for (int length = 1; length <= 5; ++length) b.set(b.numbers("max-length", length));
  b.work();
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(b.queue("q" + std::to_string(i)).arguments().max_length, 5u) << i;
  }
}

TEST(BrokerPolicies, that_a_crash_has_interrupted_reach_all_queues) {
  PolicyBroker b;
  const std::size_t count = Broker::kPolicyPerStep + 10;
  for (std::size_t i = 0; i < count; ++i) b.declare("q" + std::to_string(i));
  b.set(b.numbers("max-length", 5));
  b.seal();
  b.crash();
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(b.queue("q" + std::to_string(i)).arguments().max_length, 5u) << i;
  }
}

TEST(BrokerPolicies, of_queues_with_priorities_leave_them_alone) {
  PolicyBroker b;
  b.declare_with("q", b.numbers("x-max-priority", 3));
  b.set(b.numbers("message-ttl", 1000));
  EXPECT_EQ(b.queue().lanes(), 4u);
  b.post("q", "a");
  b.wait(1s);
  EXPECT_EQ(b.ready("q"), 0u);
}

}  // namespace
}  // namespace escrow::broker
