// Confirms, returns and transactions of a session.
#include <gtest/gtest.h>

#include "tests/unit/broker/amqp/session_tester.h"

namespace escrow::broker::amqp {
namespace {

std::string messages(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += published(1, {.routing_key = "q"}, std::to_string(i));
  return bytes;
}
const Error kFull{ErrorCode::kResourceExhausted, "QUEUE_FULL", "queue 'q' is full", {}};

Published outcomes(const Request& request, broker::Outcomes outcomes) {
  return {std::move(outcomes), std::get<Publish>(request.command)};
}

TEST(SessionConfirm, is_not_said_unless_asked_for) {
  SessionTester s;
  s.open();
  s.feed(messages(2));
  s.answer_all();
  EXPECT_EQ(s.said(), "");
}

TEST(SessionConfirm, of_many_is_one) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(ConfirmSelect{}) + messages(3));
  s.feed(messages(2));
  EXPECT_EQ(s.said(), "confirm.select-ok{}");
  s.answer_all();
  EXPECT_EQ(s.said(), "basic.ack{delivery-tag=5 multiple=1}");
  s.feed(messages(1));
  s.answer_all();
  EXPECT_EQ(s.said(), "basic.ack{delivery-tag=6}");
}

TEST(SessionConfirm, counts_from_where_it_was_asked_for) {
  SessionTester s;
  s.open();
  s.feed(messages(2) + bytes_of_method(ConfirmSelect{}) + messages(1));
  EXPECT_EQ(s.asked(), "publish /q=0 /q=1, publish /q=0");
  s.answer_all();
  EXPECT_EQ(s.said(), "confirm.select-ok{} basic.ack{delivery-tag=1}");
}

TEST(SessionConfirm, says_which_messages_were_refused) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(ConfirmSelect{}) + messages(6));
  s.said();
  const Request request = s.take().value();
  s.session.reply(request.request, ClientReply(outcomes(request, {1u, 1u, kFull, 1u, kFull, 1u})));
  EXPECT_EQ(s.said(),
            "basic.ack{delivery-tag=2 multiple=1} basic.nack{delivery-tag=3} basic.ack{delivery-tag=4} "
            "basic.nack{delivery-tag=5} basic.ack{delivery-tag=6}");
}

TEST(SessionConfirm, comes_behind_the_return) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(ConfirmSelect{}) + published(1, {.routing_key = "q"}, "a") +
         published(1, {.routing_key = "x", .mandatory = true}, "lost") +
         published(1, {.routing_key = "x"}, "forgotten") + published(1, {.routing_key = "x", .mandatory = true}, ""));
  s.said();
  const Request request = s.take().value();
  s.session.reply(request.request, ClientReply(outcomes(request, {1u, 0u, 0u, 0u})));
  EXPECT_EQ(
      s.said(),
      "basic.ack{delivery-tag=1} basic.return{reply-code=312 reply-text=NO_ROUTE routing-key=x} header{4} 'lost' "
      "basic.ack{delivery-tag=3 multiple=1} basic.return{reply-code=312 reply-text=NO_ROUTE routing-key=x} header{0} "
      "basic.ack{delivery-tag=4}");
}

TEST(SessionConfirm, returns_no_blind_copies) {
  SessionTester s;
  s.open();
  Properties properties;
  properties.headers.emplace().set("BCC", {FieldArray{{std::string("blind")}}});
  s.feed(published(1, {.routing_key = "x", .mandatory = true}, "lost", properties));
  const Request request = s.take().value();
  s.session.reply(request.request, ClientReply(Published{{0u}, std::get<Publish>(request.command)}));
  EXPECT_FALSE(s.session.output().empty());
  EXPECT_EQ(s.session.output().find("blind"), std::string::npos);
}

TEST(SessionConfirm, returns_only_what_is_mandatory_even_behind_others) {
  SessionTester s;
  s.open();
  s.feed(published(1, {.routing_key = "x", .mandatory = true}, "1") + published(1, {.routing_key = "x"}, "2"));
  const Request request = s.take().value();
  s.session.reply(request.request, ClientReply(outcomes(request, {0u, 0u})));
  EXPECT_EQ(s.said(), "basic.return{reply-code=312 reply-text=NO_ROUTE routing-key=x} header{1} '1'");
}

