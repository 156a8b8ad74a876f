#include "model/properties.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>

#include "model/message.h"
#include "tests/unit/golden.h"
#include "tests/unit/model/field_generators.h"

namespace escrow {
namespace {

std::string encoded(const Properties& properties) {
  const Result<std::string> bytes = encode_properties(properties);
  EXPECT_TRUE(bytes.ok());
  return bytes.ok() ? *bytes : std::string();
}

template <class T>
T owned(T v) {
  return v;
}
std::string owned(std::string_view v) { return std::string(v); }
FieldTable owned(EncodedTable v) { return *decode_table(v.bytes); }
template <class T>
auto owned(const std::optional<T>& v) {
  return v ? std::optional(owned(*v)) : std::nullopt;
}

Properties owned(const PropertiesView& v) {
  return {owned(v.content_type), owned(v.content_encoding), owned(v.headers),  owned(v.delivery_mode),
          owned(v.priority),     owned(v.correlation_id),   owned(v.reply_to), owned(v.expiration),
          owned(v.message_id),   owned(v.timestamp),        owned(v.type),     owned(v.user_id),
          owned(v.app_id),       owned(v.cluster_id)};
}

/// Whatever is decoded here is scanned too: the two accept, read and refuse alike.
Result<Properties> decoded(std::string_view bytes) {
  Result<Properties> properties = decode_properties(bytes);
  const Result<PropertiesView> view = scan_properties(bytes);
  EXPECT_EQ(view.ok(), properties.ok()) << hex(bytes);
  if (view && properties) {
    EXPECT_TRUE(owned(*view) == *properties) << hex(bytes);
  }
  if (!view && !properties) {
    EXPECT_EQ(view.error(), properties.error());
  }
  return properties;
}

Properties all() {
  FieldTable headers;
  headers.set("k", {true});
  Properties p;
  p.content_type = "a/b";
  p.content_encoding = "gzip";
  p.headers = headers;
  p.delivery_mode = 2;
  p.priority = 9;
  p.correlation_id = "c";
  p.reply_to = "r";
  p.expiration = "60000";
  p.message_id = "m";
  p.timestamp = 0x0102030405060708;
  p.type = "t";
  p.user_id = "u";
  p.app_id = "app";
  p.cluster_id = "cl";
  return p;
}

TEST(Properties, have_golden_bytes) {
  const std::string_view bytes =
      "fffc"                  // all flags but the two lowest
      "03 612f62"             // content-type
      "04 677a6970"           // content-encoding
      "00000004 01 6b 74 01"  // headers
      "02"                    // delivery-mode
      "09"                    // priority
      "01 63"                 // correlation-id
      "01 72"                 // reply-to
      "05 3630303030"         // expiration
      "01 6d"                 // message-id
      "0102030405060708"      // timestamp
      "01 74"                 // type
      "01 75"                 // user-id
      "03 617070"             // app-id
      "02 636c";              // cluster-id
  EXPECT_EQ(hex(encoded(all())), golden(bytes));
  const Result<Properties> back = decoded(bytes_of(bytes));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, all());
}

TEST(Properties, of_a_message_without_any_are_two_zero_bytes) {
  EXPECT_EQ(encoded(Properties{}), kNoProperties);
  const Result<Properties> back = decoded(kNoProperties);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, Properties{});
}

TEST(Properties, have_a_flag_each) {
  using Set = std::function<void(Properties&)>;
  const std::vector<std::pair<std::string, Set>> cases = {
      {"8000 01 78", [](Properties& p) { p.content_type = "x"; }},
      {"4000 01 78", [](Properties& p) { p.content_encoding = "x"; }},
      {"2000 00000000", [](Properties& p) { p.headers.emplace(); }},
      {"1000 01", [](Properties& p) { p.delivery_mode = 1; }},
      {"0800 05", [](Properties& p) { p.priority = 5; }},
      {"0400 01 78", [](Properties& p) { p.correlation_id = "x"; }},
      {"0200 01 78", [](Properties& p) { p.reply_to = "x"; }},
      {"0100 01 78", [](Properties& p) { p.expiration = "x"; }},
      {"0080 01 78", [](Properties& p) { p.message_id = "x"; }},
      {"0040 0000000000000001", [](Properties& p) { p.timestamp = 1; }},
      {"0020 01 78", [](Properties& p) { p.type = "x"; }},
      {"0010 01 78", [](Properties& p) { p.user_id = "x"; }},
      {"0008 01 78", [](Properties& p) { p.app_id = "x"; }},
      {"0004 01 78", [](Properties& p) { p.cluster_id = "x"; }},
  };
  for (const auto& [bytes, set] : cases) {
    Properties p;
    set(p);
    EXPECT_EQ(hex(encoded(p)), golden(bytes));
    const Result<Properties> back = decoded(bytes_of(bytes));
    ASSERT_TRUE(back.ok()) << bytes;
    EXPECT_EQ(*back, p);
  }
}

