// Queues with many large bodies, which are deleted and purged step by step.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

const std::string kLarge(kMaxInlineBody + 1, 'L');
constexpr std::size_t kMany = 3 * Broker::kErasePerStep;

void post_large(BrokerTester& b, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) b.post("q", kLarge);
}
void remove(BrokerTester& b) { must(b.broker->delete_queue({"/", "q", false, false}, b.moment())); }

/// The keys of the topology that say what is still to be erased.
std::size_t leftovers(const BrokerTester& b) {
  std::size_t count = 0;
  for (const auto& [key, value] : b.store.topology_entries) count += decode_leftover(key, value) ? 1 : 0;
  return count;
}

TEST(BrokerDelete, erases_a_short_queue_at_once) {
  BrokerTester b;
  b.declare("q");
  post_large(b, 10);
  b.seal();
  remove(b);
  b.seal();
  EXPECT_TRUE(b.store.logs.empty());
  EXPECT_TRUE(b.store.bodies.empty());
  EXPECT_TRUE(b.store.topology_entries.empty());
}

TEST(BrokerDelete, erases_a_long_queue_step_by_step) {
  BrokerTester b;
  b.declare("q");
  post_large(b, kMany);
  b.seal();
  EXPECT_EQ(must(b.broker->delete_queue({"/", "q", false, false}, b.moment())), kMany);
  b.seal();
  EXPECT_EQ(leftovers(b), 1u);
  EXPECT_GT(b.store.bodies.size(), kMany / 4) << "one step is done at once";
  EXPECT_TRUE(b.broker->work(b.moment()));
  b.work();
  b.seal();
  EXPECT_TRUE(b.store.logs.empty());
  EXPECT_TRUE(b.store.bodies.empty());
  EXPECT_EQ(leftovers(b), 0u);
}

TEST(BrokerDelete, goes_on_after_a_crash) {
  BrokerTester b;
  b.declare("q");
  post_large(b, kMany);
  b.seal();
  remove(b);
  b.seal();
  b.crash();
  ASSERT_FALSE(b.store.bodies.empty());
  EXPECT_FALSE(b.broker->topology().queue("/", "q").ok()) << "it stays deleted";
  b.work();
  b.seal();
  EXPECT_TRUE(b.store.logs.empty());
  EXPECT_TRUE(b.store.bodies.empty());
  EXPECT_TRUE(b.store.topology_entries.empty());
}

TEST(BrokerDelete, leaves_nothing_of_what_came_in_the_same_batch) {
  BrokerTester b;
  b.declare("q");
  post_large(b, kMany);
  remove(b);
  b.seal();
  b.crash();
  b.work();
  b.seal();
  EXPECT_TRUE(b.store.logs.empty());
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerDelete, does_not_touch_a_new_queue_of_the_same_name) {
  BrokerTester b;
  b.declare("q");
  post_large(b, kMany);
  b.seal();
  remove(b);
  b.declare("q");
  b.post("q", "new");
  b.post("q", kLarge);
  b.work();
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), 1u);
  b.crash();
  b.consume("x", "q", 10);
  EXPECT_EQ(b.work(), "x:new x:" + kLarge);
}

TEST(BrokerDelete, keeps_the_bodies_that_another_queue_has) {
  BrokerTester b;
  b.declare("q");
  b.declare("r");
  for (const char* name : {"q", "r"}) b.bind("amq.fanout", name, "");
  for (std::size_t i = 0; i < kMany; ++i) must(b.publish("amq.fanout", "", kLarge));
  b.seal();
  remove(b);
  b.seal();
  b.crash();
  b.work();
  b.seal();
  EXPECT_EQ(b.store.bodies.size(), kMany);
  must(b.broker->delete_queue({"/", "r", false, false}, b.moment()));
  b.work();
  b.seal();
  EXPECT_TRUE(b.store.bodies.empty());
}

TEST(BrokerDelete, erases_no_more_in_a_batch_than_it_may) {
  for (const bool purge : {false, true}) {
    BrokerTester b(1 << 20);
    b.declare("q");
    constexpr std::size_t kCount = Broker::kErasePerBatch + 5000;
    for (std::size_t i = 0; i < kCount; ++i) {
      b.post("q", kLarge);
      if (i % 1000 == 0) b.seal();
    }
    b.seal();
    if (purge) {
      must_ok(b.broker->purge({"/", "q"}, 7, b.moment()));
    } else {
      remove(b);
    }
    b.work();
    EXPECT_TRUE(b.broker->has_changes()) << "so that a batch comes, and the work goes on";
    b.seal();
    EXPECT_LT(b.store.bodies.size(), kCount - Broker::kErasePerBatch / 2);
    EXPECT_GT(b.store.bodies.size(), 2000u);
    b.work();
    b.seal();
    EXPECT_TRUE(b.store.bodies.empty());
    EXPECT_EQ(purge ? b.purged.at(7) : kCount, kCount);
  }
}

}  // namespace
}  // namespace escrow::broker
