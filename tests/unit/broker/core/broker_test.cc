#include "broker/core/broker.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/broker/core/broker_tester.h"

namespace escrow::broker {
namespace {

template <class T>
std::string outcome(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().reason;
}

TEST(Broker, publishes_to_every_queue_that_the_exchange_names_once) {
  BrokerTester b;
  for (const char* name : {"a", "b", "c"}) b.declare(name);
  b.bind("amq.topic", "a", "k.#");
  b.bind("amq.topic", "a", "#");
  b.bind("amq.topic", "b", "k.*");
  b.bind("amq.topic", "c", "other");
  EXPECT_EQ(*b.publish("amq.topic", "k.l", "m"), 2u);
  EXPECT_EQ(b.ready("a"), 1u);
  EXPECT_EQ(b.ready("b"), 1u);
  EXPECT_EQ(b.ready("c"), 0u);
}

TEST(Broker, tells_that_no_queue_took_a_message) {
  BrokerTester b;
  EXPECT_EQ(*b.publish("amq.direct", "k", "m"), 0u);
  EXPECT_EQ(*b.publish("", "no-such-queue", "m"), 0u);
  EXPECT_FALSE(b.broker->has_changes());
  EXPECT_EQ(outcome(b.publish("no-such-exchange", "k", "m")), "EXCHANGE_UNKNOWN");
}

TEST(Broker, gives_messages_with_all_that_they_have) {
  BrokerTester b;
  b.declare("q");
  b.bind("amq.direct", "q", "k");
  MessageView message = view("body", "k", "amq.direct");
  const std::string properties("\x10\x00\x02", 3);
  message.properties = properties;
  EXPECT_EQ(*b.broker->publish(message, b.moment()), 1u);
  b.consume("x", "q", 1);
  EXPECT_EQ(b.work(), "x:body");
  const MessageView got = b.deliveries.at(0).message(0);
  EXPECT_EQ(got.exchange, "amq.direct");
  EXPECT_EQ(got.routing_key, "k");
  EXPECT_EQ(got.properties, properties);
}

TEST(Broker, parks_what_was_committed_and_has_nowhere_to_go) {
  BrokerTester b;
  b.commit(view("no queue", "k", "amq.direct"));
  b.commit(view("no exchange", "k", "gone"));
  MessageView elsewhere = view("no vhost", "k", "amq.direct");
  elsewhere.vhost = "gone";
  b.commit(elsewhere);
  EXPECT_EQ(b.ready("escrow.parked"), 3u);
  b.consume("x", "escrow.parked", 10);
  EXPECT_EQ(b.work(), "x:no queue x:no exchange x:no vhost");
  const MessageView second = b.deliveries.at(0).message(1);
  EXPECT_EQ(second.exchange, "gone") << "where it was meant to go";
  EXPECT_EQ(second.routing_key, "k");
}

TEST(Broker, does_not_park_what_was_committed_and_has_a_queue) {
  BrokerTester b;
  b.declare("q");
  b.commit(view("m", "q", ""));
  EXPECT_EQ(b.ready("q"), 1u);
  EXPECT_FALSE(b.broker->topology().queue("/", kParkedQueue).ok());
}

TEST(Broker, parks_even_when_there_are_as_many_queues_as_there_may_be) {
  BrokerTester b;
  for (std::size_t i = 0; i < Topology::kMaxQueues; ++i) b.declare(std::to_string(i));
  ASSERT_FALSE(b.broker->declare_queue({{"/", "one more", {}}}, b.moment()).ok());
  b.commit(view("m", "k", "amq.direct"));
  EXPECT_EQ(b.ready("escrow.parked"), 1u);
}

TEST(Broker, keeps_the_servers_queues_from_being_declared_or_deleted) {
  BrokerTester b;
  EXPECT_EQ(outcome(b.broker->declare_queue({{"/", "escrow.parked", {}}}, b.moment())), "NAME_RESERVED");
  EXPECT_EQ(outcome(b.broker->declare_queue({{"/", "amq.mine", {}}}, b.moment())), "NAME_RESERVED");
  EXPECT_EQ(outcome(b.broker->declare_queue({{"/", "", {}}}, b.moment())), "MALFORMED");
  b.commit(view("m", "k", "gone"));
  EXPECT_EQ(outcome(b.broker->delete_queue({"/", "escrow.parked", false, false}, b.moment())), "NAME_RESERVED");
  EXPECT_EQ(outcome(b.broker->declare_queue({{"/", "escrow.parked", {}}}, b.moment())), "ok")
      << "as it is, it may be asked for";
  EXPECT_EQ(*b.broker->delete_queue({"/", "amq.mine", false, false}, b.moment()), 0u)
      << "what does not exist is no harm";
}

TEST(Broker, counts_messages_and_consumers_of_a_queue) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 3);
  b.consume("x", "q", 2);
  b.work();
  const QueueInfo info = *b.broker->declare_queue({{"/", "q", {}}}, b.moment());
  EXPECT_EQ(info.ready, 1u);
  EXPECT_EQ(info.unacked, 2u);
  EXPECT_EQ(info.consumers, 1u);
}

