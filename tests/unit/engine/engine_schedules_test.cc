// Schedules: sent at their time, across restarts, unless they are cancelled or moved.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "audit/record.h"
#include "engine/transaction_list.h"
#include "tests/unit/engine/engine_tester.h"

namespace escrow::engine {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class EngineSchedules : public EngineTester {
 protected:
  void SetUp() override {
    start();
    ASSERT_TRUE(ask(DeclareQueue{{"/", "q", {}}}).ok());
  }
  static coordinator::Schedule schedule(const std::string& key, Duration delay, std::string body = "x",
                                        std::string to = "q") {
    Message message;
    message.routing_key = std::move(to);
    message.body = std::move(body);
    return {key, std::move(message), {delay, {}}, ""};
  }
  static coordinator::CancelSchedule cancel(const std::string& key) { return {{"/", key}, "paid", ""}; }
  static coordinator::Reschedule move(const std::string& key, Duration delay) { return {{"/", key}, {delay, {}}, ""}; }
  std::string state(const std::string& key) {
    const auto found = ask(GetSchedule{{"/", key}});
    if (!found) return found.error().reason;
    return std::string(coordinator::name(std::get<ScheduleView>(*found).schedule.state));
  }
  std::uint64_t ready(const std::string& queue = "q") {
    const auto found = engine->broker().topology().queue("/", queue);
    return found ? (*found)->ready() : 0;
  }
  /// Records of schedules, as "key: before -> after by actor (reason)".
  std::vector<std::string> ledger() {
    std::vector<std::string> out;
    const auto text = [](std::uint8_t state) {
      return std::string(coordinator::name(static_cast<coordinator::State>(state)));
    };
    for_each_record([&](const audit::Record& r) {
      if (r.subject != audit::Subject::kSchedule) return;
      out.push_back(r.key2 + ": " + text(r.before) + " -> " + text(r.after) + " by " + r.actor);
    });
    return out;
  }
};

TEST_F(EngineSchedules, sends_at_its_time_and_not_before) {
  ASSERT_TRUE(ask(schedule("a", seconds(30))).ok());
  EXPECT_EQ(engine->schedules(), 1u);
  settle(seconds(29));
  EXPECT_EQ(ready(), 0u);
  settle(milliseconds(1500));
  EXPECT_EQ(ready(), 1u);
  EXPECT_EQ(engine->schedules(), 0u);
  EXPECT_EQ(state("a"), "COMMITTED");
}

TEST_F(EngineSchedules, wakes_up_for_what_is_due) {
  ASSERT_TRUE(ask(schedule("a", milliseconds(500))).ok());
  turn(Duration(0));
  const std::optional<Monotonic> next = engine->next_turn();
  ASSERT_TRUE(next.has_value());
  EXPECT_LE(next.value_or(Monotonic::max()) - monotonic, milliseconds(500));
}

TEST_F(EngineSchedules, survives_a_restart_and_sends_what_was_due_meanwhile) {
  ASSERT_TRUE(ask(schedule("soon", seconds(10), std::string(10'000, 'x'))).ok());
  ASSERT_TRUE(ask(schedule("later", hours(10))).ok());
  now += hours(1);
  monotonic += hours(1);
  start();
  EXPECT_EQ(engine->schedules(), 2u);
  settle();
  EXPECT_EQ(ready(), 1u);
  EXPECT_EQ(state("soon"), "COMMITTED");
  EXPECT_EQ(state("later"), "SCHEDULED");
  settle(hours(10));
  EXPECT_EQ(ready(), 2u);
}

TEST_F(EngineSchedules, cancelled_or_moved_sends_nothing_at_the_old_time) {
  backend.cold = true;  // everything is read
  ASSERT_TRUE(ask(schedule("cancelled", seconds(10))).ok());
  ASSERT_TRUE(ask(schedule("moved", seconds(10))).ok());
  start();
  ASSERT_TRUE(ask(cancel("cancelled")).ok());
  ASSERT_TRUE(ask(move("moved", seconds(60))).ok());
  settle(seconds(30));
  EXPECT_EQ(ready(), 0u);
  start();
  settle(seconds(40));
  EXPECT_EQ(ready(), 1u);
  EXPECT_EQ(state("cancelled"), "ROLLED_BACK");
  EXPECT_EQ(state("moved"), "COMMITTED");
  EXPECT_EQ(ask(cancel("moved")).error().reason, "ALREADY_DELIVERED");
  EXPECT_EQ(ask(cancel("unknown")).error().reason, "SCHEDULE_UNKNOWN");
}

TEST_F(EngineSchedules, answers_when_it_is_durable) {
  backend.stalled = true;
  const std::uint64_t request = submit(schedule("a", seconds(10)));
  turn();
  EXPECT_FALSE(answer(request).ok());
  sync();
  turn();
  EXPECT_TRUE(answer(request).ok());
}

TEST_F(EngineSchedules, is_parked_when_no_queue_takes_it) {
  ASSERT_TRUE(ask(schedule("a", seconds(1), "x", "nowhere")).ok());
  settle(seconds(2));
  EXPECT_EQ(ready("escrow.parked"), 1u);
}

TEST_F(EngineSchedules, of_an_exchange_that_is_not_there_is_refused) {
  coordinator::Schedule command = schedule("a", seconds(1));
  command.message.exchange = "none";
  EXPECT_EQ(ask(std::move(command)).error().reason, "EXCHANGE_UNKNOWN");
  EXPECT_EQ(state("a"), "SCHEDULE_UNKNOWN");
}

TEST_F(EngineSchedules, is_in_the_ledger_from_its_beginning_to_its_end) {
  ASSERT_TRUE(ask(schedule("a", seconds(10))).ok());
  ASSERT_TRUE(ask(move("a", seconds(5))).ok());
  ASSERT_TRUE(ask(schedule("b", seconds(10))).ok());
  ASSERT_TRUE(ask(cancel("b")).ok());
  settle(seconds(20));
  EXPECT_EQ(ledger(),
            (std::vector<std::string>{"a: NONE -> SCHEDULED by tester", "a: SCHEDULED -> SCHEDULED by tester",
                                      "b: NONE -> SCHEDULED by tester", "b: SCHEDULED -> ROLLED_BACK by tester",
                                      "a: SCHEDULED -> COMMITTED by "}));
}

TEST_F(EngineSchedules, thousands_that_are_due_at_once_all_come_once) {
  constexpr int kSchedules = 5000;
  for (int i = 0; i < kSchedules; ++i) {
    submit(schedule("s" + std::to_string(i), seconds(10)));
    if (i % 500 == 0) settle(Duration(0));
  }
  settle(Duration(0));
  backend.cold = true;
  start();
  settle(seconds(20));
  EXPECT_EQ(ready(), static_cast<std::uint64_t>(kSchedules));
  EXPECT_EQ(engine->schedules(), 0u);
}

TEST_F(EngineSchedules, is_listed_by_itself_and_not_among_transactions) {
  ASSERT_TRUE(ask(schedule("waits", seconds(100))).ok());
  ASSERT_TRUE(ask(schedule("goes", seconds(1))).ok());
  ASSERT_TRUE(ask(prepare({"a", "1"})).ok());
  ASSERT_TRUE(ask(prepare({"z", "2"})).ok());
  settle(seconds(5));
  const auto keys = [&](std::string group) {
    TransactionFilter filter;
    filter.group = std::move(group);
    std::vector<std::string> out;
    std::string from;
    do {  // page by page
      const TransactionPage page = *list_transactions(backend.store, filter, from, 1);
      for (const auto& t : page.transactions) out.push_back(t.key.id);
      from = page.next;
    } while (!from.empty());
    return out;
  };
  EXPECT_EQ(keys(""), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(keys(coordinator::ScheduleKey{"/", ""}.place().group), (std::vector<std::string>{"waits", "goes"}));
}

/// "order" with a message that goes at once, and its timeout, which the key "order-1" cancels.
coordinator::Prepare order(const std::string& key = "order-1") {
  coordinator::Prepare command;
  command.key = {"shop", "order"};
  for (const char* body : {"placed", "timeout"}) {
    command.messages.emplace_back().message.routing_key = "q";
    command.messages.back().message.body = body;
  }
  command.messages.back().delay = seconds(30);
  command.messages.back().schedule_key = key;
  return command;
}

TEST_F(EngineSchedules, of_a_transaction_counts_from_its_commit) {
  ASSERT_TRUE(ask(order()).ok());
  EXPECT_EQ(state("order-1"), "HELD");
  EXPECT_EQ(ask(move("order-1", seconds(1))).error().reason, "NOT_COMMITTED");
  settle(seconds(100));
  EXPECT_EQ(ready(), 0u);
  ASSERT_TRUE(ask(decide({"shop", "order"}, true)).ok());
  EXPECT_EQ(state("order-1"), "SCHEDULED");
  EXPECT_EQ(ready(), 1u);
  settle(seconds(29));
  EXPECT_EQ(ready(), 1u);
  settle(seconds(2));
  EXPECT_EQ(ready(), 2u);
  EXPECT_EQ(ledger(),
            (std::vector<std::string>{"order-1: NONE -> HELD by tester", "order-1: HELD -> SCHEDULED by tester",
                                      "order-1: SCHEDULED -> COMMITTED by "}));
}

TEST_F(EngineSchedules, of_a_transaction_survives_restarts_at_every_step) {
  backend.cold = true;
  ASSERT_TRUE(ask(order()).ok());
  start();
  EXPECT_EQ(state("order-1"), "HELD");
  start();
  ASSERT_TRUE(ask(decide({"shop", "order"}, true)).ok());
  start();
  EXPECT_EQ(engine->schedules(), 1u);
  settle(seconds(31));
  EXPECT_EQ(ready(), 2u);
}

TEST_F(EngineSchedules, of_a_transaction_is_cancelled_before_its_commit_and_stays_so) {
  ASSERT_TRUE(ask(order()).ok());
  ASSERT_TRUE(ask(cancel("order-1")).ok());
  ASSERT_TRUE(ask(decide({"shop", "order"}, true)).ok());
  EXPECT_EQ(state("order-1"), "ROLLED_BACK");
  settle(seconds(60));
  EXPECT_EQ(ready(), 1u) << "the other message";
  EXPECT_EQ(engine->schedules(), 0u);
}

TEST_F(EngineSchedules, of_a_transaction_is_forgotten_when_that_is_rolled_back) {
  ASSERT_TRUE(ask(order()).ok());
  EXPECT_EQ(ask(schedule("order-1", seconds(1))).error().reason, "SCHEDULE_DIFFERS");
  ASSERT_TRUE(ask(decide({"shop", "order"}, false)).ok());
  EXPECT_EQ(state("order-1"), "SCHEDULE_UNKNOWN");
  start();
  EXPECT_EQ(state("order-1"), "SCHEDULE_UNKNOWN");
  EXPECT_TRUE(ask(schedule("order-1", seconds(1))).ok());
}

TEST_F(EngineSchedules, that_has_its_key_refuses_a_transaction) {
  ASSERT_TRUE(ask(schedule("order-1", seconds(1))).ok());
  const Error refused = ask(order()).error();
  EXPECT_EQ(refused.reason, "SCHEDULE_DIFFERS");
  EXPECT_EQ(ask(GetTransaction{{"shop", "order"}}).error().reason, "TRANSACTION_UNKNOWN");
  EXPECT_TRUE(ask(order("order-2")).ok());
}

TEST_F(EngineSchedules, of_a_transaction_without_a_key_has_one_that_names_it) {
  ASSERT_TRUE(ask(order("")).ok());
  ASSERT_TRUE(ask(decide({"shop", "order"}, true)).ok());
  EXPECT_EQ(engine->schedules(), 1u);
  EXPECT_EQ(state("escrow.tx/1/1"), "SCHEDULED");
  settle(seconds(31));
  EXPECT_EQ(ready(), 2u);
}

TEST_F(EngineSchedules, commands_on_a_transaction_keep_their_order_while_its_schedules_are_read) {
  backend.cold = true;
  const std::uint64_t prepared = submit(order());
  const std::uint64_t committed = submit(decide({"shop", "order"}, true));
  const std::uint64_t rolled_back = submit(decide({"shop", "order"}, false));
  settle();
  EXPECT_TRUE(answer(prepared).ok());
  EXPECT_TRUE(answer(committed).ok());
  EXPECT_EQ(answer(rolled_back).error().reason, "ALREADY_DECIDED");
  EXPECT_EQ(engine->schedules(), 1u);
}

TEST_F(EngineSchedules, a_large_body_of_one_that_is_not_sent_is_erased) {
  coordinator::Prepare command = order();
  command.messages.back().message.body = std::string(10'000, 'x');
  ASSERT_TRUE(ask(command).ok());
  ASSERT_TRUE(ask(cancel("order-1")).ok());
  ASSERT_TRUE(ask(decide({"shop", "order"}, true)).ok());
  settle(seconds(1));
  EXPECT_FALSE(backend.store.scan(Table::kBodies, "", "")->valid());
}

TEST_F(EngineSchedules, is_forgotten_when_its_retention_is_over) {
  ASSERT_TRUE(ask(schedule("a", seconds(1))).ok());
  settle(seconds(2));
  settle(EngineOptions().decided_retention + hours(1));
  settle();
  EXPECT_EQ(state("a"), "SCHEDULE_UNKNOWN");
  EXPECT_TRUE(ask(schedule("a", seconds(1), "another")).ok());
}

}  // namespace
}  // namespace escrow::engine