TEST(SessionConfirm, of_an_error_is_the_end_of_the_channel) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(ConfirmSelect{}) + messages(1) + bytes_of_method(QueueDeclare{.queue = "q"}) + messages(1));
  s.answer();
  s.answer();
  s.refuse({ErrorCode::kNotFound, "EXCHANGE_NOT_FOUND", "no exchange 'e' in vhost '/'", {}});
  s.answer_all();
  EXPECT_EQ(s.said(),
            "confirm.select-ok{} queue.declare-ok{queue=q} basic.ack{delivery-tag=1} channel.close{reply-code=404 "
            "reply-text=NOT_FOUND - no exchange 'e' in vhost '/' class-id=60 method-id=40}");
}

TEST(SessionConfirm, and_returns_are_said_in_their_turn_though_something_behind_them_failed) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(ConfirmSelect{}) + bytes_of_method(BasicGet{.queue = "q"}) +
         published(1, {.routing_key = "x", .mandatory = true}, "a") + bytes_of_method(QueuePurge{.queue = "missing"}) +
         bytes_of_method(QueueDelete{}));
  const Request get = s.take().value();
  const Request publish = s.take().value();
  broker::Outcomes nowhere;
  nowhere.add(0u);
  s.session.reply(publish.request, ClientReply(Published{std::move(nowhere), std::get<Publish>(publish.command)}));
  s.refuse(not_found());
  EXPECT_EQ(s.said(), "confirm.select-ok{}") << "the get comes first";
  s.answer(get);
  EXPECT_EQ(s.said(),
            "basic.get-empty{} basic.return{reply-code=312 reply-text=NO_ROUTE routing-key=x} header{1} 'a' "
            "basic.ack{delivery-tag=1} channel.close{reply-code=404 reply-text=NOT_FOUND - no queue 'q' in vhost '/' "
            "class-id=50 method-id=30}")
      << "of two errors the first";
}

TEST(SessionTransaction, holds_everything_back_until_it_is_committed) {
  SessionTester s;
  s.open();
  s.send(TxSelect{});
  s.feed(messages(2));
  s.feed(bytes_of_method(BasicAck{.delivery_tag = 3, .multiple = true}) +
         bytes_of_method(BasicNack{.delivery_tag = 4, .requeue = true}) +
         bytes_of_method(BasicReject{.delivery_tag = 5}));
  EXPECT_EQ(s.asked(), "check ack ...3, check requeue 4, check reject 5");
  s.answer_all();
  s.send(TxCommit{});
  EXPECT_EQ(s.asked(), "commit(publish /q=0 /q=1 ack ...3 requeue 4 reject 5)");
  EXPECT_EQ(s.said(), "tx.select-ok{}");
  s.answer();
  EXPECT_EQ(s.said(), "tx.commit-ok{}");
  s.send(TxCommit{});
  EXPECT_EQ(s.asked(), "commit(publish)");
}

TEST(SessionTransaction, forgets_what_is_rolled_back) {
  SessionTester s;
  s.open();
  s.send(TxSelect{});
  s.feed(messages(2) + bytes_of_method(BasicAck{.delivery_tag = 1}));
  s.send(TxRollback{});
  s.send(TxCommit{});
  EXPECT_EQ(s.asked(), "check ack 1, commit(publish)");
  s.answer_all();
  EXPECT_EQ(s.said(), "tx.select-ok{} tx.rollback-ok{} tx.commit-ok{}");
}

TEST(SessionTransaction, returns_before_it_is_committed) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(TxSelect{}) + messages(1) +
         published(1, {.routing_key = "x", .mandatory = true}, "lost", only(&Properties::message_id, "m")) +
         bytes_of_method(TxCommit{}));
  s.said();
  const Request request = s.take().value();
  s.session.reply(request.request, ClientReply(Published{{1u, 0u}, std::get<CommitTx>(request.command).publish}));
  EXPECT_EQ(s.said(), "basic.return{reply-code=312 reply-text=NO_ROUTE routing-key=x} header{4} 'lost' tx.commit-ok{}");
}

TEST(SessionTransaction, may_be_as_large_as_the_server_takes_and_not_larger) {
  const std::size_t message = sizeof(OwnedMessage) + 1 + 2 + 1;  // "q", no properties, one byte
  SessionTester s({.transaction_bytes = 3 * message});
  s.open();
  s.send(TxSelect{});
  s.feed(messages(3));
  EXPECT_EQ(s.said(), "tx.select-ok{}");
  s.feed(messages(1));
  EXPECT_EQ(
      s.said(),
      "channel.close{reply-code=406 reply-text=PRECONDITION_FAILED - the transaction is larger than the server takes "
      "class-id=60 method-id=40}");
}