TEST(Broker, deletes_a_queue_with_its_messages_and_tells_its_consumers) {
  BrokerTester b;
  b.declare("q");
  b.declare("other");
  b.bind("amq.fanout", "q", "");
  b.bind("amq.fanout", "other", "");
  for (int i = 0; i < 5; ++i) b.publish("amq.fanout", "", "m").ok();
  b.consume("x", "q", 2);
  b.consume("y", "q", 0);
  b.consume("z", "other", 0);
  b.work();
  b.seal();
  const LogId log = (*b.broker->topology().queue("/", "q"))->log().id();
  ASSERT_TRUE(b.store.logs.contains(log));

  EXPECT_EQ(*b.broker->delete_queue({"/", "q", false, false}, b.moment()), 3u) << "two are with a consumer";
  EXPECT_EQ(b.work(), "");
  std::ranges::sort(b.cancelled);
  EXPECT_EQ(b.cancelled, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(outcome(b.settle("x", 1, 1)), "CONSUMER_UNKNOWN");
  EXPECT_EQ(*b.publish("amq.fanout", "", "m"), 1u);
  b.seal();
  EXPECT_FALSE(b.store.logs.contains(log));
  EXPECT_EQ(b.store.topology_entries.size(), 2u) << "the other queue and its binding";
}

TEST(Broker, deletes_a_queue_that_has_work_under_way) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 5000);
  b.consume("x", "q", 5000);
  b.consume("y", "q", 10);
  b.work();
  ASSERT_TRUE(b.settle("x", 1, 4000).ok());
  ASSERT_TRUE(b.broker->purge({"/", "q"}, 7, b.moment()).ok());
  b.cancel("y");
  b.post("q", "one more");
  b.broker->delete_queue({"/", "q", false, false}, b.moment()).ok();
  EXPECT_EQ(b.work(), "x:one more") << "a consumer had waited for it";
  EXPECT_EQ(b.purged.count(7), 1u) << "whoever asked for the purge hears of its end";
  b.seal();
  EXPECT_TRUE(b.store.logs.empty());
}

