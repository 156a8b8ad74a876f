// Consumers of a session, and what they get.
#include <gtest/gtest.h>

#include "tests/unit/broker/amqp/session_tester.h"

namespace escrow::broker::amqp {
namespace {

constexpr std::string_view kDelivered =
    "basic.deliver{consumer-tag=t delivery-tag=1 exchange=ex routing-key=rk} header{1} 'a'";

void consume(SessionTester& s, const std::string& tag = "t") {
  s.send(BasicConsume{.queue = "q", .consumer_tag = tag});
  s.answer_all();
  EXPECT_EQ(s.said(), "basic.consume-ok{consumer-tag=" + tag + "}");
  s.asked();
}
std::int64_t size_of(const Delivery& delivery) { return static_cast<std::int64_t>(delivery.bytes(0)); }

TEST(SessionConsumer, gets_messages_under_its_tag) {
  SessionTester s;
  s.open();
  consume(s);
  Delivery delivery = s.delivery("a");
  s.session.deliver(delivery);
  EXPECT_EQ(s.said(), kDelivered);
  delivery.redelivered = true;
  delivery.delivery_count = 2;
  s.session.deliver(delivery);
  EXPECT_EQ(s.said(),
            "basic.deliver{consumer-tag=t delivery-tag=1 redelivered=1 exchange=ex routing-key=rk} header{1} 'a'");
}

TEST(SessionConsumer, is_named_by_the_server_if_the_client_does_not) {
  SessionTester s;
  s.open();
  s.send(BasicConsume{.queue = "q"});
  s.answer_all();
  EXPECT_TRUE(s.said().starts_with("basic.consume-ok{consumer-tag=amq.ctag-"));
}

TEST(SessionConsumer, that_reuses_a_tag_ends_the_connection) {
  SessionTester s;
  s.open();
  consume(s);
  s.send(ChannelOpen{}, 2);
  s.send(BasicConsume{.queue = "q", .consumer_tag = "t"}, 2);
  s.answer_all();
  EXPECT_EQ(s.said(), "2:channel.open-ok{} 2:basic.consume-ok{consumer-tag=t}");
  s.send(BasicConsume{.queue = "q", .consumer_tag = "t"});
  EXPECT_EQ(s.said(),
            "connection.close{reply-code=530 reply-text=NOT_ALLOWED - attempt to reuse consumer tag 't' class-id=60 "
            "method-id=20}");
}

TEST(SessionConsumer, may_have_the_tag_of_one_that_was_cancelled) {
  SessionTester s;
  s.open();
  consume(s);
  s.feed(bytes_of_method(BasicCancel{.consumer_tag = "t"}) +
         bytes_of_method(BasicConsume{.queue = "r", .consumer_tag = "t"}));
  EXPECT_EQ(s.asked(), "cancel, consume r 200000");
  s.answer_all();
  EXPECT_EQ(s.said(), "basic.cancel-ok{consumer-tag=t} basic.consume-ok{consumer-tag=t}");
}

TEST(SessionConsumer, is_limited_in_number) {
  SessionTester s({.consumers_per_channel = 1});
  s.open();
  consume(s);
  s.send(BasicConsume{.queue = "q"});
  EXPECT_EQ(
      s.said(),
      "channel.close{reply-code=406 reply-text=PRECONDITION_FAILED - the channel has too many consumers class-id=60 "
      "method-id=20}");
}

TEST(SessionConsumer, has_the_credit_of_the_prefetch_before_it) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(BasicQos{.prefetch_count = 5}) + bytes_of_method(BasicConsume{.queue = "q"}) +
         bytes_of_method(BasicQos{.prefetch_count = 0}) + bytes_of_method(BasicConsume{.queue = "q"}) +
         bytes_of_method(BasicQos{.prefetch_count = 9, .global = true}) + bytes_of_method(BasicConsume{.queue = "q"}));
  EXPECT_EQ(s.asked(), "consume q 5, consume q 200000, prefetch 9, consume q 200000");
}

