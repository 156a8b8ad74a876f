#include "broker/core/queue.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/core/queue_tester.h"

namespace escrow::broker {
namespace {

using QueueOf = QueueTester;

TEST(Queue, delivers_in_the_order_of_arrival) {
  QueueOf q;
  q.post("a,b,c");
  q.consumer("x", 10);
  EXPECT_EQ(q.dispatch(), "x:a x:b x:c");
  EXPECT_EQ(q.dispatch(), "");
  q.post("d");
  EXPECT_EQ(q.dispatch(), "x:d");
  EXPECT_EQ(q.queue.ready(), 0u);
  EXPECT_EQ(q.queue.unacked(), 4u);
}

TEST(Queue, without_consumers_keeps_what_it_has) {
  QueueOf q;
  q.post("a,b");
  EXPECT_EQ(q.dispatch(), "");
  EXPECT_EQ(q.queue.ready(), 2u);
}

TEST(Queue, delivers_no_more_than_there_is_credit) {
  QueueOf q;
  q.post("a,b,c,d");
  q.consumer("x", 0);
  EXPECT_EQ(q.dispatch(), "");
  q.grant("x", 1);
  EXPECT_EQ(q.dispatch(), "x:a");
  EXPECT_EQ(q.dispatch(), "");
  q.grant("x", 1);
  q.grant("x", 1);
  EXPECT_EQ(q.dispatch(), "x:b x:c");
  q.ack("x", 1, 3);
  EXPECT_EQ(q.dispatch(), "") << "to settle grants nothing by itself";
}

TEST(Queue, with_auto_credit_grants_one_for_each_that_is_settled) {
  QueueOf q;
  q.post("a,b,c,d,e");
  q.consumer("x", 2, true);
  EXPECT_EQ(q.dispatch(), "x:a x:b");
  q.ack("x", 1, 1);
  EXPECT_EQ(q.dispatch(), "x:c");
  q.settle("x", 2, 3, Settlement::kReject);
  EXPECT_EQ(q.dispatch(), "x:d x:e");
  q.ack("x", 1, 3);
  EXPECT_EQ(q.clients.at("x").consumer.credit, 0u) << "what was settled before grants nothing again";
}

TEST(Queue, consumers_take_turns) {
  QueueOf q;
  q.consumer("x", 10);
  q.consumer("y", 10);
  q.consumer("z", 10);
  q.post("a,b,c,d");
  EXPECT_EQ(q.dispatch(), "x:a y:b z:c x:d");
  q.post("e,f");
  EXPECT_EQ(q.dispatch(), "y:e z:f");
}

TEST(Queue, consumers_without_credit_lose_their_turn) {
  QueueOf q;
  q.consumer("x", 1);
  q.consumer("y", 10);
  q.consumer("z", 0);
  q.post("a,b,c");
  EXPECT_EQ(q.dispatch(), "x:a y:b y:c");
  q.grant("x", 1);
  q.post("d,e");
  EXPECT_EQ(q.dispatch(), "y:d x:e");
}

TEST(Queue, what_comes_back_takes_its_old_place) {
  QueueOf q;
  q.post("a,b,c,d");
  q.consumer("x", 3);
  EXPECT_EQ(q.dispatch(), "x:a x:b x:c");
  q.requeue("x", 2, 3);
  q.requeue("x", 1, 1);
  EXPECT_EQ(q.queue.ready(), 4u);
  q.grant("x", 10);
  EXPECT_EQ(q.dispatch(), "x:a+1! x:b+1! x:c+1! x:d");
}

TEST(Queue, what_comes_back_from_several_consumers_is_in_order_again) {
  QueueOf q;
  q.consumer("x", 2);
  q.consumer("y", 2);
  q.post("a,b,c,d,e");
  EXPECT_EQ(q.dispatch(), "x:a y:b x:c y:d");
  q.lose("y");
  q.lose("x");
  q.consumer("z", 10);
  EXPECT_EQ(q.dispatch(), "z:a+1! z:b+1! z:c+1! z:d+1! z:e");
}

TEST(Queue, counts_each_time_that_a_message_comes_back) {
  QueueOf q;
  q.post("a");
  q.consumer("x", 1);
  for (int count = 1; count <= 3; ++count) {
    q.dispatch();
    const auto tag = static_cast<DeliveryTag>(count);
    q.requeue("x", tag, tag);
    q.grant("x", 1);
  }
  EXPECT_EQ(q.dispatch(), "x:a+3!");
}

TEST(Queue, settles_what_is_not_settled_of_a_range) {
  QueueOf q;
  q.post("a,b,c,d,e");
  q.consumer("x", 5);
  q.dispatch();
  EXPECT_EQ(q.ack("x", 2, 2), 1u);
  EXPECT_EQ(q.ack("x", 4, 4), 1u);
  EXPECT_EQ(q.ack("x", 1, 5), 3u);
  EXPECT_EQ(q.ack("x", 1, 5), 0u);
  EXPECT_EQ(q.queue.unacked(), 0u);
  EXPECT_EQ(q.queue.log().live(), 0u);
}

TEST(Queue, forgets_tags_that_were_settled_and_keeps_the_others) {
  QueueOf q;
  q.post("a,b,c");
  q.consumer("x", 3);
  q.dispatch();
  q.ack("x", 2, 3);
  EXPECT_EQ(q.clients.at("x").channel.outstanding.size(), 3u) << "the first is open";
  q.ack("x", 1, 1);
  EXPECT_TRUE(q.clients.at("x").channel.outstanding.empty());
  q.post("d");
  q.grant("x", 1);
  q.dispatch();
  EXPECT_EQ(q.ack("x", 1, 3), 0u);
  EXPECT_EQ(q.ack("x", 4, 4), 1u);
}

TEST(Queue, rejected_messages_are_gone) {
  QueueOf q;
  q.post("a,b");
  q.consumer("x", 1);
  q.dispatch();
  EXPECT_EQ(q.settle("x", 1, 1, Settlement::kReject), 1u);
  EXPECT_EQ(q.queue.log().live(), 1u);
  q.grant("x", 1);
  EXPECT_EQ(q.dispatch(), "x:b");
}

TEST(Queue, gives_nothing_to_a_consumer_that_was_removed) {
  QueueOf q;
  q.consumer("x", 10);
  q.consumer("y", 10);
  q.queue.remove(&q.clients.at("x").consumer);
  q.grant("x", 5);
  q.post("a,b");
  EXPECT_EQ(q.dispatch(), "y:a y:b");
  EXPECT_EQ(q.queue.consumers().size(), 1u);
}

TEST(Queue, keeps_what_was_settled_before_the_consumer_was_lost) {
  QueueOf q;
  q.post("a,b,c");
  q.consumer("x", 3);
  q.dispatch();
  q.ack("x", 2, 2);
  q.lose("x");
  EXPECT_EQ(q.queue.ready(), 2u);
  q.consumer("y", 3);
  EXPECT_EQ(q.dispatch(), "y:a+1! y:c+1!");
}

TEST(Queue, tells_deliveries_in_a_row_as_one) {
  QueueOf q;
  q.post("a,b,c");
  q.consumer("x", 10);
  q.dispatch();
  ASSERT_EQ(q.effects.deliveries.size(), 1u);
  EXPECT_EQ(q.effects.deliveries[0].first_tag, 1u);
  EXPECT_EQ(q.effects.deliveries[0].count, 3u);
}

TEST(Queue, does_not_join_deliveries_that_differ) {
  QueueOf q;
  q.post("a,b,c");
  q.consumer("x", 1);
  q.dispatch();
  q.requeue("x", 1, 1);
  q.grant("x", 3);
  q.dispatch();
  ASSERT_EQ(q.effects.deliveries.size(), 2u) << "the first came back, the others did not";
  EXPECT_EQ(q.effects.deliveries[1].first_tag, 3u);
  EXPECT_EQ(q.effects.deliveries[1].count, 2u);
}

TEST(Queue, does_not_join_deliveries_around_a_gap) {
  QueueOf q;
  q.post("a,b,c");
  q.queue.log().remove(2);
  q.consumer("x", 3);
  EXPECT_EQ(q.dispatch(), "x:a x:c");
  EXPECT_EQ(q.effects.deliveries.size(), 2u);
}

TEST(Queue, deliveries_wait_for_the_batch_of_their_message_and_of_their_mark) {
  QueueOf q;
  q.post("a");
  q.seal();
  q.consumer("x", 10);
  const BatchNumber marking = q.batch;
  q.dispatch();
  EXPECT_EQ(q.effects.deliveries.at(0).after, marking) << "the first delivery moves the mark";
  q.seal();
  q.post("b");
  q.dispatch();
  EXPECT_EQ(q.effects.deliveries.at(0).after, q.batch) << "the message is of this batch";
  q.post("c");
  q.seal();
  q.seal();
  q.dispatch();
  EXPECT_EQ(q.effects.deliveries.at(0).after, q.batch - 2);
}

TEST(Queue, deliveries_that_were_joined_wait_for_the_latest_of_their_marks) {
  QueueOf q;
  q.post(static_cast<int>(QueueLog::kMarkBlock) + 10);
  q.consumer("x", 1000);
  q.dispatch();
  q.seal();
  q.grant("x", 100);
  q.dispatch();
  ASSERT_EQ(q.effects.deliveries.size(), 1u) << "all of one fragment";
  EXPECT_EQ(q.effects.deliveries[0].count, 34u);
  EXPECT_EQ(q.effects.deliveries[0].after, q.batch) << "the last ones are of the next block";
}

TEST(Queue, asks_for_the_page_that_it_needs_and_the_next_and_waits) {
  QueueOf q(0);
  for (int i = 0; i < 200; ++i) q.post(std::string(1000, 'a'));
  q.seal();
  q.pages.enforce();
  q.consumer("x", 200);
  EXPECT_EQ(q.dispatch(), "");
  EXPECT_FALSE(q.more) << "the load is what goes on";
  ASSERT_EQ(q.effects.loads.size(), 2u);
  const Seq second = q.effects.loads[1].page;
  EXPECT_EQ(q.effects.loads[0].page, 1u);
  EXPECT_EQ(q.dispatch(), "");
  EXPECT_TRUE(q.effects.loads.empty()) << "both are on their way";

  ASSERT_TRUE(q.queue.log().load(second, q.store.pages.at(second)).ok());
  EXPECT_EQ(q.dispatch(), "") << "in order, the first page comes first";
  ASSERT_TRUE(q.queue.log().load(1, q.store.pages.at(1)).ok());
  q.dispatch();
  EXPECT_EQ(q.queue.unacked(), std::next(q.store.pages.begin(), 2)->first - 1) << "up to the third page";
  EXPECT_EQ(q.effects.loads.size(), 2u);
}

TEST(Queue, waits_for_a_body_that_is_apart) {
  QueueOf q;
  q.post("a");
  q.post_apart({9, 5000});
  q.post("b");
  q.consumer("x", 10);
  EXPECT_EQ(q.dispatch(), "x:a");
  ASSERT_EQ(q.effects.body_loads.size(), 1u);
  EXPECT_EQ(q.effects.body_loads[0], (BodyRef{9, 5000}));
  EXPECT_EQ(q.dispatch(), "");
  EXPECT_TRUE(q.effects.body_loads.empty()) << "it is on its way";
  EXPECT_EQ(q.bodies.loaded(9, std::make_shared<const std::string>("large")), std::vector<Queue*>{&q.queue});
  EXPECT_EQ(q.dispatch(), "x:large x:b");
  ASSERT_EQ(q.effects.deliveries.size(), 2u) << "with a body apart one at a time";
  EXPECT_EQ(*q.effects.deliveries[0].body, "large");
}

TEST(Queue, purges_what_is_ready_and_keeps_what_is_unacked) {
  QueueOf q;
  q.post("a,b,c,d,e,f");
  q.consumer("x", 4);
  q.dispatch();
  q.requeue("x", 2, 2);
  const auto purged = q.queue.purge(0, 1, q.queue.log().next_seq(), 100);
  EXPECT_EQ(purged.messages, 3u) << "b came back, e and f were never given out";
  EXPECT_EQ(q.queue.ready(), 0u);
  EXPECT_EQ(q.queue.unacked(), 3u);
  q.grant("x", 10);
  EXPECT_EQ(q.dispatch(), "");
  EXPECT_EQ(q.ack("x", 1, 4), 3u);
  q.post("g");
  EXPECT_EQ(q.dispatch(), "x:g");
}

TEST(Queue, purges_up_to_where_it_is_told) {
  QueueOf q;
  q.post("a,b,c,d");
  EXPECT_EQ(q.queue.purge(0, 1, 3, 100).messages, 2u);
  q.consumer("x", 10);
  EXPECT_EQ(q.dispatch(), "x:c x:d");
}

TEST(Queue, starts_after_a_restart_at_the_first_message_that_is_left) {
  QueueOf q;
  q.post("a,b,c");
  q.queue.log().remove(1);
  q.queue.log().mark_delivered(2, q.batch);
  q.seal();
  QueueOf recovered;
  recovered.queue.log().recover_state(must(LogState::decode(q.store.log_state.value())));
  recovered.queue.log().recover_page(must(PageExtent::of(1, q.store.pages.at(1))), false,
                                     must(PageState::decode(q.store.states.at(1))));
  recovered.queue.lane(0).rewind();
  recovered.consumer("x", 10);
  EXPECT_EQ(recovered.dispatch(), "");
  ASSERT_EQ(recovered.effects.loads.size(), 1u);
  ASSERT_TRUE(recovered.queue.log().load(1, q.store.pages.at(1)).ok());
  EXPECT_EQ(recovered.dispatch(), "x:b! x:c!") << "both are below the mark";
}

}  // namespace
}  // namespace escrow::broker
