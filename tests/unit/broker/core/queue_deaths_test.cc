// How messages leave a queue that nobody takes.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/unit/broker/core/queue_tester.h"

namespace escrow::broker {
namespace {

using namespace std::chrono_literals;
using Expired = Queue::Expired;

QueueArguments arguments(std::optional<std::int64_t> ttl_ms, bool dead_letters = true) {
  QueueArguments out;
  out.message_ttl_ms = ttl_ms;
  if (dead_letters) out.dead_letter_exchange = "dlx";
  return out;
}

struct DyingQueue : QueueTester {
  explicit DyingQueue(QueueArguments a, std::size_t memory = 100 << 20) : QueueTester(memory, std::move(a)) {}

  void post_expiring(std::string_view body, Duration ttl) {
    const MessageView message = view(body);
    queue.enqueue(record_of(message, now + ttl), message, true, 0, moment());
  }
  /// Who has died since the last step that is looked at, as "a:expired".
  std::string dead() {
    std::string text;
    for (const QueueEffects::Dead& d : std::exchange(effects.dead, {})) {
      text += (text.empty() ? "" : " ") + std::string(d.fragment->record(d.index).message.body) + ":" +
              std::string(name_of(d.reason));
    }
    return text;
  }
  std::string step() {
    dispatch();
    return dead();
  }
  /// What the queue wants to read is given.
  void give_loads() {
    for (const QueueLog::LoadRequest& request : std::exchange(effects.loads, {})) {
      must_ok(queue.log().load(request.page, store.pages[request.page]));
    }
  }
  void evict() {
    pages.enforce(batch, [](QueueLog&) {});
    seal();
  }
};

TEST(QueueDeaths, messages_expire_when_the_queues_time_is_over) {
  DyingQueue q(arguments(1000));
  q.post("a");
  q.now += 400ms;
  q.seal();
  q.post("b");
  EXPECT_EQ(q.step(), "");
  EXPECT_EQ(q.queue.next_expiry(), at(2));
  q.now = at(2) - 1ms;
  EXPECT_EQ(q.step(), "") << "not early";
  q.now = at(2);
  EXPECT_EQ(q.step(), "a:expired");
  EXPECT_EQ(q.queue.next_expiry(), at(2) + 400ms);
  q.now = at(3);
  EXPECT_EQ(q.step(), "b:expired");
  EXPECT_EQ(q.queue.next_expiry(), std::nullopt);
  EXPECT_EQ(q.queue.ready(), 0u);
}

TEST(QueueDeaths, without_a_dead_letter_exchange_they_are_gone) {
  DyingQueue q(arguments(1000, false));
  q.post("a,b");
  q.now = at(2);
  EXPECT_EQ(q.step(), "");
  EXPECT_EQ(q.queue.live(), 0u);
}

TEST(QueueDeaths, no_consumer_gets_what_has_expired) {
  DyingQueue q(arguments(1000));
  q.post("a");
  q.now += 900ms;
  q.seal();
  q.post("b");
  q.consumer("x", 10);
  q.now = at(2);
  EXPECT_EQ(q.dispatch(), "x:b");
  EXPECT_EQ(q.dead(), "a:expired");
}

TEST(QueueDeaths, without_any_time_a_message_goes_to_a_consumer_at_once_or_dies) {
  DyingQueue q(arguments(0));
  q.consumer("x", 1);
  q.post("a,b");
  q.now += 1ms;
  EXPECT_EQ(q.dispatch(), "x:a");
  EXPECT_EQ(q.dead(), "b:expired");
  q.post("c");
  q.step();
  q.grant("x", 1);
  EXPECT_EQ(q.dispatch(), "");
}

TEST(QueueDeaths, what_was_offered_once_is_not_offered_again_without_time) {
  DyingQueue q(arguments(0));
  q.post("a");
  q.consumer("x", 0);
  q.dispatch();
  EXPECT_EQ(q.dead(), "a:expired");
}

TEST(QueueDeaths, a_messages_own_time_counts_wherever_it_stands) {
  DyingQueue q(arguments(std::nullopt));
  q.post("a");
  q.post_expiring("b", 500ms);
  q.post("c");
  EXPECT_EQ(q.queue.expire(0, 2, q.effects), Expired::kDied);
  EXPECT_EQ(q.dead(), "b:expired");
  q.consumer("x", 10);
  EXPECT_EQ(q.dispatch(), "x:a x:c");
}

TEST(QueueDeaths, the_smaller_time_of_queue_and_message_wins) {
  DyingQueue q(arguments(1000));
  q.post_expiring("short", 300ms);
  q.post_expiring("long", 5s);
  q.step();
  EXPECT_EQ(q.queue.next_expiry(), at(1) + 300ms);
  q.now = at(1) + 300ms;
  EXPECT_EQ(q.step(), "short:expired");
  q.now = at(2);
  EXPECT_EQ(q.step(), "long:expired");
}

TEST(QueueDeaths, what_is_due_is_not_delivered_even_before_anybody_says_so) {
  DyingQueue q(arguments(std::nullopt));
  q.post_expiring("a", 500ms);
  q.post("b");
  q.now = at(2);
  q.consumer("x", 10);
  EXPECT_EQ(q.dispatch(), "x:b");
  EXPECT_EQ(q.dead(), "a:expired");
  EXPECT_EQ(q.queue.expire(0, 1, q.effects), Expired::kGone);
  EXPECT_EQ(q.dead(), "");
}

TEST(QueueDeaths, what_a_consumer_holds_does_not_expire_before_it_comes_back) {
  DyingQueue q(arguments(std::nullopt));
  q.post_expiring("a", 500ms);
  q.post_expiring("b", 500ms);
  q.consumer("x", 2);
  q.dispatch();
  q.now = at(2);
  EXPECT_EQ(q.queue.expire(0, 1, q.effects), Expired::kHeld);
  EXPECT_EQ(q.dead(), "");
  q.ack("x", 1, 1);
  EXPECT_EQ(q.dead(), "");
  q.requeue("x", 2, 2);
  EXPECT_EQ(q.dead(), "b:expired");
  EXPECT_EQ(q.queue.live(), 0u);
}

TEST(QueueDeaths, what_comes_back_in_time_keeps_its_deadline) {
  DyingQueue q(arguments(1000));
  q.post("a");
  q.consumer("x", 1);
  q.dispatch();
  q.now += 600ms;
  q.requeue("x", 1, 1);
  q.dispatch();
  EXPECT_EQ(q.queue.next_expiry(), at(2));
  q.now = at(2);
  EXPECT_EQ(q.step(), "a:expired");
}

TEST(QueueDeaths, what_is_rejected_dies) {
  DyingQueue q(arguments(std::nullopt));
  q.post("a,b");
  q.consumer("x", 2);
  q.dispatch();
  q.settle("x", 1, 1, Settlement::kReject);
  EXPECT_EQ(q.dead(), "a:rejected");
  EXPECT_EQ(q.queue.live(), 1u);
}

TEST(QueueDeaths, what_came_back_more_often_than_the_limit_dies) {
  QueueArguments a = arguments(std::nullopt);
  a.delivery_limit = 2;
  DyingQueue q(a);
  q.post("a");
  q.consumer("x", 1, true);
  DeliveryTag tag = 1;
  EXPECT_EQ(q.dispatch(), "x:a");
  q.requeue("x", tag, tag), ++tag;
  EXPECT_EQ(q.dispatch(), "x:a+1!");
  q.requeue("x", tag, tag), ++tag;
  EXPECT_EQ(q.dispatch(), "x:a+2!");
  q.requeue("x", tag, tag);
  EXPECT_EQ(q.dead(), "a:delivery_limit");
  EXPECT_EQ(q.queue.live(), 0u);
}

TEST(QueueDeaths, the_oldest_dies_when_there_are_too_many) {
  QueueArguments a = arguments(std::nullopt);
  a.max_length = 1;
  DyingQueue q(a);
  q.post("a,b,c");
  EXPECT_EQ(q.step(), "a:maxlen b:maxlen");
}

TEST(QueueDeaths, a_step_buries_a_bounded_number_and_goes_on_in_the_next) {
  DyingQueue q(arguments(1000));
  q.post(static_cast<int>(2 * Queue::kMaxDead));
  q.now = at(2);
  q.dispatch();
  EXPECT_EQ(q.effects.dead.size(), Queue::kMaxDead);
  EXPECT_TRUE(q.more);
  q.dispatch();
  EXPECT_EQ(q.effects.dead.size(), Queue::kMaxDead);
  EXPECT_EQ(q.queue.ready(), 0u);
}

TEST(QueueDeaths, what_is_not_in_memory_is_read_before_it_dies) {
  DyingQueue q(arguments(std::nullopt), 1);
  q.post("a,b,c");
  q.consumer("x", 1);
  q.dispatch();
  q.evict();
  q.effects = {};
  q.settle("x", 1, 1, Settlement::kReject);
  EXPECT_EQ(q.dead(), "");
  EXPECT_EQ(q.queue.unacked(), 0u);
  EXPECT_EQ(q.queue.ready(), 2u) << "neither the one nor the other";
  EXPECT_TRUE(q.queue.wants_dispatch());
  q.dispatch();
  q.give_loads();
  EXPECT_EQ(q.step(), "a:rejected");
  q.grant("x", 10);
  EXPECT_EQ(q.dispatch(), "x:b x:c");
}

TEST(QueueDeaths, what_expires_and_is_not_in_memory_stays_ready_until_it_was_read) {
  DyingQueue q(arguments(std::nullopt), 1);
  q.post("a,b");
  q.evict();
  q.effects = {};
  EXPECT_EQ(q.queue.expire(0, 2, q.effects), Expired::kLater);
  EXPECT_EQ(q.queue.ready(), 2u);
  q.give_loads();
  EXPECT_EQ(q.queue.expire(0, 2, q.effects), Expired::kDied);
  EXPECT_EQ(q.dead(), "b:expired");
}

TEST(QueueDeaths, what_was_not_offered_yet_does_not_expire_while_somebody_may_get_it) {
  DyingQueue q(arguments(std::nullopt));
  q.post_expiring("a", 0ms);
  q.queue.listed_dispatch = true;
  EXPECT_EQ(q.queue.expire(0, 1, q.effects), Expired::kLater);
  q.consumer("x", 1);
  EXPECT_EQ(q.dispatch(), "x:a");
}

TEST(QueueDeaths, the_bytes_of_what_waits_to_die_are_none_of_the_ready_ones) {
  QueueArguments a = arguments(std::nullopt);
  a.max_length_bytes = 10;
  DyingQueue q(a, 1);
  q.post("0123456789");
  q.consumer("x", 1);
  q.dispatch();
  q.evict();
  q.settle("x", 1, 1, Settlement::kReject);
  q.post("0123456789");
  q.step();
  EXPECT_EQ(q.queue.ready(), 1u);
}

TEST(QueueDeaths, what_comes_back_before_a_younger_head_expires_at_its_own_time) {
  DyingQueue q(arguments(1000));
  q.post("a");
  q.consumer("x", 1);
  q.dispatch();
  q.now += 900ms;
  q.seal();
  q.post("b");
  q.step();
  q.queue.expiry_at = q.queue.next_expiry();
  q.requeue("x", 1, 1);
  ASSERT_TRUE(q.queue.wants_dispatch());
  q.step();
  EXPECT_EQ(q.queue.next_expiry(), at(2));
}

TEST(QueueDeaths, without_dead_letters_nothing_is_read_for_them) {
  DyingQueue q(arguments(std::nullopt, false), 1);
  q.post("a,b");
  q.evict();
  q.effects = {};
  EXPECT_EQ(q.queue.expire(0, 1, q.effects), Expired::kDied);
  EXPECT_TRUE(q.effects.loads.empty());
  EXPECT_EQ(q.queue.live(), 1u);
}

TEST(QueueDeaths, lanes_expire_each_by_their_own_head) {
  QueueArguments a = arguments(1000);
  a.max_priority = 5;
  DyingQueue q(a);
  q.post_with("low", 0);
  q.now += 500ms;
  q.post_with("high", 5);
  q.step();
  EXPECT_EQ(q.queue.next_expiry(), at(2));
  q.now = at(2);
  EXPECT_EQ(q.step(), "low:expired");
  q.now += 500ms;
  EXPECT_EQ(q.step(), "high:expired");
}

}  // namespace
}  // namespace escrow::broker