TEST(SessionConsumer, without_a_queue_is_refused_before_its_tag_is_looked_at) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(BasicConsume{.queue = "q", .consumer_tag = "t"}));
  s.feed(bytes_of_method(BasicConsume{.consumer_tag = "t"}));
  s.answer_all();
  EXPECT_EQ(
      s.said(),
      "basic.consume-ok{consumer-tag=t} channel.close{reply-code=404 reply-text=NOT_FOUND - no previously declared "
      "queue class-id=60 method-id=20}");
}

TEST(SessionConsumer, with_a_priority_that_is_no_number_is_refused_if_its_queue_exists) {
  FieldTable arguments;
  arguments.set("x-priority", {std::string("high")});
  SessionTester s;
  s.open();
  s.send(BasicConsume{.queue = "q", .arguments = arguments});
  const Request request = s.take().value();
  EXPECT_EQ(std::get<Consume>(request.command).priority.error().message,
            "invalid arg 'x-priority' for queue 'q' in vhost '/': \"expected integer, got longstr\"");
}

TEST(SessionConsumer, hears_of_deliveries_only_behind_its_consume_ok) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(BasicGet{.queue = "q"}) + bytes_of_method(BasicConsume{.queue = "q", .consumer_tag = "t"}));
  const Request get = s.take().value();
  s.answer();
  s.session.deliver(s.delivery("a"));
  EXPECT_EQ(s.said(), "");
  s.answer(get);
  EXPECT_EQ(s.said(), "basic.get-empty{} basic.consume-ok{consumer-tag=t} " + std::string(kDelivered));
}

TEST(SessionConsumer, gets_messages_until_the_cancel_is_answered) {
  SessionTester s;
  s.open();
  consume(s);
  const Delivery delivery = s.delivery("a");
  s.send(BasicCancel{.consumer_tag = "t"});
  s.session.deliver(delivery);
  s.answer_all();
  EXPECT_EQ(s.said(), std::string(kDelivered) + " basic.cancel-ok{consumer-tag=t}");
  s.session.deliver(delivery);
  EXPECT_EQ(s.said(), "");
}

TEST(SessionConsumer, gets_nothing_on_a_channel_that_failed) {
  SessionTester s;
  s.open();
  consume(s);
  s.send(QueueDeclare{.queue = "q", .passive = true});
  s.refuse(not_found());
  s.said();
  s.session.deliver(s.delivery("a"));
  s.session.consumer_cancelled(s.consumer);
  EXPECT_EQ(s.said(), "");
}

TEST(SessionConsumer, that_is_gone_is_not_found_again_on_a_new_channel) {
  SessionTester s;
  s.open();
  consume(s);
  const Delivery delivery = s.delivery("a");
  s.feed(bytes_of_method(BasicCancel{.consumer_tag = "t"}) + bytes_of_method(BasicConsume{.queue = "q"}));
  s.answer();
  s.refuse(not_found());
  s.feed(bytes_of_method(ChannelCloseOk{}) + bytes_of_method(ChannelOpen{}));
  s.said();
  s.session.deliver(delivery);
  s.session.deliver(s.delivery("a"));
  EXPECT_EQ(s.said(), "");
}

TEST(SessionConsumer, hears_that_its_queue_is_gone) {
  SessionTester s;
  s.open();
  consume(s);
  s.session.consumer_cancelled(s.consumer);
  EXPECT_EQ(s.said(), "basic.cancel{consumer-tag=t no-wait=1}");
  s.session.deliver(s.delivery("a"));
  EXPECT_EQ(s.said(), "");
  consume(s);
}