TEST(Properties, tell_an_empty_text_from_none) {
  Properties p;
  p.type = "";
  EXPECT_EQ(hex(encoded(p)), golden("0020 00"));
  EXPECT_EQ(*decoded(encoded(p)), p);
}

TEST(Properties, take_texts_of_255_bytes_and_no_longer) {
  Properties p;
  p.message_id = std::string(255, 'm');
  EXPECT_EQ(*decoded(encoded(p)), p);
  p.message_id->push_back('m');
  const Result<std::string> bytes = encode_properties(p);
  ASSERT_FALSE(bytes.ok());
  EXPECT_EQ(bytes.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(bytes.error().reason, "LIMIT_EXCEEDED");
}

void expect_malformed(std::string_view bytes) {
  const Result<Properties> properties = decoded(bytes);
  ASSERT_FALSE(properties.ok()) << hex(bytes);
  EXPECT_EQ(properties.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(properties.error().reason, "MALFORMED");
}

TEST(Properties, with_flags_that_amqp_does_not_have_are_rejected) {
  expect_malformed(bytes_of("0001"));
  expect_malformed(bytes_of("0002"));
  expect_malformed(bytes_of("1003 02"));
}

TEST(Properties, followed_by_anything_are_rejected) {
  expect_malformed(bytes_of("0000 00"));
  expect_malformed(encoded(all()) + "x");
}

TEST(Properties, cut_off_anywhere_are_rejected) {
  const std::string bytes = encoded(all());
  for (std::size_t size = 0; size < bytes.size(); ++size) expect_malformed(std::string_view(bytes).substr(0, size));
}

TEST(Properties, are_scanned_where_they_lie) {
  const std::string bytes = encoded(all());
  const Result<PropertiesView> view = scan_properties(bytes);
  ASSERT_TRUE(view.ok() && view->content_type && view->headers);
  EXPECT_EQ(view->content_type->data(), bytes.data() + 3);
  EXPECT_EQ(hex(view->headers->bytes), golden("00000004 01 6b 74 01"));
  EXPECT_EQ(find_in_table(view->headers->bytes, "k"), FieldValue{true});
}

TEST(Properties, tell_why_their_headers_are_rejected) {
  FieldTable deep;
  for (std::size_t i = 0; i < kMaxTableDepth; ++i) {
    FieldTable outer;
    outer.set("k", {std::move(deep)});
    deep = std::move(outer);
  }
  Properties p;
  p.headers = std::move(deep);
  const Result<Properties> back = decoded(encoded(p));
  ASSERT_FALSE(back.ok());
  EXPECT_EQ(back.error().reason, "LIMIT_EXCEEDED");
}

Properties any_properties() {
  const auto text = [] {
    return rc::gen::map(rc::gen::arbitrary<std::string>(), [](const std::string& s) { return s.substr(0, 255); });
  };
  const auto maybe_text = [&](std::optional<std::string>& field) {
    if (*rc::gen::arbitrary<bool>()) field = *text();
  };
  Properties p;
  for (auto* field : {&p.content_type, &p.content_encoding, &p.correlation_id, &p.reply_to, &p.expiration,
                      &p.message_id, &p.type, &p.user_id, &p.app_id, &p.cluster_id}) {
    maybe_text(*field);
  }
  if (*rc::gen::arbitrary<bool>()) p.headers = any_table(2);
  if (*rc::gen::arbitrary<bool>()) p.delivery_mode = *rc::gen::arbitrary<std::uint8_t>();
  if (*rc::gen::arbitrary<bool>()) p.priority = *rc::gen::arbitrary<std::uint8_t>();
  if (*rc::gen::arbitrary<bool>()) p.timestamp = *rc::gen::arbitrary<std::uint64_t>();
  return p;
}

RC_GTEST_PROP(Properties, read_back_as_they_were_written, ()) {
  const Properties p = any_properties();
  const Result<std::string> bytes = encode_properties(p);
  RC_ASSERT(bytes.ok());
  const Result<Properties> back = decoded(*bytes);
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == p);
}

RC_GTEST_PROP(Properties, survive_any_damage, ()) {
  std::string bytes = *encode_properties(any_properties());
  bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  if (const Result<Properties> back = decode_properties(bytes)) {
    RC_ASSERT(scan_properties(bytes).ok());
    const Result<std::string> again = encode_properties(*back);
    RC_ASSERT(again.ok());
    RC_ASSERT(again->size() == bytes.size());
  } else {
    RC_ASSERT(!scan_properties(bytes).ok());
  }
}

}  // namespace
}  // namespace escrow
