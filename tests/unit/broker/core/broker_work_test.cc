// Work of the broker that takes several steps, and large bodies.
#include <gtest/gtest.h>

#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

std::uint64_t messages(const BrokerEffects& effects) {
  std::uint64_t count = 0;
  for (const Delivery& d : effects.deliveries) count += d.count;
  return count;
}

TEST(BrokerWork, delivers_a_bounded_number_of_messages_at_a_time) {
  BrokerTester b;
  for (int i = 0; i < 50; ++i) {
    const std::string name = "q" + std::to_string(i);
    b.declare(name);
    b.post(name, 900);
    b.consume("x" + std::to_string(i), name, 900);
  }
  std::uint64_t total = 0;
  bool more = true;
  while (more) {
    more = b.broker->work(b.moment());
    const std::uint64_t step = messages(b.broker->effects());
    EXPECT_LT(step, 2 * Queue::kMaxStep);
    total += step;
    b.broker->effects().clear();
  }
  EXPECT_EQ(total, 50u * 900u);
}

TEST(BrokerWork, takes_back_no_more_than_a_step_at_once) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 2500);
  b.consume("x", "q", 2500);
  b.work();
  b.cancel("x");
  EXPECT_TRUE(b.broker->work(b.moment()));
  EXPECT_EQ(b.ready("q"), Queue::kMaxStep);
  b.broker->work(b.moment());
  EXPECT_FALSE(b.broker->work(b.moment()));
  EXPECT_EQ(b.ready("q"), 2500u);
  EXPECT_EQ(b.unacked("q"), 0u);
}

TEST(BrokerWork, looks_at_no_more_tags_than_a_step_at_once) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 5000);
  b.consume("x", "q", 5000);
  b.work();
  for (DeliveryTag tag = 3; tag <= 5000; tag += 2) must_ok(b.settle("x", tag, tag));
  must_ok(b.settle("x", 2, 5000));
  EXPECT_EQ(b.unacked("q"), 2001u) << "every other one was settled before";
  b.work();
  EXPECT_EQ(b.unacked("q"), 1u);
}

TEST(BrokerWork, passes_over_what_was_settled_before_at_once) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 5000);
  b.consume("x", "q", 5000);
  b.work();
  must_ok(b.settle("x", 2, 5000));
  b.work();
  must_ok(b.settle("x", 2, 5000));
  EXPECT_FALSE(b.broker->work(b.moment())) << "in one step";
  EXPECT_EQ(b.unacked("q"), 1u);
}

TEST(BrokerWork, gives_every_queue_its_turn) {
  BrokerTester b;
  for (const char* name : {"long", "short"}) b.declare(name);
  b.post("long", 10'000);
  b.post("short", 10);
  b.consume("x", "long", 10'000);
  b.consume("y", "short", 10);
  b.broker->work(b.moment());
  b.broker->work(b.moment());
  EXPECT_EQ(b.unacked("short"), 10u) << "the long queue does not hold it up";
}

TEST(BrokerWork, settles_a_large_range_step_by_step) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 3500);
  b.consume("x", "q", 3500);
  b.work();
  ASSERT_TRUE(b.settle("x", 1, 3500).ok());
  EXPECT_EQ(b.unacked("q"), 2500u) << "the first step is done at once";
  EXPECT_TRUE(b.broker->work(b.moment()));
  EXPECT_EQ(b.unacked("q"), 1500u);
  b.work();
  EXPECT_EQ(b.unacked("q"), 0u);
  EXPECT_EQ(b.ready("q"), 0u);
}

TEST(BrokerWork, settles_what_was_accepted_though_the_consumer_is_cancelled) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 3500);
  b.consume("x", "q", 3500);
  b.work();
  ASSERT_TRUE(b.settle("x", 1, 3400).ok());
  b.cancel("x");
  b.work();
  EXPECT_EQ(b.unacked("q"), 0u);
  EXPECT_EQ(b.ready("q"), 100u) << "an accepted acknowledgement is not taken back";
}

