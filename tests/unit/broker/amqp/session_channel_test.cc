// Channels of a session: their life, the order of their answers, and how they end.
#include <gtest/gtest.h>

#include "tests/unit/broker/amqp/session_tester.h"

namespace escrow::broker::amqp {
namespace {

constexpr std::string_view kNotFoundClose =
    "channel.close{reply-code=404 reply-text=NOT_FOUND - no queue 'q' in vhost '/' class-id=50 method-id=10}";

TEST(SessionChannel, is_opened_with_a_share_of_bytes_for_the_first_one) {
  SessionTester s;
  s.start();
  s.session.authenticated(std::make_shared<UserPermissions>(UserPermissions{{"/", permissions(".*", ".*", ".*")}}));
  s.tune();
  s.send(ConnectionOpen{.virtual_host = "/"}, 0);
  s.said();
  s.send(ChannelOpen{}, 3);
  s.send(ChannelOpen{}, 2047);
  EXPECT_EQ(s.asked(), "open, grant 1048576, open");
  EXPECT_EQ(s.said(), "3:channel.open-ok{} 2047:channel.open-ok{}");
}

TEST(SessionChannel, opened_twice_ends_the_connection) {
  SessionTester s;
  s.open();
  s.send(ChannelOpen{});
  EXPECT_EQ(s.said(),
            "connection.close{reply-code=504 reply-text=CHANNEL_ERROR - second 'channel.open' seen class-id=20 "
            "method-id=10}");
}

TEST(SessionChannel, beyond_the_negotiated_maximum_ends_the_connection) {
  SessionTester s({.channel_max = 10});
  s.open();
  s.send(ChannelOpen{}, 10);
  EXPECT_EQ(s.said(), "10:channel.open-ok{}");
  s.send(ChannelOpen{}, 11);
  EXPECT_TRUE(s.said().starts_with("connection.close{reply-code=530 "));
}

TEST(SessionChannel, that_is_not_open_takes_nothing) {
  SessionTester s;
  s.open();
  s.send(QueueDeclare{.queue = "q"}, 2);
  EXPECT_EQ(
      s.said(),
      "connection.close{reply-code=504 reply-text=CHANNEL_ERROR - expected 'channel.open' class-id=50 method-id=10}");
}

TEST(SessionChannel, is_closed_when_the_engine_has_closed_it) {
  SessionTester s;
  s.open();
  s.send(ChannelClose{.reply_code = 200});
  EXPECT_EQ(s.asked(), "close");
  EXPECT_EQ(s.said(), "");
  s.answer_all();
  EXPECT_EQ(s.said(), "channel.close-ok{}");
  s.send(ChannelOpen{});
  EXPECT_EQ(s.said(), "channel.open-ok{}");
}

TEST(SessionChannel, answers_its_methods_in_the_order_in_which_they_came) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{.queue = "q"}) + bytes_of_method(BasicQos{.prefetch_count = 5}) +
         bytes_of_method(QueuePurge{.queue = "q"}) + bytes_of_method(QueueDelete{.queue = "q"}) +
         bytes_of_method(ConfirmSelect{}));
  EXPECT_EQ(s.asked(), "declare q, purge q, delete q");
  EXPECT_EQ(s.said(), "");
  s.answer(QueueInfo{3, 0, 1});
  EXPECT_EQ(s.said(), "queue.declare-ok{queue=q message-count=3 consumer-count=1} basic.qos-ok{}");
  const Request purge = s.take().value();
  s.answer(MessageCount{2});
  EXPECT_EQ(s.said(), "");
  s.session.reply(purge.request, ClientReply(MessageCount{7}));
  EXPECT_EQ(s.said(), "queue.purge-ok{message-count=7} queue.delete-ok{message-count=2} confirm.select-ok{}");
}

