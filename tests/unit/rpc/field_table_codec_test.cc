#include "rpc/field_table_codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>

#include "tests/unit/golden.h"
#include "tests/unit/model/field_generators.h"

namespace escrow::rpc {
namespace {

constexpr std::uint64_t kMaxSeconds = 253'402'300'799;

FieldTable canonical(const FieldTable& table);

FieldValue canonical(const FieldValue& value) {
  if (const auto* time = std::get_if<FieldTimestamp>(&value.kind)) return {FieldTimestamp{time->seconds % kMaxSeconds}};
  if (const auto* table = std::get_if<FieldTable>(&value.kind)) return {canonical(*table)};
  if (const auto* array = std::get_if<FieldArray>(&value.kind)) {
    FieldArray out;
    for (const FieldValue& item : *array) out.push_back(canonical(item));
    return {out};
  }
  return value;
}

/// The same table as protobuf can say it: names in order, each once, of text.
FieldTable canonical(const FieldTable& table) {
  std::map<std::string, FieldValue> sorted;
  for (const auto& [name, value] : table) sorted.emplace(hex(name).substr(0, kMaxShortString), canonical(value));
  FieldTable out;
  for (auto& [name, value] : sorted) out.set(name, value);
  return out;
}

FieldTable nested(std::size_t depth) {
  FieldTable table;
  for (std::size_t i = 1; i < depth; ++i) {
    FieldTable outer;
    outer.set("t", {std::move(table)});
    table = std::move(outer);
  }
  return table;
}

Result<FieldTable> there_and_back(const FieldTable& table) {
  v1::FieldTable proto;
  to_proto(table, proto);
  return to_model(proto);
}

std::string reason(const v1::FieldTable& table) {
  const Result<FieldTable> result = to_model(table);
  return result ? "accepted" : result.error().reason;
}

RC_GTEST_PROP(FieldTableProto, every_table_comes_back_as_it_was, ()) {
  const FieldTable table = canonical(any_table(3));
  const Result<FieldTable> back = there_and_back(table);
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == table);
}

TEST(FieldTableProto, fields_are_in_order_of_name_whatever_the_map_says) {
  v1::FieldTable proto;
  for (const char* name : {"delta", "alpha", "charlie", "bravo"}) (*proto.mutable_fields())[name].set_int32_value(1);
  const Result<FieldTable> table = to_model(proto);
  ASSERT_TRUE(table.ok());
  std::string names;
  for (const auto& field : *table) names += field.name.front();
  EXPECT_EQ(names, "abcd");
}

TEST(FieldTableProto, the_first_of_two_fields_of_one_name_counts) {
  FieldTable table;
  table.append_unchecked("x", {std::int32_t{1}});
  table.append_unchecked("x", {std::int32_t{2}});
  v1::FieldTable proto;
  to_proto(table, proto);
  EXPECT_EQ(proto.fields().at("x").int32_value(), 1);
}

TEST(FieldTableProto, a_name_that_is_no_text_is_repaired) {
  FieldTable table;
  table.set("caf\xe9", {true});
  v1::FieldTable proto;
  to_proto(table, proto);
  EXPECT_TRUE(proto.fields().contains("caf\xEF\xBF\xBD"));
}

TEST(FieldTableProto, timestamps_beyond_what_protobuf_can_say_become_its_last) {
  FieldTable table;
  table.set("t", {FieldTimestamp{~0ull}});
  v1::FieldTable proto;
  to_proto(table, proto);
  EXPECT_EQ(proto.fields().at("t").timestamp_value().seconds(), static_cast<std::int64_t>(kMaxSeconds));
}

TEST(FieldTableProto, nesting_is_accepted_up_to_the_limit_and_no_further) {
  EXPECT_TRUE(there_and_back(nested(kMaxTableDepth)).ok());
  const Result<FieldTable> beyond = there_and_back(nested(kMaxTableDepth + 1));
  ASSERT_FALSE(beyond.ok());
  EXPECT_EQ(beyond.error().reason, "LIMIT_EXCEEDED");
}

TEST(FieldTableProto, entries_are_accepted_up_to_the_limit_and_no_further) {
  v1::FieldTable proto;
  auto& array = *(*proto.mutable_fields())["a"].mutable_array_value();
  for (std::size_t i = 1; i < kMaxTableEntries; ++i) array.add_values()->set_bool_value(true);
  EXPECT_EQ(reason(proto), "accepted");
  array.add_values()->set_bool_value(true);
  EXPECT_EQ(reason(proto), "LIMIT_EXCEEDED");
}

TEST(FieldTableProto, names_are_accepted_up_to_the_limit_and_no_further) {
  v1::FieldTable proto;
  (*proto.mutable_fields())[std::string(kMaxShortString, 'n')].set_bool_value(true);
  EXPECT_EQ(reason(proto), "accepted");
  (*proto.mutable_fields())[std::string(kMaxShortString + 1, 'n')].set_bool_value(true);
  EXPECT_EQ(reason(proto), "LIMIT_EXCEEDED");
}

TEST(FieldTableProto, numbers_that_do_not_fit_their_type_are_malformed) {
  const auto with = [](auto set) {
    v1::FieldTable proto;
    set((*proto.mutable_fields())["x"]);
    return reason(proto);
  };
  EXPECT_EQ(with([](auto& v) { v.set_int8_value(127); }), "accepted");
  EXPECT_EQ(with([](auto& v) { v.set_int8_value(128); }), "MALFORMED");
  EXPECT_EQ(with([](auto& v) { v.set_uint8_value(256); }), "MALFORMED");
  EXPECT_EQ(with([](auto& v) { v.set_int16_value(-32769); }), "MALFORMED");
  EXPECT_EQ(with([](auto& v) { v.set_uint16_value(65536); }), "MALFORMED");
  EXPECT_EQ(with([](auto& v) { v.mutable_decimal_value()->set_scale(256); }), "MALFORMED");
  EXPECT_EQ(with([](auto& v) { v.mutable_timestamp_value()->set_seconds(-1); }), "MALFORMED");
}

TEST(FieldTableProto, a_value_without_kind_is_malformed) {
  v1::FieldTable proto;
  (*proto.mutable_fields())["x"];
  EXPECT_EQ(reason(proto), "MALFORMED");
}

TEST(FieldTableLimits, a_table_has_so_many_bytes_nested_ones_included) {
  for (const std::size_t maximum : {kMaxArgumentsBytes, kMaxHeadersBytes}) {
    v1::FieldTable table;
    v1::FieldTable& inner = *(*table.mutable_fields())["t"].mutable_table_value();
    std::string& text = *(*inner.mutable_fields())["s"].mutable_string_value();
    text.assign(maximum - 22, 'x');
    EXPECT_TRUE(to_model(table, maximum).ok());
    text.push_back('x');
    const Result<FieldTable> refused = to_model(table, maximum);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().reason, "LIMIT_EXCEEDED");
    const decltype(Error::metadata) expected = {{"limit", "table_bytes"}, {"maximum", std::to_string(maximum)}};
    EXPECT_EQ(refused.error().metadata, expected);
  }
}

}  // namespace
}  // namespace escrow::rpc