TEST(BrokerWork, settles_in_the_order_of_the_calls) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 3000);
  b.consume("x", "q", 3000);
  b.work();
  ASSERT_TRUE(b.settle("x", 1, 2500, Settlement::kAck).ok());
  ASSERT_TRUE(b.settle("x", 1, 3000, Settlement::kRequeue).ok());
  b.work();
  EXPECT_EQ(b.ready("q"), 500u);
}

TEST(BrokerWork, purges_what_is_ready_and_keeps_what_is_unacked) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 10);
  b.consume("x", "q", 4);
  b.work();
  ASSERT_TRUE(b.broker->purge({"/", "q"}, 5, b.moment()).ok());
  b.post("q", "later");
  b.work();
  EXPECT_EQ(b.purged.at(5), 6u);
  EXPECT_EQ(b.unacked("q"), 4u);
  EXPECT_EQ(b.ready("q"), 1u) << "what came after the purge stays";
  b.settle("x", 1, 4).ok();
  EXPECT_EQ(b.unacked("q"), 0u);
  EXPECT_FALSE(b.broker->purge({"/", "no-such-queue"}, 6, b.moment()).ok());
}

TEST(BrokerWork, purges_an_empty_queue_at_once) {
  BrokerTester b;
  b.declare("q");
  ASSERT_TRUE(b.broker->purge({"/", "q"}, 5, b.moment()).ok());
  b.work();
  EXPECT_EQ(b.purged.at(5), 0u);
}

TEST(BrokerWork, purges_what_a_lost_consumer_had) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 3000);
  b.consume("x", "q", 3000);
  b.work();
  b.cancel("x");
  ASSERT_TRUE(b.broker->purge({"/", "q"}, 5, b.moment()).ok());
  b.work();
  EXPECT_EQ(b.purged.at(5), 3000u) << "it waits for them to come back";
  EXPECT_EQ(b.ready("q"), 0u);
}

TEST(BrokerWork, purges_a_long_queue_in_bounded_steps) {
  BrokerTester b(1 << 20);
  b.declare("q");
  constexpr std::uint64_t kPages = 2 * Broker::kPurgePerStep + 5;
  for (std::uint64_t i = 0; i < kPages * 64; ++i) b.post("q", std::string(1100, 'x'));
  b.seal();
  const std::size_t pages = b.store.logs.at(1).pages.size();
  ASSERT_GT(pages, 2 * Broker::kPurgePerStep);
  std::size_t left = pages;
  const auto take_step = [&] {
    b.seal();
    const std::size_t before = std::exchange(left, b.store.logs.at(1).pages.size());
    EXPECT_EQ(before - left, Broker::kPurgePerStep);
  };
  ASSERT_TRUE(b.broker->purge({"/", "q"}, 5, b.moment()).ok());
  take_step();
  std::size_t steps = 2;
  while (b.broker->work(b.moment())) {
    take_step();
    ++steps;
  }
  EXPECT_EQ(steps, 3u);
  EXPECT_EQ(b.broker->effects().purges.at(0).messages, kPages * 64);
  b.seal();
  EXPECT_TRUE(b.store.logs.at(1).pages.empty());
}

TEST(BrokerWork, has_no_changes_once_they_were_taken) {
  BrokerTester b;
  EXPECT_FALSE(b.broker->has_changes());
  b.declare("q");
  EXPECT_TRUE(b.broker->has_changes());
  b.seal();
  EXPECT_FALSE(b.broker->has_changes());
  b.post("q", "m");
  EXPECT_TRUE(b.broker->has_changes());
  b.seal();
  b.consume("x", "q", 1);
  b.work();
  EXPECT_TRUE(b.broker->has_changes()) << "the delivered mark";
  b.seal();
  EXPECT_FALSE(b.broker->has_changes());
}