TEST(SessionChannel, does_not_answer_what_wants_no_answer) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{.queue = "q", .no_wait = true}) +
         bytes_of_method(ExchangeDeclare{.exchange = "e", .type = "fanout", .no_wait = true}) +
         bytes_of_method(BasicConsume{.queue = "q", .consumer_tag = "t", .no_wait = true}) +
         bytes_of_method(ConfirmSelect{.no_wait = true}));
  s.answer_all();
  EXPECT_EQ(s.asked(), "declare q, declare exchange e, consume q 200000");
  EXPECT_EQ(s.said(), "");
}

TEST(SessionChannel, ends_with_an_error_of_the_engine_and_answers_nothing_behind_it) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{.queue = "q", .passive = true}) + bytes_of_method(BasicQos{.prefetch_count = 5}) +
         bytes_of_method(QueueDeclare{.queue = "other"}) + bytes_of_method(TxSelect{}));
  s.refuse(not_found());
  EXPECT_EQ(s.said(), kNotFoundClose);
  EXPECT_EQ(s.asked(), "look q, declare other, close");
  EXPECT_EQ(request_text(s.take().value()), "close");
  s.send(BasicQos{});
  s.send(QueueDeclare{.queue = "r"});
  EXPECT_EQ(s.said() + s.asked(), "");
  s.send(ChannelCloseOk{});
  s.send(ChannelOpen{});
  EXPECT_EQ(s.said(), "channel.open-ok{}");
}

TEST(SessionChannel, ends_with_the_error_of_a_publish_and_answers_nothing_that_came_with_it) {
  for (const std::string& behind :
       {bytes_of_method(QueueDeclare{.queue = "q"}), bytes_of_method(BasicQos{}), bytes_of_method(BasicAck{1, false}),
        bytes_of_method(ConfirmSelect{}), bytes_of_method(ChannelClose{})}) {
    SessionTester s;
    s.open();
    s.feed(published(1, {.exchange = "missing"}, "m") + behind);
    s.refuse({ErrorCode::kNotFound, "EXCHANGE_UNKNOWN", "no exchange 'missing' in vhost '/'", {}});
    s.answer_all();
    const bool closed = behind == bytes_of_method(ChannelClose{});
    EXPECT_EQ(s.said(), closed ? "channel.close-ok{}"
                               : "channel.close{reply-code=404 reply-text=NOT_FOUND - no exchange 'missing' in vhost "
                                 "'/' class-id=60 method-id=40}");
    if (!closed) s.send(ChannelCloseOk{});
    s.answer_all();
    s.said();
    s.send(ChannelOpen{});
    EXPECT_EQ(s.said(), "channel.open-ok{}") << "its number is free";
  }
}

TEST(SessionChannel, keeps_what_a_publish_is_owed_when_an_acknowledgement_behind_it_fails) {
  SessionTester s;
  s.open();
  s.send(ConfirmSelect{});
  s.said();
  s.feed(published(1, {.routing_key = "q"}, "m") + bytes_of_method(BasicAck{7, false}));
  s.answer();
  s.refuse(s.requests.back(), unknown_delivery_tag(7));
  EXPECT_EQ(s.said(),
            "basic.ack{delivery-tag=1} channel.close{reply-code=406 reply-text=PRECONDITION_FAILED - "
            "unknown delivery tag 7 class-id=60 method-id=80}");
}

TEST(SessionChannel, says_an_error_of_its_own_in_its_turn) {
  SessionTester s;
  s.open(permissions(".*", ".*", "q"));
  s.feed(bytes_of_method(QueueDeclare{.queue = "q"}) + bytes_of_method(BasicGet{.queue = "secret"}));
  EXPECT_EQ(s.said(), "");
  EXPECT_EQ(s.asked(), "declare q, close");
  s.answer_all();
  EXPECT_EQ(s.said(),
            "queue.declare-ok{queue=q} channel.close{reply-code=403 reply-text=ACCESS_REFUSED - read access to queue "
            "'secret' in vhost '/' refused for user 'guest' class-id=60 method-id=70}");
}