TEST(SessionConsumer, whose_tag_was_used_again_is_not_taken_for_the_new_one) {
  SessionTester s;
  s.open();
  consume(s);
  const ConsumerId old = s.consumer;
  s.feed(bytes_of_method(BasicCancel{.consumer_tag = "t"}) +
         bytes_of_method(BasicConsume{.queue = "r", .consumer_tag = "t"}));
  s.session.consumer_cancelled(old);
  s.answer_all();
  EXPECT_EQ(s.said(), "basic.cancel-ok{consumer-tag=t} basic.consume-ok{consumer-tag=t}");
  s.asked();
  s.send(BasicCancel{.consumer_tag = "t"});
  EXPECT_EQ(s.asked(), "cancel");
}

TEST(SessionConsumer, is_granted_the_bytes_again_that_the_client_took) {
  SessionTester s;
  s.open();
  consume(s);
  const Delivery delivery = s.delivery("a");
  s.session.written();
  EXPECT_EQ(s.asked(), "");
  s.session.deliver(delivery);
  s.session.deliver(delivery);
  EXPECT_EQ(s.asked(), "");
  s.session.written();
  EXPECT_EQ(s.asked(), "grant " + std::to_string(2 * size_of(delivery)));
  s.session.written();
  EXPECT_EQ(s.asked(), "");
}

TEST(SessionConsumer, leaves_the_bytes_to_others_when_it_is_gone) {
  SessionTester s;
  s.open();
  consume(s);
  const Delivery delivery = s.delivery("a");
  s.send(ChannelClose{});
  s.answer_all();
  s.asked();
  s.session.deliver(delivery);
  EXPECT_EQ(s.said(), "channel.close-ok{}");
  s.session.written();
  EXPECT_EQ(s.asked(), "grant " + std::to_string(size_of(delivery)));
}

TEST(SessionGet, gets_a_message_or_hears_that_there_is_none) {
  SessionTester s;
  s.open();
  s.send(BasicGet{.queue = "q"});
  EXPECT_EQ(s.asked(), "fetch q");
  s.answer(Fetched{0, s.delivery("a", 4), 2});
  EXPECT_EQ(s.said(), "basic.get-ok{delivery-tag=4 exchange=ex routing-key=rk message-count=2} header{1} 'a'");
  s.session.written();
  EXPECT_EQ(s.asked(), "grant " + std::to_string(size_of(s.delivery("a"))));
  s.send(BasicGet{.queue = "q"});
  s.answer();
  EXPECT_EQ(s.said(), "basic.get-empty{}");
}

TEST(SessionSettle, is_passed_on) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(BasicAck{.delivery_tag = 1}) +
         bytes_of_method(BasicNack{.delivery_tag = 3, .multiple = true}) +
         bytes_of_method(BasicReject{.delivery_tag = 4, .requeue = true}) +
         bytes_of_method(BasicRecover{.requeue = true}) + bytes_of_method(BasicRecoverAsync{.requeue = true}));
  EXPECT_EQ(s.asked(), "ack 1, reject ...3, requeue 4, return ...0, return ...0");
  EXPECT_EQ(s.said(), "basic.recover-ok{}");
}

TEST(SessionSettle, of_an_unknown_tag_ends_the_channel_and_is_named) {
  for (const auto& [settles, method] :
       std::vector<std::pair<std::string, int>>{{bytes_of_method(BasicAck{.delivery_tag = 9}), 80},
                                                {bytes_of_method(BasicReject{.delivery_tag = 9}), 90},
                                                {bytes_of_method(BasicNack{.delivery_tag = 9}), 120}}) {
    SessionTester s;
    s.open();
    s.feed(settles + bytes_of_method(QueueDeclare{.queue = "q"}));
    s.refuse(s.requests[2], {ErrorCode::kFailedPrecondition, "DELIVERY_TAG_UNKNOWN", "unknown delivery tag 9", {}});
    s.answer_all();
    EXPECT_EQ(s.said(),
              "channel.close{reply-code=406 reply-text=PRECONDITION_FAILED - unknown delivery tag 9 class-id=60 "
              "method-id=" +
                  std::to_string(method) + "}");
  }
}