TEST(Broker, deletes_only_what_is_unused_or_empty_if_told_so) {
  BrokerTester b;
  b.declare("q");
  b.post("q", "m");
  b.consume("x", "q", 0);
  const auto used = b.broker->delete_queue({"/", "q", true, false}, b.moment());
  EXPECT_EQ(used.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(used.error().reason, "QUEUE_IN_USE");
  const auto filled = b.broker->delete_queue({"/", "q", false, true}, b.moment());
  EXPECT_EQ(filled.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(filled.error().reason, "QUEUE_NOT_EMPTY");
  b.broker->grant(b.ids.at("x"), 1).ok();
  b.work();
  EXPECT_EQ(*b.broker->delete_queue({"/", "q", false, true}, b.moment()), 0u)
      << "as RabbitMQ has it: none waits in the queue";
}

TEST(Broker, refuses_what_the_client_may_not_make_only_if_it_is_not_there) {
  BrokerTester b;
  DeclareQueue declare{{"/", "q", {}}};
  declare.refusal = Error{ErrorCode::kPermissionDenied, "PERMISSION_DENIED", "", {}};
  EXPECT_EQ(outcome(b.broker->declare_queue(declare, b.moment())), "PERMISSION_DENIED");
  EXPECT_FALSE(b.broker->topology().queue("/", "q").ok());
  b.declare("q");
  EXPECT_EQ(outcome(b.broker->declare_queue(declare, b.moment())), "ok");
}

TEST(Broker, deleting_what_is_not_there_is_done_already) {
  BrokerTester b;
  EXPECT_EQ(*b.broker->delete_queue({"/", "q", true, true}, b.moment()), 0u);
  EXPECT_EQ(outcome(b.broker->delete_queue({"v", "q", true, true}, b.moment())), "VHOST_UNKNOWN");
}

TEST(Broker, gives_a_queue_that_is_declared_again_a_new_log) {
  BrokerTester b;
  b.declare("q");
  const LogId first = (*b.broker->topology().queue("/", "q"))->log().id();
  b.post("q", "old");
  b.broker->delete_queue({"/", "q", false, false}, b.moment()).ok();
  b.declare("q");
  EXPECT_GT((*b.broker->topology().queue("/", "q"))->log().id(), first);
  EXPECT_EQ(b.ready("q"), 0u);
}

TEST(Broker, takes_no_credit_beyond_the_limit) {
  BrokerTester b;
  b.declare("q");
  b.consume("x", "q", Broker::kMaxCredit);
  const auto more = b.broker->grant(b.ids.at("x"), 1);
  EXPECT_EQ(more.error().reason, "LIMIT_EXCEEDED");
  EXPECT_EQ(more.error().metadata, (decltype(Error::metadata){{"limit", "credit"}, {"maximum", "200000"}}));
  b.post("q", "m");
  EXPECT_EQ(b.work(), "x:m");
  EXPECT_EQ(outcome(b.broker->grant(b.ids.at("x"), 1)), "ok") << "what was used makes room";
  EXPECT_EQ(outcome(b.broker->grant(77, 1)), "CONSUMER_UNKNOWN");
}

TEST(Broker, leaves_no_consumer_behind_that_asked_for_too_much) {
  BrokerTester b;
  b.declare("q");
  EXPECT_EQ(outcome(b.broker->consume({"/", "q", Broker::kMaxCredit + 1, false})), "LIMIT_EXCEEDED");
  EXPECT_EQ(outcome(b.broker->consume({"/", "x", 1, false})), "QUEUE_UNKNOWN");
  EXPECT_EQ(b.broker->declare_queue({{"/", "q", {}}}, b.moment())->consumers, 0u);
}

TEST(Broker, takes_no_more_consumers_than_a_queue_may_have) {
  BrokerTester b;
  b.declare("q");
  for (std::size_t i = 0; i < Broker::kMaxConsumersPerQueue; ++i) {
    ASSERT_TRUE(b.broker->consume({"/", "q", 0, false}).ok());
  }
  const auto more = b.broker->consume({"/", "q", 0, false});
  EXPECT_EQ(more.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(more.error().metadata, (decltype(Error::metadata){{"limit", "consumers_per_queue"}, {"maximum", "10000"}}));
}

TEST(Broker, settles_only_tags_that_it_gave_out) {
  BrokerTester b;
  b.declare("q");
  b.post("q", 3);
  b.consume("x", "q", 3);
  b.work();
  EXPECT_EQ(outcome(b.settle("x", 0, 1)), "MALFORMED");
  EXPECT_EQ(outcome(b.settle("x", 2, 1)), "MALFORMED");
  EXPECT_EQ(outcome(b.settle("x", 1, 4)), "MALFORMED");
  EXPECT_EQ(b.unacked("q"), 3u) << "bad input changes nothing";
  EXPECT_EQ(outcome(b.settle("x", 1, 3)), "ok");
  EXPECT_EQ(b.unacked("q"), 0u);
  EXPECT_EQ(outcome(b.settle("x", 1, 3)), "ok") << "settled already";
}

TEST(Broker, gives_to_others_what_a_cancelled_consumer_had) {
  BrokerTester b;
  b.declare("q");
  b.post("q", "a");
  b.post("q", "b");
  b.consume("x", "q", 2);
  EXPECT_EQ(b.work(), "x:a x:b");
  b.consume("y", "q", 5);
  b.cancel("x");
  b.cancel("x");
  EXPECT_EQ(b.work(), "y:a y:b");
  EXPECT_TRUE(b.deliveries.back().redelivered);
  EXPECT_EQ(b.deliveries.back().delivery_count, 1u);
  EXPECT_EQ(outcome(b.settle("x", 1, 1)), "CONSUMER_UNKNOWN");
}

}  // namespace
}  // namespace escrow::broker
