#include "client/cpp/internal/message_codec.h"

#include <gtest/gtest.h>

#include "client/cpp/internal/transaction_codec.h"

namespace escrow::client::internal {
namespace {

Message round_trip(Message message) {
  v1::Message proto;
  to_proto(std::move(message), proto);
  v1::Message received;
  EXPECT_TRUE(received.ParseFromString(proto.SerializeAsString()));
  return from_proto(std::move(received));
}

TEST(MessageCodec, every_property_survives) {
  Message message{.exchange = "orders", .routing_key = "placed.eu", .body = std::string("\0\xff", 2), .vhost = "shop"};
  message.properties = {.content_type = "application/json",
                        .content_encoding = "gzip",
                        .headers = {{"attempt", 3}},
                        .persistent = false,
                        .priority = 9,
                        .correlation_id = "c",
                        .reply_to = "r",
                        .expiration = "1000",
                        .message_id = "m",
                        .timestamp = Timestamp(std::chrono::seconds(1'700'000'000)),
                        .type = "order.placed",
                        .user_id = "guest",
                        .app_id = "shop"};
  EXPECT_EQ(round_trip(message), message);
}

TEST(MessageCodec, absent_properties_stay_absent_and_empty_ones_stay_empty) {
  EXPECT_EQ(round_trip({.routing_key = "q"}).properties, Properties{});
  const Properties properties{.message_id = ""};
  EXPECT_EQ(round_trip({.properties = properties}).properties, properties);
}

TEST(MessageCodec, every_kind_of_header_survives) {
  FieldTable headers;
  headers["void"] = FieldVoid{};
  headers["bool"] = true;
  headers["int8"] = std::int8_t{-8};
  headers["int16"] = std::int16_t{-1600};
  headers["int32"] = -320000;
  headers["int64"] = std::int64_t{-1} << 60;
  headers["uint8"] = std::uint8_t{200};
  headers["uint16"] = std::uint16_t{60000};
  headers["uint32"] = std::uint32_t{4'000'000'000};
  headers["float"] = 1.5f;
  headers["double"] = 2.25;
  headers["decimal"] = FieldDecimal{2, -12345};
  headers["string"] = "text";
  headers["bytes"] = FieldBytes{"\x01\x02"};
  headers["time"] = Timestamp(std::chrono::seconds(5));
  headers["array"] = FieldArray{1, "two", FieldArray{3.0}};
  headers["table"] = FieldTable{{"inner", FieldTable{{"deep", false}}}};
  EXPECT_EQ(round_trip({.properties = {.headers = headers}}).properties.headers, headers);
}

TEST(MessageCodec, a_literal_is_a_string_and_not_a_bool) {
  const FieldValue value = "true";
  ASSERT_NE(value.as<std::string>(), nullptr);
  EXPECT_EQ(*value.as<std::string>(), "true");
  EXPECT_EQ(value.as<bool>(), nullptr);
}

TEST(MessageCodec, times_before1970_survive) {
  google::protobuf::Timestamp proto;
  const Timestamp time{Duration(-1'500'001)};
  to_proto(time, proto);
  EXPECT_GE(proto.nanos(), 0);
  EXPECT_EQ(from_proto(proto), time);
}

TEST(AuditReason, is_cut_between_characters) {
  EXPECT_EQ(audit_reason(std::string(1024, 'x')).size(), 1024u);
  EXPECT_EQ(audit_reason(std::string(1025, 'x')).size(), 1024u);
  const std::string reason = audit_reason(std::string(1023, 'x') + "é");
  EXPECT_EQ(reason, std::string(1023, 'x'));
}

TEST(AuditReason, is_made_utf8) {
  EXPECT_EQ(audit_reason("Zürich"), "Zürich");
  EXPECT_EQ(audit_reason("Z\xfcrich"), "Z?rich");
  EXPECT_EQ(audit_reason("cut \xc3"), "cut ?");
}

}  // namespace
}  // namespace escrow::client::internal