TEST(SessionReplyTo, makes_a_queue_that_requests_are_answered_to) {
  SessionTester s;
  s.open();
  s.send(BasicConsume{.queue = "amq.rabbitmq.reply-to", .consumer_tag = "t", .no_ack = true});
  const std::string asked = s.asked();
  const std::string queue = asked.substr(8, asked.find(',') - 8);
  EXPECT_TRUE(queue.starts_with("amq.rabbitmq.reply-to."));
  EXPECT_EQ(asked, "declare " + queue + ", consume " + queue + " 200000");
  s.answer_all();
  EXPECT_EQ(s.said(), "basic.consume-ok{consumer-tag=t}");
  Properties properties = only(&Properties::reply_to, "amq.rabbitmq.reply-to");
  properties.message_id = "m";
  s.publish("server", "question", properties);
  const Request request = s.take().value();
  const auto sent = decode_properties(std::get<Publish>(request.command).messages[0].properties);
  EXPECT_EQ(sent->reply_to, queue);
  EXPECT_EQ(sent->message_id, "m");
}

TEST(SessionReplyTo, goes_with_its_consumer_and_may_come_again) {
  SessionTester s;
  s.open();
  const std::string consume =
      bytes_of_method(BasicConsume{.queue = "amq.rabbitmq.reply-to", .consumer_tag = "t", .no_ack = true});
  s.feed(consume + bytes_of_method(BasicCancel{.consumer_tag = "t"}) + consume);
  s.answer_all();
  EXPECT_EQ(s.said(),
            "basic.consume-ok{consumer-tag=t} basic.cancel-ok{consumer-tag=t} basic.consume-ok{consumer-tag=t}");
}

TEST(SessionReplyTo, is_declared_to_see_whether_somebody_waits_there) {
  SessionTester s;
  s.open();
  s.send(QueueDeclare{.queue = "amq.rabbitmq.reply-to"});
  EXPECT_EQ(s.said(), "queue.declare-ok{queue=amq.rabbitmq.reply-to consumer-count=1}");
  s.send(QueueDeclare{.queue = "amq.rabbitmq.reply-to.x", .durable = true});
  EXPECT_TRUE(std::get<DeclareQueue>(s.requests.back().command).passive);
}

TEST(SessionReplyTo, with_a_priority_that_is_no_number_makes_no_queue) {
  SessionTester s;
  s.open();
  FieldTable arguments;
  arguments.set("x-priority", {std::string("a")});
  s.send(BasicConsume{.queue = "amq.rabbitmq.reply-to", .no_ack = true, .arguments = arguments});
  EXPECT_EQ(s.asked(), "close");
}

TEST(SessionReplyTo, is_refused_where_it_cannot_work) {
  const auto said = [](const std::string& bytes) {
    SessionTester s;
    s.open();
    s.feed(bytes);
    s.answer_all();
    return s.said();
  };
  const auto consume = [](const std::string& tag, bool no_ack) {
    return bytes_of_method(BasicConsume{.queue = "amq.rabbitmq.reply-to", .consumer_tag = tag, .no_ack = no_ack});
  };
  const std::string close = "channel.close{reply-code=406 reply-text=PRECONDITION_FAILED - ";
  EXPECT_EQ(said(consume("t", false)), close + "reply consumer cannot acknowledge class-id=60 method-id=20}");
  EXPECT_EQ(said(consume("t", true) + consume("u", true)),
            "basic.consume-ok{consumer-tag=t} " + close + "reply consumer already set class-id=60 method-id=20}");
  EXPECT_EQ(said(published(1, {}, "a", only(&Properties::reply_to, "amq.rabbitmq.reply-to"))),
            close + "fast reply consumer does not exist class-id=60 method-id=40}");
}

}  // namespace
}  // namespace escrow::broker::amqp