TEST(BrokerWork, stores_the_extents_of_pages_that_leave_memory_though_nothing_happens_in_their_queue) {
  BrokerTester b(2 << 20);
  for (const char* name : {"idle", "busy"}) b.declare(name);
  for (int i = 0; i < 1000; ++i) b.post("idle", std::string(1000, 'x'));
  b.seal();
  for (int i = 0; i < 4000; ++i) b.post("busy", std::string(1000, 'x'));
  b.seal();
  const LogStore& idle = b.store.logs.at(1);
  EXPECT_GE(idle.index.size() + 1, idle.pages.size()) << "all but the open one at the tail";
}

TEST(BrokerWork, stores_the_extents_that_were_missing_after_a_restart) {
  BrokerTester b;
  b.declare("idle");
  for (int i = 0; i < 1000; ++i) b.post("idle", std::string(1000, 'x'));
  b.seal();
  ASSERT_TRUE(b.store.logs.at(1).index.empty()) << "nothing has left memory";
  b.crash();
  EXPECT_TRUE(b.broker->has_changes());
  b.seal();
  EXPECT_EQ(b.store.logs.at(1).index.size(), b.store.logs.at(1).pages.size());
  b.crash();
  EXPECT_FALSE(b.broker->has_changes()) << "the second restart reads no page";
}

TEST(BrokerWork, delivers_nothing_before_the_mark_that_covers_it_is_durable) {
  BrokerTester b;
  b.declare("q");
  b.post("q", QueueLog::kMarkBlock + 100);
  b.seal();
  b.consume("x", "q", QueueLog::kMarkBlock);
  b.work();
  const BatchNumber marking = b.batch;
  b.seal();  // on its way from here on
  b.consume("y", "q", 1);
  EXPECT_EQ(b.work(), "y:1024") << "the mark moves on";
  b.deliveries.clear();
  b.cancel("x");
  must_ok(b.broker->grant(b.ids.at("y"), 1));
  EXPECT_EQ(b.work(), "y:0");
  ASSERT_EQ(b.deliveries.size(), 1u);
  EXPECT_EQ(b.deliveries[0].after, marking) << "else a crash now would bring it back without its flag";
}

TEST(BrokerWork, recovers_to_the_same_digest) {
  BrokerTester b;
  b.declare("q");
  b.declare("r");
  b.bind("amq.topic", "q", "#");
  b.bind("amq.topic", "r", "k");
  for (int i = 0; i < 100; ++i) b.publish("amq.topic", "k", std::to_string(i)).ok();
  b.consume("x", "q", 50);
  b.work();
  b.settle("x", 3, 20).ok();
  b.settle("x", 30, 31, Settlement::kRequeue).ok();
  b.seal();
  EXPECT_EQ(b.recover()->digest(), b.broker->digest());
}

const std::string kLarge(kMaxInlineBody + 1, 'L');

TEST(BrokerBodies, up_to_the_limit_are_stored_with_their_message) {
  BrokerTester b;
  b.declare("q");
  b.post("q", std::string(kMaxInlineBody, 'x'));
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerBodies, beyond_the_limit_are_stored_once_for_all_queues) {
  BrokerTester b;
  b.declare("q");
  b.declare("r");
  b.bind("amq.fanout", "q", "");
  b.bind("amq.fanout", "r", "");
  ASSERT_EQ(*b.publish("amq.fanout", "", kLarge), 2u);
  b.seal();
  ASSERT_EQ(b.store.bodies.size(), 1u);
  EXPECT_EQ(b.store.bodies.at(1), kLarge);
  EXPECT_LT(b.store.logs.at(1).pages.at(1).size(), 100u);
  b.consume("x", "q", 1);
  b.consume("y", "r", 1);
  EXPECT_EQ(b.work(), "x:" + kLarge + " y:" + kLarge);
  b.settle("x", 1, 1).ok();
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u) << "the other queue has it";
  b.settle("y", 1, 1).ok();
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerBodies, are_not_stored_for_messages_that_no_queue_takes) {
  BrokerTester b;
  EXPECT_EQ(*b.publish("amq.fanout", "", kLarge), 0u);
  EXPECT_FALSE(b.broker->has_changes());
  EXPECT_EQ(b.broker->next_body(), 1u);
}

