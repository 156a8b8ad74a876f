// Who gets what of a queue: priorities, exclusive and single active consumers, fetches, limits on length.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/broker/core/queue_tester.h"

namespace escrow::broker {
namespace {

using QueueOf = QueueTester;

QueueArguments with_priorities(std::uint8_t max) {
  QueueArguments arguments;
  arguments.max_priority = max;
  return arguments;
}

QueueArguments with_length(std::uint64_t max, Overflow overflow = Overflow::kDropHead) {
  QueueArguments arguments;
  arguments.max_length = max;
  arguments.overflow = overflow;
  return arguments;
}

TEST(QueueClients, deliver_by_priority_then_in_order) {
  QueueOf q(1 << 20, with_priorities(5));
  q.post_with("low", 1);
  q.post_with("high", 5);
  q.post_with("none", 0);
  q.post_with("beyond", 200);
  q.consumer("x", 10);
  EXPECT_EQ(q.dispatch(), "x:high x:beyond x:low x:none") << "what is beyond the maximum counts as the maximum";
}

TEST(QueueClients, what_comes_back_keeps_its_priority) {
  QueueOf q(1 << 20, with_priorities(5));
  q.post_with("a", 5);
  q.post_with("b", 1);
  q.consumer("x", 1);
  EXPECT_EQ(q.dispatch(), "x:a");
  q.requeue("x", 1, 1);
  q.grant("x", 2);
  EXPECT_EQ(q.dispatch(), "x:a+1! x:b");
}

TEST(QueueClients, a_consumer_of_higher_priority_is_served_while_it_has_credit) {
  QueueOf q;
  q.consumer("low", 10);
  q.consumer("high", 0);
  q.clients.at("high").consumer.priority = 7;
  q.grant("high", 2);
  q.post("a,b,c");
  EXPECT_EQ(q.dispatch(), "high:a high:b low:c");
}

TEST(QueueClients, a_single_active_consumer_is_followed_by_the_next_when_it_goes) {
  QueueArguments arguments;
  arguments.single_active_consumer = true;
  QueueOf q(1 << 20, arguments);
  q.consumer("x", 10);
  q.consumer("y", 10);
  q.post("a,b");
  EXPECT_EQ(q.dispatch(), "x:a x:b");
  q.lose("x");
  EXPECT_EQ(q.dispatch(), "y:a+1! y:b+1!");
}

TEST(QueueClients, what_is_settled_at_once_is_gone_and_needs_no_credit) {
  QueueOf q;
  q.consumer("x", 0);
  q.clients.at("x").consumer.no_ack = true;
  q.grant("x", 0);
  q.post("a,b");
  EXPECT_EQ(q.dispatch(), "x:a x:b");
  EXPECT_EQ(q.queue.live(), 0u);
  EXPECT_EQ(q.queue.unacked(), 0u);
}

TEST(QueueClients, share_what_their_channel_may_hold) {
  QueueOf q;
  q.consumer("x", 10);
  q.clients.at("x").channel.prefetch = 2;
  q.post("a,b,c,d");
  EXPECT_EQ(q.dispatch(), "x:a x:b");
  q.clients.at("x").channel.unacked -= q.ack("x", 1, 1);
  q.resume(q.clients.at("x").channel.stalled);
  EXPECT_EQ(q.dispatch(), "x:c");
}

TEST(QueueClients, a_fetch_gets_the_next_message_or_hears_that_there_is_none) {
  QueueOf q;
  Connection connection;
  Channel channel;
  channel.connection = &connection;
  q.post("a,b");
  q.queue.fetch(&channel, false, 7);
  q.queue.fetch(&channel, true, 8);
  q.queue.fetch(&channel, false, 9);
  q.dispatch();
  ASSERT_EQ(q.effects.fetched.size(), 3u);
  EXPECT_EQ(q.effects.fetched[0].request, 7u);
  EXPECT_EQ(q.effects.fetched[0].delivery.message(0).body, "a");
  EXPECT_EQ(q.effects.fetched[0].left, 1u);
  EXPECT_EQ(q.effects.fetched[1].delivery.message(0).body, "b");
  EXPECT_EQ(q.effects.fetched[2].delivery.count, 0u);
  EXPECT_EQ(q.queue.unacked(), 1u) << "the other was settled at once";
  EXPECT_EQ(channel.fetches, 0u);
}

TEST(QueueClients, a_fetch_of_a_channel_that_is_closed_is_forgotten) {
  QueueOf q(1);
  Connection connection;
  Channel channel;
  channel.connection = &connection;
  q.queue.fetch(&channel, false, 7);
  q.queue.forget_fetches(&channel);
  q.post("a");
  q.dispatch();
  EXPECT_TRUE(q.effects.fetched.empty());
}

TEST(QueueClients, beyond_its_length_the_oldest_goes) {
  QueueOf q(1 << 20, with_length(2));
  q.post("a,b");
  q.dispatch();
  EXPECT_EQ(q.queue.live(), 2u) << "at the limit";
  q.post("c,d");
  q.dispatch();
  q.consumer("x", 10);
  EXPECT_EQ(q.dispatch(), "x:c x:d");
}

TEST(QueueClients, messages_that_were_given_out_do_not_count) {
  QueueOf q(1 << 20, with_length(1));
  q.consumer("x", 2);
  q.post("a,b,c,d");
  EXPECT_EQ(q.dispatch(), "x:a x:b");
  EXPECT_EQ(q.queue.ready(), 1u);
}

TEST(QueueClients, the_lowest_priority_goes_first) {
  QueueArguments arguments = with_priorities(3);
  arguments.max_length = 2;
  QueueOf q(1 << 20, arguments);
  q.post_with("high", 3);
  q.post_with("low", 0);
  q.post_with("middle", 2);
  q.dispatch();
  q.consumer("x", 10);
  EXPECT_EQ(q.dispatch(), "x:high x:middle");
}

TEST(QueueClients, bytes_are_counted_as_length_is) {
  QueueArguments arguments;
  arguments.max_length_bytes = 10;
  QueueOf q(1 << 20, arguments);
  q.post("aaaaa,bbbbb");
  q.dispatch();
  EXPECT_EQ(q.queue.live(), 2u) << "at the limit";
  q.post("c");
  q.dispatch();
  EXPECT_EQ(q.queue.live(), 2u);
  q.consumer("x", 10);
  EXPECT_EQ(q.dispatch(), "x:bbbbb x:c");
  q.post("dddddddddd");
  q.dispatch();
  EXPECT_EQ(q.queue.ready(), 0u) << "given to the consumer";
  q.ack("x", 1, 3);
  EXPECT_EQ(q.queue.log().body_bytes(), 0u);
}

TEST(QueueClients, a_full_queue_refuses_when_it_is_told_to) {
  QueueOf q(1 << 20, with_length(1, Overflow::kRejectPublish));
  EXPECT_FALSE(q.queue.refuses(1));
  q.post("a");
  EXPECT_TRUE(q.queue.refuses(1));
  q.consumer("x", 1);
  EXPECT_EQ(q.dispatch(), "x:a");
  EXPECT_FALSE(q.queue.refuses(1));
}

TEST(QueueClients, what_would_bring_a_queue_over_its_bytes_is_refused) {
  QueueArguments arguments;
  arguments.max_length_bytes = 10;
  arguments.overflow = Overflow::kRejectPublish;
  QueueOf q(1 << 20, arguments);
  q.post("aaaaaa");
  EXPECT_TRUE(q.queue.refuses(5));
  EXPECT_FALSE(q.queue.refuses(4));
}

}  // namespace
}  // namespace escrow::broker