TEST(SessionChannel, waits_with_an_error_for_what_was_asked_before_it) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueuePurge{.queue = "p"}) + bytes_of_method(QueueDeclare{.queue = "q", .passive = true}));
  const Request purge = s.take().value();
  s.refuse(not_found());
  EXPECT_EQ(s.said(), "");
  s.answer(purge);
  EXPECT_EQ(s.said(), "queue.purge-ok{} " + std::string(kNotFoundClose));
}

TEST(SessionChannel, ends_the_connection_when_what_came_before_was_answered) {
  for (const bool refused : {false, true}) {
    SessionTester s;
    s.open();
    s.feed(bytes_of_method(QueueDeclare{.queue = "q"}) + bytes_of_method(ChannelFlow{.active = false}) +
           bytes_of_method(QueuePurge{.queue = "q"}));
    EXPECT_EQ(s.said(), "");
    refused ? s.refuse(not_found()) : s.answer();
    EXPECT_EQ(s.said(), refused
                            ? "channel.close{reply-code=404 reply-text=NOT_FOUND - no queue 'q' in vhost '/' "
                              "class-id=50 method-id=10}"
                            : "queue.declare-ok{queue=q} connection.close{reply-code=540 reply-text=NOT_IMPLEMENTED "
                              "- active=false class-id=20 method-id=20}");
    EXPECT_EQ(s.asked(), refused ? "declare q, close" : "declare q");
  }
}

TEST(SessionChannel, is_closed_by_the_client_though_something_failed_before) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{.queue = "q", .passive = true}) + bytes_of_method(ChannelClose{}));
  s.refuse(not_found());
  EXPECT_EQ(s.said(), "");
  s.answer_all();
  EXPECT_EQ(s.said(), "channel.close-ok{}");
}

TEST(SessionChannel, may_be_closed_by_both_sides_at_once) {
  SessionTester s;
  s.open();
  s.send(QueueDeclare{.queue = "q", .passive = true});
  s.refuse(not_found());
  s.send(ChannelClose{});
  EXPECT_EQ(s.said(), std::string(kNotFoundClose) + " channel.close-ok{}");
  s.send(ChannelCloseOk{});
  s.send(ChannelOpen{});
  EXPECT_EQ(s.said(), "channel.open-ok{}");
}

TEST(SessionChannel, is_told_the_code_of_an_error) {
  const std::vector<std::pair<Error, std::string>> cases = {
      {{ErrorCode::kPermissionDenied, "X", "x", {}}, "channel.close{reply-code=403 reply-text=ACCESS_REFUSED - x"},
      {{ErrorCode::kNotFound, "X", "x", {}}, "channel.close{reply-code=404 reply-text=NOT_FOUND - x"},
      {{ErrorCode::kFailedPrecondition, "QUEUE_LOCKED", "x", {}},
       "channel.close{reply-code=405 reply-text=RESOURCE_LOCKED - x"},
      {{ErrorCode::kInvalidArgument, "X", "x", {}}, "channel.close{reply-code=406 reply-text=PRECONDITION_FAILED - x"},
      {{ErrorCode::kFailedPrecondition, "X", "x", {}},
       "channel.close{reply-code=406 reply-text=PRECONDITION_FAILED - x"},
      {{ErrorCode::kInvalidArgument, "EXCHANGE_TYPE_UNKNOWN", "x", {}},
       "connection.close{reply-code=503 reply-text=COMMAND_INVALID - x"},
      {{ErrorCode::kUnavailable, "X", "x", {}}, "connection.close{reply-code=541 reply-text=INTERNAL_ERROR - x"}};
  for (const auto& [error, close] : cases) {
    SessionTester s;
    s.open();
    s.send(QueueDelete{.queue = "q"});
    s.refuse(error);
    EXPECT_EQ(s.said(), close + " class-id=50 method-id=40}");
  }
}

