// Messages that expire by themselves: their timers outlive the server.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "broker/core/names.h"
#include "model/properties.h"
#include "tests/unit/engine/engine_tester.h"

namespace escrow::engine {
namespace {

using namespace std::chrono_literals;

class Expirations : public EngineTester {
 protected:
  void SetUp() override { begin(); }
  void begin(EngineOptions options = {}) {
    start(options);
    FieldTable dying;
    dying.set("x-dead-letter-exchange", {std::string()});
    dying.set("x-dead-letter-routing-key", {std::string("dead")});
    ASSERT_TRUE(ask(DeclareQueue{{"/", "q", dying}}).ok());
    ASSERT_TRUE(ask(DeclareQueue{{"/", "dead", {}}}).ok());
  }
  /// `ttl_ms`: of each.
  void publish_expiring(std::size_t count, int ttl_ms, const std::string& queue = "q") {
    struct Owned {
      std::string properties;
      std::string queue;
    };
    auto owner = std::make_shared<Owned>();
    Properties properties;
    properties.delivery_mode = 2;
    properties.expiration.emplace(std::to_string(ttl_ms));
    owner->properties = *encode_properties(properties);
    owner->queue = queue;
    MessageView view;
    view.vhost = "/";
    view.routing_key = owner->queue;
    view.properties = owner->properties;
    view.body = "x";
    ASSERT_TRUE(ask(Publish{std::vector<MessageView>(count, view), owner}).ok());
  }
  std::uint64_t ready(const std::string& queue) { return (*engine->broker().topology().queue("/", queue))->ready(); }
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

TEST_F(Expirations, come_at_their_time_and_not_before) {
  publish_expiring(3, 60'000);
  wait(59s);
  EXPECT_EQ(ready("q"), 3u);
  wait(1s);
  EXPECT_EQ(ready("q"), 0u);
  EXPECT_EQ(ready("dead"), 3u);
}

TEST_F(Expirations, wake_the_engine) {
  publish_expiring(1, 500);
  turn();
  ASSERT_TRUE(engine->next_turn().has_value());
  EXPECT_LE(*engine->next_turn() - monotonic, 500ms);
}

TEST_F(Expirations, come_after_a_restart) {
  publish_expiring(3, 60'000);
  start();
  wait(59s);
  EXPECT_EQ(ready("q"), 3u);
  wait(1s);
  EXPECT_EQ(ready("dead"), 3u);
}

TEST_F(Expirations, that_were_due_while_the_server_was_down_come_after_it) {
  publish_expiring(3, 60'000);
  now += 1h;
  start();
  wait(1s);
  EXPECT_EQ(ready("q"), 0u);
  EXPECT_EQ(ready("dead"), 3u);
}

TEST_F(Expirations, of_a_consumers_message_come_after_a_crash_in_which_it_was_held) {
  publish_expiring(1, 1000);
  ASSERT_TRUE(ask(Consume{"/", "q", 10}).ok());
  ASSERT_EQ(port.delivered, 1u);
  wait(5s);
  EXPECT_EQ(ready("dead"), 0u);
  start();
  wait(1s);
  EXPECT_EQ(ready("q"), 0u);
  EXPECT_EQ(ready("dead"), 1u);
}

TEST_F(Expirations, leave_nothing_in_the_store_when_they_are_over) {
  publish_expiring(3, 1000);
  EXPECT_EQ(stored_timers(), 3u);
  wait(5s);
  publish_expiring(1, 0);
  wait(5s);
  publish_expiring(1, 60'000);
  EXPECT_EQ(stored_timers(), 1u);
}

TEST_F(Expirations, of_what_was_held_when_it_was_due_are_kept_until_it_is_settled) {
  publish_expiring(1, 1000);
  const auto consuming = ask(Consume{"/", "q", 10});
  const broker::ConsumerId consumer = std::get<Consuming>(*consuming).consumer;
  wait(5s);
  publish_expiring(1, 60'000, "dead");
  EXPECT_EQ(stored_timers(), 2u);
  submit(Settle{consumer, 1, 1, broker::Settlement::kAck});
  wait(2s);
  publish_expiring(1, 60'000, "dead");
  EXPECT_EQ(stored_timers(), 2u) << "the two that are to come";
}

TEST_F(Expirations, in_great_numbers_are_spread_over_batches_of_bounded_size) {
  EngineOptions options;
  options.batch_bytes = 64 << 10;
  begin(options);
  publish_expiring(20'000, 1000);
  backend.largest = 0;
  wait(2s);
  EXPECT_EQ(ready("dead"), 20'000u);
  EXPECT_LT(backend.largest, 512u << 10);
}

TEST_F(Expirations, of_queues_that_are_not_stored_are_not_stored) {
  ASSERT_TRUE(ask(DeclareQueue{{"/", "transient", {}, false}}).ok());
  publish_expiring(3, 1000, "transient");
  EXPECT_EQ(stored_timers(), 0u);
  wait(1s);
  EXPECT_EQ(ready("transient"), 0u);
}

}  // namespace
}  // namespace escrow::engine
