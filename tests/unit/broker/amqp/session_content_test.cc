// Messages on their way in: however the bytes come, the same requests.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/random.h"
#include "tests/unit/broker/amqp/session_tester.h"

namespace escrow::broker::amqp {
namespace {

std::string header_of(std::uint64_t body_size, std::uint16_t channel = 1) {
  std::string frame;
  encode_content(channel, *encode_properties({}), "", kDefaultFrameMax, frame);
  std::string size;
  ByteWriter(size).u64_be(body_size);
  return frame.replace(kFrameHeaderSize + 4, 8, size);
}
std::string body_of(std::string_view body, std::uint16_t channel = 1) {
  std::string frame;
  ByteWriter out(frame);
  write_frame_header(FrameType::kBody, channel, body.size(), out);
  out.bytes(body).u8(kFrameEnd);
  return frame;
}
std::string publish_of(const std::string& key, std::uint16_t channel = 1) {
  return bytes_of_method(BasicPublish{.routing_key = key}, channel);
}
std::string closed(int code, const std::string& text, const std::string& where) {
  return (code < 500 ? "channel.close{reply-code=" : "connection.close{reply-code=") + std::to_string(code) +
         " reply-text=" + text + " " + where + "}";
}

/// How messages are bundled into requests depends on how they come; what they are does not.
std::string messages_of(SessionTester& s) {
  std::string text;
  for (const Request& request : s.requests) {
    if (std::holds_alternative<Publish>(request.command)) {
      text += request_text(request).substr(std::string_view("publish").size());
    } else {
      text += " [" + request_text(request) + "]";
    }
  }
  return text;
}

std::string busy_input() {
  std::string bytes = bytes_of_method(ConfirmSelect{}) + published(1, {.routing_key = "a"}, "one") +
                      published(1, {.exchange = "e", .routing_key = "b"}, "") +
                      published(1, {.routing_key = "c"}, std::string(3000, 'c'), only(&Properties::message_id, "m"));
  // Two channels at once, one of them opened within the content of the other, and what is answered at once in between.
  bytes += publish_of("d") + bytes_of_method(ChannelOpen{}, 2) + header_of(6) + publish_of("e", 2) + body_of("dd") +
           bytes_of_method(ConnectionUpdateSecret{}, 0) + header_of(4, 2) + body_of("dddd") + body_of("eeee", 2);
  encode_heartbeat(bytes);
  bytes += publish_of("f") + header_of(5) + body_of("f") + bytes_of_method(QueueDeclare{.queue = "q"}, 2) +
           body_of("ffff") + bytes_of_method(QueueDelete{.queue = "q"}) + published(1, {.routing_key = "g"}, "g");
  return bytes;
}

TEST(SessionContent, is_the_same_in_one_piece_and_byte_by_byte) {
  SessionTester whole;
  whole.open();
  whole.feed(busy_input());
  SessionTester bytewise;
  bytewise.open();
  for (const char byte : busy_input()) bytewise.feed({&byte, 1});
  EXPECT_EQ(messages_of(bytewise), messages_of(whole));
  EXPECT_NE(messages_of(whole).find(" [declare q] /f=fffff [delete q] /g=g"), std::string::npos) << messages_of(whole);
  EXPECT_EQ(bytewise.said(), whole.said());
}

TEST(SessionContent, is_the_same_cut_anywhere) {
  SessionTester whole;
  whole.open();
  whole.feed(busy_input());
  const std::string input = busy_input();
  const std::string said = whole.said();
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    SessionTester s;
    s.open();
    s.feed(input.substr(0, cut));
    s.feed(input.substr(cut));
    ASSERT_EQ(messages_of(s), messages_of(whole)) << cut;
    ASSERT_EQ(s.said(), said) << cut;
    EXPECT_EQ(s.rest(), 0u);
  }
}

TEST(SessionContent, is_the_same_in_random_pieces) {
  std::string input = busy_input();
  // Too long to be read again: it is copied while it comes.
  input += publish_of("long") + header_of(100'000) + body_of(std::string(40'000, 'x')) +
           bytes_of_method(QueuePurge{.queue = "q"}, 2) + body_of(std::string(60'000, 'y')) +
           busy_input().substr(0, 300);
  SessionTester whole;
  whole.open();
  whole.feed(input);
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    SessionTester s;
    s.open();
    for (std::string_view rest = input; !rest.empty();) {
      const std::string_view piece = rest.substr(0, 1 + random.below(random.chance(0.9) ? 200 : 30'000));
      s.feed(piece);
      rest.remove_prefix(piece.size());
    }
    ASSERT_EQ(messages_of(s), messages_of(whole)) << "seed " << seed;
    ASSERT_EQ(s.rest(), whole.rest()) << "seed " << seed;
  }
}

TEST(SessionContent, may_be_empty_or_in_many_frames) {
  SessionTester s;
  s.open();
  s.publish("q", "");
  std::string bytes = publish_of("q") + header_of(1000);
  for (int i = 0; i < 1000; ++i) bytes += body_of("x");
  s.feed(bytes);
  s.feed(publish_of("q") + header_of(2) + body_of("") + body_of("ab"));
  EXPECT_EQ(s.asked(), "publish /q=, publish /q=" + std::string(1000, 'x') + ", publish /q=ab");
}

TEST(SessionContent, that_came_together_goes_together) {
  SessionTester s;
  s.open();
  s.feed(published(1, {.routing_key = "a"}, "1") + published(1, {.routing_key = "b"}, "2"));
  EXPECT_EQ(s.asked(), "publish /a=1 /b=2");
}

TEST(SessionContent, with_more_bytes_than_its_header_says_ends_the_connection) {
  SessionTester s;
  s.open();
  s.feed(publish_of("q") + header_of(2) + body_of("a") + body_of("bc"));
  EXPECT_EQ(s.said(), closed(505, "UNEXPECTED_FRAME - expected content body, got non content body frame instead",
                             "class-id=60 method-id=40"));
  EXPECT_EQ(s.asked(), "");
}

TEST(SessionContent, without_its_method_ends_the_connection) {
  for (const std::string& bytes : {header_of(1), body_of("a"), header_of(1, 9)}) {
    SessionTester s;
    s.open();
    s.feed(bytes);
    EXPECT_EQ(s.said(),
              "connection.close{reply-code=505 reply-text=UNEXPECTED_FRAME - expected method frame, got non method "
              "frame instead}");
  }
}

TEST(SessionContent, out_of_order_ends_the_connection) {
  const auto said = [](const std::string& bytes) {
    SessionTester s;
    s.open();
    s.feed(bytes);
    return s.said();
  };
  const std::string no_header =
      closed(505, "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead",
             "class-id=60 method-id=40");
  EXPECT_EQ(said(publish_of("q") + body_of("a")), no_header);
  EXPECT_EQ(said(publish_of("q") + bytes_of_method(BasicQos{})), no_header);
  const std::string no_body = closed(
      505, "UNEXPECTED_FRAME - expected content body, got non content body frame instead", "class-id=60 method-id=40");
  EXPECT_EQ(said(publish_of("q") + header_of(1) + header_of(1)), no_body);
  EXPECT_EQ(said(publish_of("q") + header_of(1) + body_of("too long")), no_body);
}

TEST(SessionContent, that_is_interrupted_by_a_method_ends_the_connection) {
  SessionTester s;
  s.open();
  s.feed(publish_of("q") + header_of(2) + bytes_of_method(BasicQos{}));
  EXPECT_EQ(s.said(), closed(505, "UNEXPECTED_FRAME - expected content body, got non content body frame instead",
                             "class-id=60 method-id=40"));
  s.send(ConnectionCloseOk{}, 0);
  EXPECT_TRUE(s.session.finished());
}

TEST(SessionContent, on_channel_0_ends_the_connection) {
  SessionTester s;
  s.open();
  s.feed(header_of(1, 0));
  EXPECT_TRUE(s.said().starts_with("connection.close{reply-code=505 "));
}

TEST(SessionContent, may_be_as_large_as_the_server_takes_and_not_larger) {
  SessionTester s({.message_bytes = 3});
  s.open();
  s.publish("q", "abc");
  EXPECT_EQ(s.asked(), "publish /q=abc");
  s.publish("q", "abcd");
  EXPECT_EQ(s.asked(), "close");
  s.answer_all();
  EXPECT_EQ(s.said(), closed(406, "PRECONDITION_FAILED - message size 4 is larger than configured max size 3",
                             "class-id=60 method-id=40"));
}

TEST(SessionContent, with_the_name_of_another_user_is_refused) {
  SessionTester s;
  s.open();
  s.publish("q", "a", only(&Properties::user_id, "guest"));
  s.answer_all();
  EXPECT_EQ(s.asked(), "publish /q=a");
  s.publish("q", "b", only(&Properties::user_id, "root"));
  EXPECT_EQ(s.asked(), "check / or refuse");
  s.answer_all();
  EXPECT_EQ(s.said(),
            closed(406, "PRECONDITION_FAILED - user_id property set to 'root' but authenticated user was 'guest'",
                   "class-id=60 method-id=40"));
}

TEST(SessionContent, that_is_refused_may_have_no_exchange_which_counts_more) {
  SessionTester s;
  s.open();
  s.feed(published(1, {.exchange = "e", .routing_key = "k"}, "a", only(&Properties::expiration, "x")));
  EXPECT_EQ(s.asked(), "check /e or refuse");
  s.refuse({ErrorCode::kNotFound, "EXCHANGE_UNKNOWN", "no exchange 'e' in vhost '/'", {}});
  EXPECT_EQ(s.said(), closed(404, "NOT_FOUND - no exchange 'e' in vhost '/'", "class-id=60 method-id=40"));
}

TEST(SessionContent, with_an_expiration_that_is_no_number_is_refused) {
  const std::pair<std::string, std::string> wrong[] = {
      {"", "no_integer"},
      {"x", "no_integer"},
      {"-1", "{value_negative,-1}"},
      {"1.5", "{leftover_string,\".5\"}"},
      {"1 ", "{leftover_string,\" \"}"},
      {"99999999999999999999", "{value_too_large,99999999999999999999}"}};
  for (const auto& [expiration, complaint] : wrong) {
    SessionTester s;
    s.open();
    s.publish("q", "a", only(&Properties::expiration, expiration));
    EXPECT_EQ(s.asked(), "check / or refuse");
    s.answer_all();
    EXPECT_EQ(s.said(), closed(406, "PRECONDITION_FAILED - invalid expiration '" + expiration + "': " + complaint,
                               "class-id=60 method-id=40"));
  }
  SessionTester s;
  s.open();
  s.publish("q", "a", only(&Properties::expiration, "0"));
  EXPECT_EQ(s.asked(), "publish /q=a");
}

TEST(SessionContent, of_a_channel_that_failed_is_passed_over) {
  SessionTester s({.message_bytes = 3});
  s.open();
  s.feed(published(1, {.routing_key = "q"}, "abcd") + published(1, {.routing_key = "q"}, "a") +
         bytes_of_method(ChannelOpen{}, 2) + published(2, {.routing_key = "q"}, "b"));
  EXPECT_EQ(s.asked(), "close, open, publish /q=b");
}

}  // namespace
}  // namespace escrow::broker::amqp
