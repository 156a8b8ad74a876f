// What the engine holds at most: of a batch, of commands that wait, of transactions in memory.
#include <gtest/gtest.h>

#include "tests/unit/engine/engine_tester.h"

namespace escrow::engine {
namespace {

constexpr std::size_t kMiB = 1 << 20;

std::string id(int number) { return "order-" + std::to_string(number); }

class EngineLimits : public EngineTester {
 protected:
  void SetUp() override { start(); }

  /// A batch on its way, and its disk does not answer.
  void stall() {
    backend.stalled = true;
    submit(DeclareQueue{{"/", "stalled", {}}});
    turn();
    ASSERT_NE(backend.waiting, nullptr);
  }
  /// Commands that it takes before it is full.
  template <class Make>
  int taken(Make make, int most) {
    int count = 0;
    for (; count < most && !engine->full(); ++count) {
      submit(make(count));
      turn();
    }
    return count;
  }
};

TEST_F(EngineLimits, a_prepare_counts_its_bodies_wherever_they_are_stored) {
  stall();
  const auto large = [](int i) { return prepare({"g", id(i)}, std::string(kMiB, 'x')); };
  EXPECT_LE(taken(large, 400), 5);
  backend.stalled = false;
  sync();
  settle();
  EXPECT_FALSE(engine->full());
}

TEST_F(EngineLimits, a_batch_is_full_also_when_no_other_is_on_its_way) {
  int count = 0;
  for (; count < 400 && !engine->full(); ++count) submit(prepare({"g", id(count)}, std::string(kMiB, 'x')));
  EXPECT_LE(count, 5);
  turn();
  EXPECT_FALSE(engine->full());
}

TEST_F(EngineLimits, a_commit_counts_every_copy_of_its_messages) {
  for (int i = 0; i < 100; ++i) {
    submit(DeclareQueue{{"/", "q" + std::to_string(i), {}}});
    submit(Bind{"/", "amq.fanout", "q" + std::to_string(i), {"", {}, nullptr}, false});
  }
  const auto fanout = [](int i) {
    coordinator::Prepare command = prepare({"g", id(i)}, std::string(4000, 'x'), "");
    command.messages[0].message.exchange = "amq.fanout";
    return command;
  };
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(ask(fanout(i)).ok());
  stall();
  EXPECT_LE(taken([](int i) { return decide({"g", id(i)}, true); }, 100), 11) << "400 KB each";
}

TEST_F(EngineLimits, commands_that_wait_for_a_read_count_until_they_are_applied) {
  backend.cold = true;
  const auto large = [](int i) { return prepare({"g", id(i)}, std::string(kMiB, 'x')); };
  const int count = taken(large, 400);
  EXPECT_LE(count, 17);
  turn(std::chrono::seconds(1));
  EXPECT_TRUE(engine->full());
  settle();
  EXPECT_FALSE(engine->full());
  EXPECT_EQ(port.replies.size(), static_cast<std::size_t>(count));
}

TEST_F(EngineLimits, small_commands_that_wait_count_too) {
  EngineOptions options;
  options.waiting_bytes = 64 << 10;
  start(options);
  backend.cold = true;
  const auto get = [](int i) { return GetTransaction{{"g", id(i)}}; };
  EXPECT_LT(taken(get, 10'000), 1000);
  settle();
  EXPECT_FALSE(engine->full());
}

TEST_F(EngineLimits, what_is_known_of_transactions_that_do_not_exist_stays_within_the_memory_of_transactions) {
  EngineOptions options;
  options.transaction_memory_bytes = 64 << 10;
  start(options);
  for (int i = 0; i < 10'000; ++i) submit(decide({"g", id(i)}, true));
  turn();
  EXPECT_LE(engine->transaction_memory(), options.transaction_memory_bytes);
  for (int i = 0; i < 10'000; ++i) submit(GetTransaction{{"h", id(i)}});
  turn();
  EXPECT_LE(engine->transaction_memory(), options.transaction_memory_bytes);
}

TEST_F(EngineLimits, what_is_read_back_of_queues_has_a_bound_also_while_no_batch_is_durable) {
  EngineOptions options;
  options.page_memory_bytes = kMiB;
  start(options);
  ASSERT_TRUE(ask(DeclareQueue{{"/", "q", {}}}).ok());
  for (int i = 0; i < 80; ++i) ASSERT_TRUE(ask(publish(500, "", "q", std::string(1000, 'x'))).ok());
  stall();
  Consume consume{"/", "q", 40'000};
  submit(std::move(consume));
  for (turn(); !backend.reads.empty(); turn()) {
    read();
    EXPECT_LE(engine->broker().memory(), 20 * kMiB);
  }
  EXPECT_EQ((*engine->broker().topology().queue("/", "q"))->unacked(), 40'000u);
}

TEST_F(EngineLimits, a_transaction_is_as_large_as_the_options_say) {
  EngineOptions options;
  options.transaction_bytes = 20 * kMiB;
  start(options);
  ASSERT_TRUE(ask(prepare({"g", "1"}, std::string(20 * kMiB - 100, 'x'))).ok());
  const Result<Reply> refused = ask(prepare({"g", "2"}, std::string(20 * kMiB, 'x')));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, "LIMIT_EXCEEDED");
  EXPECT_EQ(refused.error().metadata.at(1).second, std::to_string(20 * kMiB));
}

class FanoutOfFiveHundred : public EngineLimits {
 protected:
  void SetUp() override {
    EngineLimits::SetUp();
    for (int i = 0; i < kQueues; ++i) {
      submit(DeclareQueue{{"/", "q" + std::to_string(i), {}}});
      submit(Bind{"/", "amq.fanout", "q" + std::to_string(i), {"", {}, nullptr}, false});
    }
    settle();
  }
  std::uint64_t ready() { return (*engine->broker().topology().queue("/", "q0"))->ready(); }

  static constexpr int kQueues = 500;
};

TEST_F(FanoutOfFiveHundred, a_publish_that_does_not_fit_a_batch_goes_on_in_the_next_ones) {
  backend.stalled = true;
  const std::uint64_t request = submit(publish(100, "amq.fanout", "", std::string(1000, 'x')));
  EXPECT_TRUE(engine->full());
  turn();
  std::uint64_t seen = ready();
  EXPECT_LT(seen, 20u);
  EXPECT_TRUE(engine->full());
  EXPECT_EQ(answer(request).error().reason, "UNANSWERED");
  int batches = 1;
  for (; backend.waiting != nullptr; ++batches) {
    sync();
    turn();
    EXPECT_LT(ready() - seen, 20u);
    seen = ready();
  }
  EXPECT_GT(batches, 10);
  EXPECT_LT(backend.largest, 6 * kMiB);
  EXPECT_FALSE(engine->full());
  ASSERT_TRUE(answer(request).ok());
  const broker::Outcomes outcomes = std::get<Published>(*answer(request)).outcomes;
  ASSERT_EQ(outcomes.size(), 100u);
  for (std::size_t i = 0; i < outcomes.size(); ++i) EXPECT_EQ(*outcomes.at(i), 500u);
  EXPECT_EQ(ready(), 100u);
}

TEST_F(FanoutOfFiveHundred, empty_messages_count_too) {
  backend.stalled = true;
  submit(publish(1000, "amq.fanout", "", ""));
  turn();
  EXPECT_LT(ready(), 250u);
}

TEST_F(FanoutOfFiveHundred, the_port_that_publishes_hears_about_its_commands_in_their_order) {
  submit(publish(100, "amq.fanout", "", std::string(1000, 'x')));
  settle();
  ASSERT_FALSE(engine->full());
  submit(ClosePort{});
  settle();
  EXPECT_TRUE(port.is_closed);
  EXPECT_TRUE(port.replies.contains(requests - 1));
}

}  // namespace
}  // namespace escrow::engine
