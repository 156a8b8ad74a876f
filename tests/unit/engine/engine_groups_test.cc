// Producer groups and their checks, seen from outside of the engine.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "tests/unit/engine/engine_tester.h"

namespace escrow::engine {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class EngineGroups : public EngineTester {
 protected:
  void SetUp() override { start(); }

  std::vector<std::string> stored_groups() {
    std::vector<std::string> names;
    for (const auto it = backend.store.scan(Table::kGroups, "", ""); it->valid(); it->next()) {
      names.emplace_back(it->key());
    }
    return names;
  }
  std::size_t stored_timers() {
    std::size_t count = 0;
    const auto it = backend.store.scan(Table::kTimers, timer_key(kRetentionLane + 1, 0, 0), "");
    for (; it->valid(); it->next()) ++count;
    return count;
  }
  /// Time enough for everything that is unused to be forgotten.
  void pass() {
    settle(minutes(11));
    settle(minutes(11));
  }
  std::vector<std::string> reasons() {
    std::vector<std::string> found;
    for (const auto it = backend.store.scan(Table::kAudit, "", ""); it->valid(); it->next()) {
      found.emplace_back(it->value());
    }
    return found;
  }
  bool audited(const std::string& reason) {
    for (const std::string& records : reasons()) {
      if (records.find(reason) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(EngineGroups, a_group_without_open_transactions_and_producers_is_forgotten) {
  ASSERT_TRUE(ask(prepare({"orders", "1"})).ok());
  EXPECT_EQ(stored_groups(), std::vector<std::string>{"orders"});
  pass();
  EXPECT_EQ(stored_groups(), std::vector<std::string>{"orders"}) << "a transaction is open";
  ASSERT_TRUE(ask(decide({"orders", "1"}, false)).ok());
  pass();
  EXPECT_TRUE(stored_groups().empty());
  EXPECT_EQ(stored_timers(), 0u);
  ASSERT_TRUE(ask(prepare({"orders", "2"})).ok());
  EXPECT_EQ(stored_groups(), std::vector<std::string>{"orders"});
}

TEST_F(EngineGroups, a_group_is_forgotten_after_a_restart_too) {
  ASSERT_TRUE(ask(prepare({"orders", "1"})).ok());
  ASSERT_TRUE(ask(prepare({"returns", "1"})).ok());
  ASSERT_TRUE(ask(decide({"orders", "1"}, true)).ok());
  start();
  pass();
  EXPECT_EQ(stored_groups(), std::vector<std::string>{"returns"});
  EXPECT_EQ(stored_timers(), 1u);
  const std::uint64_t digest = engine->digest();
  start();
  EXPECT_EQ(engine->digest(), digest);
}

TEST_F(EngineGroups, a_group_with_a_producer_is_kept) {
  ASSERT_TRUE(ask(OpenCheckbacks{"orders", 1}).ok());
  pass();
  EXPECT_EQ(stored_groups(), std::vector<std::string>{"orders"});
  submit(ClosePort{});
  pass();
  EXPECT_TRUE(stored_groups().empty());
}

TEST_F(EngineGroups, a_transaction_prepared_while_its_group_is_looked_at_keeps_it) {
  ASSERT_TRUE(ask(prepare({"orders", "1"})).ok());
  ASSERT_TRUE(ask(decide({"orders", "1"}, false)).ok());
  turn(minutes(11));
  std::vector<Backend::Completion> found;
  for (auto& one : std::exchange(backend.reads, {})) found.push_back(one(backend.store));
  ASSERT_FALSE(found.empty());
  submit(prepare({"orders", "2"}));
  for (const auto& completion : found) completion();
  settle();
  EXPECT_EQ(stored_groups(), std::vector<std::string>{"orders"});
  EXPECT_EQ(stored_timers(), 1u);
}

TEST_F(EngineGroups, too_many_groups_are_refused_until_unused_ones_are_forgotten) {
  for (std::size_t i = 0; i < Producers::kMaxGroups; ++i) {
    const coordinator::Key key{"g" + std::to_string(i), "1"};
    submit(prepare(key));
    submit(decide(key, false));
    turn();
  }
  settle();
  const Result<Reply> refused = ask(prepare({"another", "1"}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, "LIMIT_EXCEEDED");
  pass();
  EXPECT_TRUE(ask(prepare({"another", "1"})).ok());
  EXPECT_EQ(stored_groups(), std::vector<std::string>{"another"});
}

TEST_F(EngineGroups, the_reason_of_an_unknown_answer_is_in_the_ledger) {
  TestPort producer;
  submit(producer, OpenCheckbacks{"orders", 1});
  ASSERT_TRUE(ask(prepare({"orders", "1"})).ok());
  settle(seconds(11));
  ASSERT_EQ(producer.checks.size(), 1u);
  submit(producer, CheckAnswer{producer.checks[0].id, Verdict::kUnknown, "the database is away"});
  settle();
  EXPECT_TRUE(audited("check 1: unknown: the database is away"));
}

TEST_F(EngineGroups, an_unknown_check_without_a_reason_says_what_happened) {
  TestPort producer;
  submit(producer, OpenCheckbacks{"orders", 1});
  ASSERT_TRUE(ask(prepare({"orders", "1"})).ok());
  settle(seconds(11));
  ASSERT_EQ(producer.checks.size(), 1u);
  submit(producer, CheckReceipt{producer.checks[0].id});
  settle(seconds(31));
  EXPECT_TRUE(audited("check 1: unknown: no answer"));
}

}  // namespace
}  // namespace escrow::engine