TEST(SessionChannel, ends_the_connection_with_what_is_not_implemented) {
  const auto said = [](const auto& method) {
    SessionTester s;
    s.open();
    s.send(method);
    EXPECT_EQ(s.asked(), "");
    return s.said();
  };
  const std::string close = "connection.close{reply-code=540 reply-text=NOT_IMPLEMENTED - ";
  EXPECT_EQ(said(ChannelFlow{.active = false}), close + "active=false class-id=20 method-id=20}");
  EXPECT_EQ(said(BasicQos{.prefetch_size = 1}), close + "prefetch_size!=0 (1) class-id=60 method-id=10}");
  EXPECT_EQ(said(BasicRecover{.requeue = false}), close + "requeue=false class-id=60 method-id=110}");
  EXPECT_EQ(said(BasicRecoverAsync{.requeue = false}), close + "requeue=false class-id=60 method-id=100}");
  EXPECT_EQ(said(BasicPublish{.immediate = true}), close + "immediate=true class-id=60 method-id=40}");
}

TEST(SessionChannel, refuses_methods_that_only_servers_send) {
  const auto said = [](const auto& method) {
    SessionTester s;
    s.open();
    s.send(method);
    return s.said();
  };
  const std::string close = "connection.close{reply-code=503 reply-text=COMMAND_INVALID - unimplemented method ";
  EXPECT_EQ(said(QueueDeclareOk{.queue = "q"}), close + "class-id=50 method-id=11}");
  EXPECT_EQ(said(BasicCancelOk{.consumer_tag = "t"}), close + "class-id=60 method-id=31}");
  EXPECT_EQ(said(ChannelCloseOk{}), close + "class-id=20 method-id=41}") << "nobody has asked for the end";
}

TEST(SessionChannel, says_nothing_more_when_the_connection_is_closing) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{.queue = "q"}) + bytes_of_method(QueueDeclareOk{}));
  EXPECT_TRUE(s.said().starts_with("connection.close{reply-code=503 "));
  s.answer_all();
  EXPECT_EQ(s.said(), "");
  s.send(QueueDeclare{.queue = "r"});
  s.send(ConnectionCloseOk{}, 0);
  EXPECT_EQ(s.asked(), "declare q");
  EXPECT_TRUE(s.session.finished());
}

TEST(SessionChannel, says_nothing_more_when_the_connection_is_closed) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{.queue = "q"}) + bytes_of_method(ConfirmSelect{}) +
         published(1, {.routing_key = "q"}, "a") + bytes_of_method(ConnectionClose{.reply_code = 200}, 0) +
         bytes_of_method(QueueDelete{.queue = "q"}));
  EXPECT_EQ(s.asked(), "declare q, publish /q=a");
  EXPECT_EQ(s.said(), "connection.close-ok{}");
  EXPECT_TRUE(s.session.finished());
  s.answer_all();
  EXPECT_EQ(s.said(), "");
  s.send(QueueDelete{.queue = "q"});
  EXPECT_EQ(s.asked() + s.said(), "");
}

TEST(SessionChannel, is_not_answered_for_the_one_that_had_its_number_before) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(QueueDeclare{.queue = "q"}) + bytes_of_method(QueuePurge{.queue = "q"}));
  s.refuse(not_found());
  s.send(ChannelCloseOk{});
  s.send(ChannelOpen{});
  s.send(QueueDelete{.queue = "r"});
  s.said();
  s.answer_all();
  EXPECT_EQ(s.said(), "queue.delete-ok{}");
}

TEST(SessionChannel, answers_the_small_things_by_itself) {
  SessionTester s;
  s.open();
  s.feed(bytes_of_method(ChannelFlow{.active = true}) + bytes_of_method(AccessRequest{}) +
         bytes_of_method(BasicCancel{.consumer_tag = "unknown"}));
  s.send(ConnectionUpdateSecret{.new_secret = "new"}, 0);
  EXPECT_EQ(s.said(),
            "channel.flow-ok{active=1} access.request-ok{} basic.cancel-ok{consumer-tag=unknown} "
            "connection.update-secret-ok{}");
  EXPECT_EQ(s.asked(), "");
}

}  // namespace
}  // namespace escrow::broker::amqp
