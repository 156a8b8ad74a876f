// What a consumer is given and holds at most, and what a queue does at most at once.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/broker/core/queue_tester.h"

namespace escrow::broker {
namespace {

using QueueOf = QueueTester;

TEST(QueueLimits, delivers_until_the_bytes_are_used_up) {
  QueueOf q;
  const auto size = static_cast<std::int64_t>(record_of("a").size());
  q.post("a,b,c,d,e");
  q.consumer("x", 10, false, 2 * size);
  EXPECT_EQ(q.dispatch(), "x:a x:b");
  q.grant("x", 10, 0);
  EXPECT_EQ(q.dispatch(), "") << "more messages are no more bytes";
  q.grant("x", 0, 1);
  EXPECT_EQ(q.dispatch(), "x:c") << "the last one may be larger than what is left";
  q.grant("x", 0, size - 1);
  EXPECT_EQ(q.dispatch(), "") << "but it is counted";
  q.grant("x", 0, kUnlimitedBytes);
  EXPECT_EQ(q.dispatch(), "x:d x:e");
}

TEST(QueueLimits, bytes_that_never_run_out_stay_so_when_more_come) {
  QueueOf q;
  q.consumer("x", 10);
  q.grant("x", 10, kUnlimitedBytes);
  q.post("a");
  EXPECT_EQ(q.dispatch(), "x:a");
}

TEST(QueueLimits, large_bodies_count_as_bytes) {
  QueueOf q;
  constexpr std::int64_t kMiB = 1 << 20;
  for (std::uint64_t id = 1; id <= 60; ++id) {
    q.post_apart({id, 8 << 20});
    q.bodies.put(id, std::make_shared<const std::string>(8 << 20, 'x'), q.batch);
  }
  q.consumer("x", 1000, false, kMiB);
  q.dispatch();
  EXPECT_EQ(q.effects.deliveries.size(), 1u) << "one gets through, however large it is";
  q.grant("x", 0, 8 * kMiB);
  q.dispatch();
  EXPECT_EQ(q.effects.deliveries.size(), 1u);
}

TEST(QueueLimits, passes_over_consumers_without_bytes) {
  QueueOf q;
  q.consumer("x", 10, false, 1);
  q.consumer("y", 10);
  q.post("a,b,c");
  EXPECT_EQ(q.dispatch(), "x:a y:b y:c");
}

TEST(QueueLimits, gives_a_consumer_no_more_than_it_may_hold) {
  QueueOf q;
  const auto limit = static_cast<int>(kMaxOutstanding);
  q.post(limit + 10);
  q.consumer("x", kMaxOutstanding + 10);
  while (q.dispatch(), q.more) {
  }
  EXPECT_EQ(q.queue.unacked(), kMaxOutstanding);
  EXPECT_EQ(q.dispatch(), "");
  EXPECT_EQ(q.ack("x", 2, 2), 1u);
  EXPECT_EQ(q.dispatch(), "x:" + std::to_string(limit)) << "though one before it is not settled";
  EXPECT_EQ(q.ack("x", 1, 1), 1u);
  EXPECT_EQ(q.dispatch(), "x:" + std::to_string(limit + 1));
}

TEST(QueueLimits, delivers_no_more_than_a_step_at_once) {
  QueueOf q;
  q.post(2500);
  q.consumer("x", 1300);
  q.consumer("y", 1200);
  std::vector<std::size_t> steps;
  do {
    q.dispatch();
    std::size_t messages = 0;
    for (const Delivery& d : q.effects.deliveries) messages += d.count;
    steps.push_back(messages);
  } while (q.more);
  EXPECT_EQ(steps, (std::vector<std::size_t>{1000, 1000, 500}));
}

TEST(QueueLimits, purges_what_came_back_in_bounded_steps) {
  QueueOf q;
  q.post(2500);
  q.consumer("x", 2500);
  while (q.dispatch(), q.more) {
  }
  q.requeue("x", 1, 1000);
  q.requeue("x", 1001, 2000);
  q.requeue("x", 2001, 2400);
  const Seq until = q.queue.log().next_seq();
  std::vector<std::uint64_t> steps;
  for (Seq from = 1; from < until;) {
    const auto purged = q.queue.purge(0, from, until, 100);
    from = purged.position;
    steps.push_back(purged.messages);
  }
  EXPECT_EQ(steps, (std::vector<std::uint64_t>{1000, 1000, 400}));
  EXPECT_EQ(q.queue.unacked(), 100u) << "a consumer holds them";
  EXPECT_EQ(q.queue.ready(), 0u);
}

}  // namespace
}  // namespace escrow::broker