TEST(BrokerBodies, are_read_back_when_they_have_left_memory) {
  BrokerTester b(0);
  b.declare("q");
  b.post("q", kLarge);
  b.seal();
  b.seal();
  EXPECT_EQ(b.broker->memory(), 0u);
  b.consume("x", "q", 1);
  EXPECT_EQ(b.work(), "x:" + kLarge);
}

TEST(BrokerBodies, are_counted_again_after_a_restart) {
  BrokerTester b;
  b.declare("q");
  b.declare("r");
  b.bind("amq.fanout", "q", "");
  b.bind("amq.fanout", "r", "");
  b.publish("amq.fanout", "", kLarge).ok();
  b.seal();
  b.crash();
  b.broker->delete_queue({"/", "q", false, false}, b.moment()).ok();
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u);
  b.broker->delete_queue({"/", "r", false, false}, b.moment()).ok();
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerBodies, go_with_a_queue_that_is_deleted_when_just_settled) {
  BrokerTester b;
  b.declare("q");
  b.post("q", kLarge);
  b.post("q", kLarge);
  b.consume("x", "q", 2);
  b.work();
  b.seal();
  b.settle("x", 1, 1).ok();
  b.broker->delete_queue({"/", "q", false, false}, b.moment()).ok();
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerBodies, that_are_read_for_a_queue_that_is_gone_are_nobodys) {
  BrokerTester b(0);
  b.declare("q");
  b.post("q", kLarge);
  b.seal();
  b.seal();
  b.consume("x", "q", 1);
  std::vector<BodyRef> wanted;
  while (wanted.empty()) {
    b.broker->work(b.moment());
    for (const auto& request : b.broker->effects().loads) {
      must_ok(b.broker->load(request, b.store.logs.at(request.log).pages.at(request.page)));
    }
    wanted = b.broker->effects().body_loads;
    b.broker->effects().clear();
  }
  b.broker->delete_queue({"/", "q", false, false}, b.moment()).ok();
  b.declare("q");
  b.broker->load(wanted[0], kLarge);
  EXPECT_EQ(b.work(), "");
}

TEST(BrokerBodies, go_with_a_queue_that_is_purged) {
  BrokerTester b;
  b.declare("q");
  b.post("q", kLarge);
  b.post("q", kLarge);
  b.seal();
  ASSERT_EQ(b.store.bodies.size(), 2u);
  b.broker->purge({"/", "q"}, 1, b.moment()).ok();
  b.work();
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerBodies, of_transactions_are_taken_over_by_the_queues) {
  BrokerTester b;
  b.declare("q");
  Message message;
  message.exchange = "";
  message.routing_key = "q";
  message.body = kLarge;
  b.broker->separate_body(message, b.moment());
  EXPECT_TRUE(message.body.empty());
  EXPECT_EQ(message.apart, (BodyRef{1, static_cast<std::uint32_t>(kLarge.size())}));
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u);
  b.commit(message.view());
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u) << "no second copy";
  b.consume("x", "q", 1);
  EXPECT_EQ(b.work(), "x:" + kLarge);
  b.settle("x", 1, 1).ok();
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerBodies, of_transactions_that_are_rolled_back_go) {
  BrokerTester b;
  Message message;
  message.body = kLarge;
  b.broker->separate_body(message, b.moment());
  b.seal();
  b.broker->drop_body(message.apart);
  EXPECT_TRUE(b.broker->has_changes());
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerBodies, that_are_small_stay_with_their_transaction) {
  BrokerTester b;
  Message message;
  message.body = std::string(kMaxInlineBody, 'x');
  b.broker->separate_body(message, b.moment());
  EXPECT_FALSE(message.apart);
  EXPECT_EQ(message.body.size(), kMaxInlineBody);
}

}  // namespace
}  // namespace escrow::broker
