#include "rpc/message_codec.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "rpc/frame.h"

namespace escrow::rpc {
namespace {

const Caller kAlice{"alice", 1000};

v1::Message full_message() {
  v1::Message m;
  m.set_exchange("orders");
  m.set_routing_key("orders.new");
  m.set_body(std::string("\0\xff", 2) + "body");
  m.set_vhost("/");
  v1::Properties& p = *m.mutable_properties();
  p.set_content_type("text/plain");
  p.set_content_encoding("gzip");
  (*p.mutable_headers()->mutable_fields())["attempt"].set_int32_value(3);
  p.set_persistent(true);
  p.set_priority(9);
  p.set_correlation_id("c");
  p.set_reply_to("r");
  p.set_expiration("60000");
  p.set_message_id("m");
  p.mutable_timestamp()->set_seconds(1'700'000'000);
  p.set_type("t");
  p.set_user_id("alice");
  p.set_app_id("app");
  return m;
}

std::string reason(const std::function<void(v1::Message&)>& change) {
  v1::Message m = full_message();
  change(m);
  EncodedProperties encoded;
  const Result<MessageView> view = to_view(m, kAlice, encoded);
  const Result<Message> message = to_model(m, kAlice);
  EXPECT_EQ(view.ok(), message.ok()) << "both ways in check the same";
  return message ? "accepted" : message.error().reason;
}

TEST(MessageProto, every_part_comes_back_as_it_was) {
  v1::Message in = full_message();
  const std::string before = in.SerializeAsString();
  const Result<Message> message = to_model(in, kAlice);
  ASSERT_TRUE(message.ok());
  v1::Message out;
  to_proto(message->view(), message->vhost, out);
  EXPECT_EQ(out.SerializeAsString(), before);
}

TEST(MessageProto, a_view_says_the_same_as_a_copy) {
  v1::Message in = full_message();
  EncodedProperties encoded;
  const Result<MessageView> view = to_view(in, kAlice, encoded);
  ASSERT_TRUE(view.ok());
  v1::Message copied = in;
  const Result<Message> message = to_model(copied, kAlice);
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(view->vhost, message->vhost);
  EXPECT_EQ(view->exchange, message->exchange);
  EXPECT_EQ(view->routing_key, message->routing_key);
  EXPECT_EQ(view->properties, message->properties);
  EXPECT_EQ(view->body, message->body);
}

TEST(MessageProto, messages_are_persistent_unless_they_say_otherwise) {
  const auto mode = [](const std::function<void(v1::Message&)>& change) {
    v1::Message m;
    change(m);
    return decode_properties(to_model(m, kAlice)->properties)->delivery_mode;
  };
  EXPECT_EQ(mode([](auto&) {}), 2);
  EXPECT_EQ(mode([](auto& m) { m.mutable_properties(); }), 2);
  EXPECT_EQ(mode([](auto& m) { m.mutable_properties()->set_persistent(true); }), 2);
  EXPECT_EQ(mode([](auto& m) { m.mutable_properties()->set_persistent(false); }), 1);
}

TEST(MessageProto, a_message_without_delivery_mode_is_delivered_as_transient) {
  Message m;
  v1::Message out;
  to_proto(m.view(), "/", out);
  EXPECT_TRUE(out.properties().has_persistent());
  EXPECT_FALSE(out.properties().persistent());
}

TEST(MessageProto, an_empty_vhost_is_the_default_one) {
  v1::Message m;
  EXPECT_EQ(to_model(m, kAlice)->vhost, "/");
  EncodedProperties encoded;
  EXPECT_EQ(to_view(m, kAlice, encoded)->vhost, "/");
}

TEST(MessageProto, user_id_is_the_caller_or_empty) {
  EXPECT_EQ(reason([](auto& m) { m.mutable_properties()->set_user_id("alice"); }), "accepted");
  EXPECT_EQ(reason([](auto& m) { m.mutable_properties()->set_user_id(""); }), "accepted");
  EXPECT_EQ(reason([](auto& m) { m.mutable_properties()->clear_user_id(); }), "accepted");
  EXPECT_EQ(reason([](auto& m) { m.mutable_properties()->set_user_id("bob"); }), "MALFORMED");
}

TEST(MessageProto, what_amqp_cannot_say_is_malformed) {
  EXPECT_EQ(reason([](auto& m) { m.mutable_properties()->set_priority(255); }), "accepted");
  EXPECT_EQ(reason([](auto& m) { m.mutable_properties()->set_priority(256); }), "MALFORMED");
  EXPECT_EQ(reason([](auto& m) { m.mutable_properties()->set_expiration("soon"); }), "MALFORMED");
  EXPECT_EQ(reason([](auto& m) { m.mutable_properties()->set_expiration(""); }), "MALFORMED");
  EXPECT_EQ(reason([](auto& m) { m.mutable_properties()->mutable_timestamp()->set_seconds(-1); }), "MALFORMED");
}

TEST(MessageProto, limits_hold_at_the_limit_and_one_past_it) {
  const auto of = [](std::size_t n) { return std::string(n, 'x'); };
  EXPECT_EQ(reason([&](auto& m) { m.set_body(of(1000)); }), "accepted");
  EXPECT_EQ(reason([&](auto& m) { m.set_body(of(1001)); }), "LIMIT_EXCEEDED");
  EXPECT_EQ(reason([&](auto& m) { m.set_routing_key(of(255)); }), "accepted");
  EXPECT_EQ(reason([&](auto& m) { m.set_routing_key(of(256)); }), "LIMIT_EXCEEDED");
  EXPECT_EQ(reason([&](auto& m) { m.set_exchange(of(255)); }), "accepted");
  EXPECT_EQ(reason([&](auto& m) { m.set_exchange(of(256)); }), "LIMIT_EXCEEDED");
  EXPECT_EQ(reason([&](auto& m) { m.set_vhost(of(256)); }), "LIMIT_EXCEEDED");
  EXPECT_EQ(reason([&](auto& m) { m.mutable_properties()->set_message_id(of(255)); }), "accepted");
  EXPECT_EQ(reason([&](auto& m) { m.mutable_properties()->set_message_id(of(256)); }), "LIMIT_EXCEEDED");
}

TEST(MessageProto, errors_name_their_limit) {
  v1::Message m;
  m.set_body(std::string(1001, 'x'));
  const Result<Message> message = to_model(m, kAlice);
  ASSERT_FALSE(message.ok());
  const std::vector<std::pair<std::string, std::string>> expected = {{"limit", "message_bytes"}, {"maximum", "1000"}};
  EXPECT_EQ(message.error().metadata, expected);
}

TEST(MessageProto, bytes_that_are_no_text_are_repaired_on_the_way_out) {
  Message m;
  m.routing_key = "caf\xe9";
  m.body = "\xe9";
  v1::Message out;
  to_proto(m.view(), "/", out);
  EXPECT_EQ(out.routing_key(), "caf\xEF\xBF\xBD");
  EXPECT_EQ(out.body(), "\xe9") << "a body is bytes";
}

TEST(FrameParsing, tables_as_deep_as_amqp_has_them_pass_through_the_deepest_request) {
  v1::FieldTable table;
  for (std::size_t i = 1; i < kMaxTableDepth; ++i) {
    v1::FieldTable outer;
    (*outer.mutable_fields())["t"].mutable_table_value()->Swap(&table);
    table.Swap(&outer);
  }
  v1::Message m;
  *m.mutable_properties()->mutable_headers() = table;
  const grpc::ByteBuffer bytes = serialize(m);
  v1::Message parsed;
  ASSERT_TRUE(parse(bytes, parsed).ok());
  EXPECT_TRUE(to_model(parsed, kAlice).ok());
}

TEST(FrameParsing, bytes_that_are_no_such_message_are_malformed) {
  v1::Message parsed;
  const Result<void> result = parse(to_buffer("\xff\xff\xff"), parsed);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, "MALFORMED");
  EXPECT_TRUE(parse(to_buffer(""), parsed).ok()) << "nothing is a message whose fields are unset";
}

}  // namespace
}  // namespace escrow::rpc