TEST(SessionTransaction, checks_ahead_what_it_publishes_and_settles) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(TxSelect{}) + published(1, {.exchange = "e"}, "a") + bytes_of_method(TxCommit{}));
  EXPECT_EQ(s.asked(), "check /e, commit(publish e/=a)");
  s.refuse({ErrorCode::kNotFound, "EXCHANGE_UNKNOWN", "no exchange 'e' in vhost '/'", {}});
  EXPECT_EQ(s.said(),
            "tx.select-ok{} channel.close{reply-code=404 reply-text=NOT_FOUND - no exchange 'e' in vhost '/' "
            "class-id=60 method-id=40}");
}

TEST(SessionTransaction, settles_nothing_twice) {
  const auto asked = [](const BasicAck& first, const BasicAck& second) {
    SessionTester s;
    s.open();
    s.feed(bytes_of_method(TxSelect{}) + bytes_of_method(first) + bytes_of_method(second));
    return s.asked();
  };
  EXPECT_EQ(asked({.delivery_tag = 1}, {.delivery_tag = 2}), "check ack 1, check ack 2");
  EXPECT_EQ(asked({.delivery_tag = 2}, {.delivery_tag = 2}), "check ack 2, check ack 2 or refuse");
  EXPECT_EQ(asked({.delivery_tag = 2, .multiple = true}, {.delivery_tag = 1}), "check ack ...2, check ack 1 or refuse");
  EXPECT_EQ(asked({.delivery_tag = 2, .multiple = true}, {.delivery_tag = 3}), "check ack ...2, check ack 3");
}

TEST(SessionTransaction, settles_all_that_was_delivered_so_far_and_nothing_that_comes_later) {
  SessionTester s;
  s.open();
  s.send(TxSelect{});
  s.send(BasicAck{.delivery_tag = 0, .multiple = true});
  EXPECT_EQ(s.asked(), "") << "there is none";
  s.send(BasicConsume{.queue = "q", .consumer_tag = "t"});
  s.answer_all();
  for (const DeliveryTag tag : {1, 2, 3}) s.session.deliver(s.delivery("a", tag));
  s.send(BasicAck{.delivery_tag = 0, .multiple = true});
  s.session.deliver(s.delivery("b", 4));
  s.asked();
  s.send(TxCommit{});
  const auto commit = std::get<CommitTx>(s.requests.back().command);
  ASSERT_EQ(commit.settles.size(), 1u);
  EXPECT_EQ(commit.settles[0].tag, 3u);
  EXPECT_TRUE(commit.settles[0].multiple && commit.settles[0].if_any);
}

TEST(SessionTransaction, that_fails_ends_the_channel) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(TxSelect{}) + messages(1) + bytes_of_method(TxCommit{}) + bytes_of_method(TxRollback{}));
  s.refuse({ErrorCode::kFailedPrecondition, "DELIVERY_TAG_UNKNOWN", "unknown delivery tag 1", {}});
  EXPECT_EQ(
      s.said(),
      "tx.select-ok{} channel.close{reply-code=406 reply-text=PRECONDITION_FAILED - unknown delivery tag 1 class-id=90 "
      "method-id=20}");
}

TEST(SessionTransaction, does_not_go_together_with_confirms) {
  const auto said = [](const std::string& bytes) {
    SessionTester s;
    s.open();
    s.feed(bytes);
    return s.said();
  };
  const std::string close = "channel.close{reply-code=406 reply-text=PRECONDITION_FAILED - ";
  EXPECT_EQ(said(bytes_of_method(ConfirmSelect{}) + bytes_of_method(TxSelect{})),
            "confirm.select-ok{} " + close + "cannot switch from confirm to tx mode class-id=90 method-id=10}");
  EXPECT_EQ(said(bytes_of_method(TxSelect{}) + bytes_of_method(ConfirmSelect{})),
            "tx.select-ok{} " + close + "cannot switch from tx to confirm mode class-id=85 method-id=10}");
  EXPECT_EQ(said(bytes_of_method(TxCommit{})), close + "channel is not transactional class-id=90 method-id=20}");
  EXPECT_EQ(said(bytes_of_method(TxRollback{})), close + "channel is not transactional class-id=90 method-id=30}");
}

}  // namespace
}  // namespace escrow::broker::amqp
