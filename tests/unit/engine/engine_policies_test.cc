// What the engine adds to policies: records of them, their durability, and the timers of messages that they shorten.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "audit/record.h"
#include "model/properties.h"
#include "storage/keyspace.h"
#include "tests/unit/engine/engine_tester.h"

namespace escrow::engine {
namespace {

using namespace std::chrono_literals;

class Policies : public EngineTester {
 protected:
  void SetUp() override {
    start();
    ASSERT_TRUE(ask(DeclareQueue{{"/", "q", {}}}).ok());
  }
  static SetPolicy policy(const std::string& key, std::int64_t value, bool operator_policy = false) {
    FieldTable definition;
    definition.set(key, {value});
    return {{"/", "p", "^q", 1, broker::PolicyTarget::kQueues, std::move(definition), operator_policy}};
  }
  const broker::Queue& queue() { return **engine->broker().topology().queue("/", "q"); }
  /// What the ledger says of policies.
  std::vector<std::string> recorded() {
    std::vector<std::string> out;
    for_each_record([&](const audit::Record& record) {
      const bool of_operator = record.subject == audit::Subject::kOperatorPolicy;
      if (record.subject != audit::Subject::kPolicy && !of_operator) return;
      out.push_back((of_operator ? "operator " : "") + record.key1 + record.key2 + " " + std::to_string(record.before) +
                    std::to_string(record.after) + " by " + record.actor + ": " + record.reason);
    });
    return out;
  }
  void publish_expiring(int ttl_ms) {
    struct Owned {
      std::string properties;
    };
    auto owner = std::make_shared<Owned>();
    Properties properties;
    properties.delivery_mode = 2;
    properties.expiration.emplace(std::to_string(ttl_ms));
    owner->properties = *encode_properties(properties);
    MessageView view;
    view.vhost = "/";
    view.routing_key = "q";
    view.properties = owner->properties;
    view.body = "x";
    ASSERT_TRUE(ask(Publish{{view}, owner}).ok());
  }
  /// Time passes in which nothing happens but what is due.
  void wait(Duration passed) {
    settle(passed);
    settle();
  }
  std::size_t stored_timers() {
    std::size_t count = 0;
    const auto it = backend.store.scan(Table::kTimers, timer_key(kExpirationLane, 0, 0), "");
    for (; it->valid(); it->next()) count += decode_timers(it->value())->size();
    return count;
  }
};

TEST_F(Policies, are_answered_when_they_are_durable) {
  backend.stalled = true;
  const std::uint64_t request = submit(policy("max-length", 5));
  turn();
  EXPECT_FALSE(port.replies.contains(request));
  EXPECT_EQ(queue().arguments().max_length, 5u) << "what is published behind it finds it";
  sync();
  turn();
  EXPECT_TRUE(answer(request).ok());
}

TEST_F(Policies, are_there_after_a_restart) {
  ASSERT_TRUE(ask(policy("max-length", 5)).ok());
  ASSERT_TRUE(ask(policy("max-length", 3, true)).ok());
  const std::uint64_t digest = engine->digest();
  start();
  EXPECT_EQ(engine->digest(), digest);
  EXPECT_EQ(queue().arguments().max_length, 3u);
  ASSERT_TRUE(ask(DeletePolicy{"/", "p", true}).ok());
  start();
  EXPECT_EQ(queue().arguments().max_length, 5u);
}

TEST_F(Policies, are_recorded_when_they_change) {
  ASSERT_TRUE(ask(policy("max-length", 5)).ok());
  ASSERT_TRUE(ask(policy("max-length", 5)).ok());
  ASSERT_TRUE(ask(policy("message-ttl", 5)).ok());
  ASSERT_TRUE(ask(policy("max-length", 5, true)).ok());
  ASSERT_TRUE(ask(DeletePolicy{"/", "p", false}).ok());
  ASSERT_TRUE(ask(DeletePolicy{"/", "p", false}).ok());
  EXPECT_FALSE(ask(policy("ha-mode", 5)).ok());
  const std::string set = "by tester: pattern '^q', priority 1, apply-to queues, keys ";
  EXPECT_EQ(recorded(), (std::vector<std::string>{"/p 01 " + set + "max-length", "/p 11 " + set + "message-ttl",
                                                  "operator /p 01 " + set + "max-length", "/p 10 by tester: "}));
}

TEST_F(Policies, are_listed) {
  ASSERT_TRUE(ask(policy("max-length", 5)).ok());
  const auto listed = ask(ListPolicies{"/", false, "", 10});
  ASSERT_TRUE(listed.ok());
  const auto& list = std::get<PolicyList>(*listed);
  ASSERT_EQ(list.policies.size(), 1u);
  EXPECT_EQ(list.policies[0], policy("max-length", 5).policy);
  EXPECT_FALSE(list.more);
  EXPECT_TRUE(std::get<PolicyList>(*ask(ListPolicies{"/", true, "", 10})).policies.empty());
  EXPECT_EQ(ask(ListPolicies{"nowhere", false, "", 10}).error().reason, "VHOST_UNKNOWN");
}

TEST_F(Policies, are_told_with_the_queues_they_apply_to) {
  ASSERT_TRUE(ask(policy("max-length", 5)).ok());
  ASSERT_TRUE(ask(DeclareQueue{{"/", "other", {}}}).ok());
  const auto listed = ask(ListQueues{"/", "", 10});
  const auto& queues = std::get<QueueList>(*listed).queues;
  ASSERT_EQ(queues.size(), 2u);
  EXPECT_EQ(queues[0].policy, nullptr);
  ASSERT_NE(queues[1].policy, nullptr);
  EXPECT_EQ(queues[1].policy->policy, "p");
}

TEST_F(Policies, that_are_lifted_leave_a_message_its_own_time_also_over_a_restart) {
  for (const bool restarted : {false, true}) {
    ASSERT_TRUE(ask(policy("message-ttl", 1000)).ok());
    publish_expiring(10'000);
    EXPECT_EQ(stored_timers(), 1u);
    if (restarted) start();
    ASSERT_TRUE(ask(DeletePolicy{"/", "p", false}).ok());
    wait(9s);
    EXPECT_EQ(queue().ready(), 1u);
    wait(2s);
    EXPECT_EQ(queue().ready(), 0u);
  }
}

TEST_F(Policies, end_messages_whose_own_time_is_longer_and_leave_no_timer) {
  ASSERT_TRUE(ask(policy("message-ttl", 1000)).ok());
  publish_expiring(10'000);
  wait(1s);
  EXPECT_EQ(queue().ready(), 0u);
  wait(10s);
  ASSERT_TRUE(ask(DeclareQueue{{"/", "more", {}}}).ok());
  EXPECT_EQ(stored_timers(), 0u);
}

TEST_F(Policies, wake_the_engine_for_messages_that_are_there) {
  ASSERT_TRUE(ask(publish(1, "", "q", "x")).ok());
  ASSERT_TRUE(ask(policy("message-ttl", 500)).ok());
  turn();
  ASSERT_TRUE(engine->next_turn().has_value());
  EXPECT_LE(*engine->next_turn() - monotonic, 500ms);
  wait(1s);
  EXPECT_EQ(queue().ready(), 0u);
}

TEST_F(Policies, that_expire_queues_do_so_after_a_restart) {
  ASSERT_TRUE(ask(policy("expires", 5000)).ok());
  start();
  wait(4s);
  EXPECT_TRUE(engine->broker().topology().queue("/", "q").ok());
  wait(2s);
  EXPECT_FALSE(engine->broker().topology().queue("/", "q").ok());
}

}  // namespace
}  // namespace escrow::engine
