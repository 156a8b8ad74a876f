#include "broker/core/headers_match.h"

#include <gtest/gtest.h>

#include <optional>

namespace escrow::broker {
namespace {

using Fields = std::initializer_list<std::pair<const char*, FieldValue>>;

FieldTable table(Fields fields) {
  FieldTable t;
  for (const auto& [name, value] : fields) t.set(name, value);
  return t;
}
FieldValue text(std::string s) { return {std::move(s)}; }
FieldValue number(std::int32_t n) { return {n}; }

bool match(Fields arguments, Fields headers) {
  const FieldTable h = table(headers);
  return headers_match(table(arguments), &h);
}

TEST(HeadersMatch, all_wants_every_header) {
  EXPECT_TRUE(match({{"x-match", text("all")}, {"a", number(1)}, {"b", number(2)}},
                    {{"b", number(2)}, {"a", number(1)}, {"c", number(3)}}));
  EXPECT_FALSE(match({{"x-match", text("all")}, {"a", number(1)}, {"b", number(2)}}, {{"a", number(1)}}));
  EXPECT_FALSE(
      match({{"x-match", text("all")}, {"a", number(1)}, {"b", number(2)}}, {{"a", number(1)}, {"b", number(3)}}));
}

TEST(HeadersMatch, is_all_unless_told_otherwise) {
  EXPECT_TRUE(match({{"a", number(1)}}, {{"a", number(1)}}));
  EXPECT_FALSE(match({{"a", number(1)}, {"b", number(2)}}, {{"a", number(1)}}));
}

TEST(HeadersMatch, any_wants_one_header) {
  const Fields arguments = {{"x-match", text("any")}, {"a", number(1)}, {"b", number(2)}};
  EXPECT_TRUE(match(arguments, {{"b", number(2)}}));
  EXPECT_TRUE(match(arguments, {{"a", number(9)}, {"b", number(2)}}));
  EXPECT_FALSE(match(arguments, {{"a", number(2)}, {"b", number(1)}}));
  EXPECT_FALSE(match(arguments, {}));
}

TEST(HeadersMatch, without_wishes_all_matches_everything_and_any_nothing) {
  EXPECT_TRUE(match({}, {}));
  EXPECT_TRUE(match({}, {{"a", number(1)}}));
  EXPECT_TRUE(match({{"x-match", text("all")}}, {{"a", number(1)}}));
  EXPECT_FALSE(match({{"x-match", text("any")}}, {{"a", number(1)}}));
}

TEST(HeadersMatch, a_message_without_headers_matches_only_where_nothing_is_wanted) {
  EXPECT_TRUE(headers_match(table({}), nullptr));
  EXPECT_TRUE(headers_match(table({{"x-match", text("all")}}), nullptr));
  EXPECT_FALSE(headers_match(table({{"a", number(1)}}), nullptr));
  EXPECT_FALSE(headers_match(table({{"a", {FieldVoid{}}}}), nullptr));
  EXPECT_FALSE(headers_match(table({{"x-match", text("any")}, {"a", number(1)}}), nullptr));
}

TEST(HeadersMatch, a_void_wish_is_met_by_any_value_of_that_name) {
  for (const FieldValue& value : {number(1), text("x"), FieldValue{FieldVoid{}}, FieldValue{FieldTable{}}}) {
    EXPECT_TRUE(match({{"a", {FieldVoid{}}}}, {{"a", value}}));
  }
  EXPECT_FALSE(match({{"a", {FieldVoid{}}}}, {{"b", number(1)}}));
}

TEST(HeadersMatch, a_void_header_meets_no_other_wish) {
  EXPECT_FALSE(match({{"a", number(0)}}, {{"a", {FieldVoid{}}}}));
}

TEST(HeadersMatch, headers_that_begin_with_x_dash_take_part_only_when_asked_for) {
  const std::initializer_list<std::pair<const char*, FieldValue>> headers = {{"x-a", number(1)}, {"b", number(1)}};
  EXPECT_TRUE(match({{"x-match", text("all")}, {"x-a", number(9)}, {"b", number(1)}}, headers));
  EXPECT_FALSE(match({{"x-match", text("all-with-x")}, {"x-a", number(9)}, {"b", number(1)}}, headers));
  EXPECT_TRUE(match({{"x-match", text("all-with-x")}, {"x-a", number(1)}, {"b", number(1)}}, headers));
  EXPECT_FALSE(match({{"x-match", text("any")}, {"x-a", number(1)}, {"b", number(9)}}, headers));
  EXPECT_TRUE(match({{"x-match", text("any-with-x")}, {"x-a", number(1)}, {"b", number(9)}}, headers));
}

TEST(HeadersMatch, x_match_itself_is_never_wanted) {
  EXPECT_TRUE(match({{"x-match", text("all-with-x")}}, {}));
  EXPECT_FALSE(match({{"x-match", text("any-with-x")}}, {{"x-match", text("any-with-x")}}));
}

TEST(HeadersMatch, integers_of_all_types_compare_by_their_number) {
  const FieldValue sevens[] = {{std::int8_t{7}},  {std::uint8_t{7}},  {std::int16_t{7}}, {std::uint16_t{7}},
                               {std::int32_t{7}}, {std::uint32_t{7}}, {std::int64_t{7}}};
  for (const FieldValue& wanted : sevens) {
    for (const FieldValue& sent : sevens) EXPECT_TRUE(match({{"a", wanted}}, {{"a", sent}}));
    EXPECT_FALSE(match({{"a", wanted}}, {{"a", number(8)}}));
  }
  EXPECT_FALSE(match({{"a", {std::int32_t{-1}}}}, {{"a", {std::uint32_t{0xffffffff}}}}));
}

TEST(HeadersMatch, numbers_with_a_point_compare_with_those_without) {
  EXPECT_TRUE(match({{"a", number(1)}}, {{"a", {1.0}}}));
  EXPECT_TRUE(match({{"a", {1.5f}}}, {{"a", {1.5}}}));
  EXPECT_FALSE(match({{"a", number(1)}}, {{"a", {1.5}}}));
}

TEST(HeadersMatch, other_types_do_not_mix) {
  const FieldValue values[] = {number(1),           {true}, text("1"), {FieldTimestamp{1}}, {FieldBytes{"1"}},
                               {FieldDecimal{0, 1}}};
  for (std::size_t i = 0; i < std::size(values); ++i) {
    for (std::size_t j = 0; j < std::size(values); ++j) {
      EXPECT_EQ(match({{"a", values[i]}}, {{"a", values[j]}}), i == j) << i << " and " << j;
    }
  }
}

TEST(HeadersBinding, knows_four_kinds_of_matching) {
  for (const char* kind : {"all", "any", "all-with-x", "any-with-x"}) {
    EXPECT_TRUE(check_headers_binding(table({{"x-match", text(kind)}})).ok()) << kind;
  }
  EXPECT_TRUE(check_headers_binding(table({})).ok());
  EXPECT_TRUE(check_headers_binding(table({{"a", number(1)}})).ok());
}

TEST(HeadersBinding, of_any_other_kind_is_rejected) {
  for (const FieldValue& kind : {text(""), text("ALL"), text("some"), text("all-with-y"), number(1),
                                 FieldValue{FieldVoid{}}, FieldValue{FieldBytes{"all"}}}) {
    const auto result = check_headers_binding(table({{"x-match", kind}}));
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(result.error().reason, "ARGUMENT_INVALID");
  }
}

TEST(HeadersBinding, is_rejected_in_the_words_of_rabbitmq) {
  EXPECT_EQ(check_headers_binding(table({{"x-match", text("bogus")}})).error().message,
            "Invalid x-match field value <<\"bogus\">>; expected all, any, all-with-x, or any-with-x");
  EXPECT_EQ(check_headers_binding(table({{"x-match", {std::int8_t{1}}}})).error().message,
            "Invalid x-match field type byte (value 1); expected longstr");
}

}  // namespace
}  // namespace escrow::broker
