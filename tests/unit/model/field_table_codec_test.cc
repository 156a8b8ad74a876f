#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "model/field_table.h"
#include "tests/unit/golden.h"
#include "tests/unit/model/field_generators.h"

namespace escrow {
namespace {

std::string encoded(const FieldTable& table) {
  std::string out;
  encode_table(table, out);
  return out;
}

FieldTable with(FieldValue value) {
  FieldTable table;
  table.set("k", std::move(value));
  return table;
}

/// Whatever is decoded here is checked too: the two accept, advance and refuse alike.
Result<FieldTable> decoded(std::string_view in) {
  std::string_view checked_in = in;
  const std::string_view before = in;
  Result<FieldTable> table = decode_table(in);
  const Result<std::string_view> checked = check_table(checked_in);
  EXPECT_EQ(checked.ok(), table.ok()) << hex(before);
  EXPECT_EQ(checked_in, in);
  if (checked && table) {
    EXPECT_EQ(*checked, before.substr(0, before.size() - in.size()));
  }
  if (!checked && !table) {
    EXPECT_EQ(checked.error(), table.error());
  }
  return table;
}

/// The table { k: value } has these bytes after `k`, and reads back from them.
void expect_golden(FieldValue value, std::string_view type_and_value) {
  const std::string field = "016b" + golden(type_and_value);
  std::string size;
  ByteWriter(size).u32_be(static_cast<std::uint32_t>(field.size() / 2));
  const FieldTable table = with(std::move(value));
  EXPECT_EQ(hex(encoded(table)), hex(size) + field);
  const Result<FieldTable> back = decoded(bytes_of(hex(size) + field));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, table);
}

TEST(FieldTableCodec, has_golden_bytes_for_every_type) {
  expect_golden({true}, "74 01");
  expect_golden({false}, "74 00");
  expect_golden({std::int8_t{-2}}, "62 fe");
  expect_golden({std::uint8_t{254}}, "42 fe");
  expect_golden({std::int16_t{-2}}, "73 fffe");
  expect_golden({std::uint16_t{0x0102}}, "75 0102");
  expect_golden({std::int32_t{-2}}, "49 fffffffe");
  expect_golden({std::uint32_t{0x01020304}}, "69 01020304");
  expect_golden({std::int64_t{0x0102030405060708}}, "6c 0102030405060708");
  expect_golden({std::int64_t{-1}}, "6c ffffffffffffffff");
  expect_golden({1.5f}, "66 3fc00000");
  expect_golden({-2.5}, "64 c004000000000000");
  expect_golden({FieldDecimal{2, 12345}}, "44 02 00003039");
  expect_golden({std::string("abc")}, "53 00000003 616263");
  expect_golden({std::string()}, "53 00000000");
  expect_golden({FieldBytes{std::string("\x00\xff", 2)}}, "78 00000002 00ff");
  expect_golden({FieldTimestamp{0x65000000}}, "54 0000000065000000");
  expect_golden({FieldVoid{}}, "56");
  expect_golden({FieldArray{}}, "41 00000000");
  expect_golden({FieldArray{{std::int32_t{1}}, {std::string("x")}}}, "41 0000000b 49 00000001 53 00000001 78");
  expect_golden({FieldTable{}}, "46 00000000");
  expect_golden({with({true})}, "46 00000004 01 6b 74 01");
}

TEST(FieldTableCodec, has_golden_bytes_for_x_death) {
  FieldTable death;
  death.set("count", {std::int64_t{1}});
  death.set("reason", {std::string("expired")});
  death.set("time", {FieldTimestamp{1'700'000'000}});
  FieldTable headers;
  headers.set("x-death", {FieldArray{{death}}});
  EXPECT_EQ(hex(encoded(headers)), golden("00000042 07 782d6465617468 41 00000035"
                                          "46 00000030"
                                          "05 636f756e74 6c 0000000000000001"
                                          "06 726561736f6e 53 00000007 65787069726564"
                                          "04 74696d65 54 000000006553f100"));
}

TEST(FieldTableCodec, keeps_order_and_repeated_names) {
  const std::string bytes = bytes_of("0000000c 01 62 74 01 01 61 74 01 01 62 74 00");
  const Result<FieldTable> table = decoded(bytes);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->size(), 3u);
  EXPECT_EQ(encoded(*table), bytes);
}

TEST(FieldTableCodec, takes_any_bool_but_zero_for_true) {
  const Result<FieldTable> table = decoded(bytes_of("00000004 01 6b 74 02"));
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(*table, with({true}));
}

TEST(FieldTableCodec, reads_the_long_of_the_specification_as_rabbitmq_does) {
  const Result<FieldTable> table = decoded(bytes_of("0000000b 01 6b 4c ffffffffffffffff"));
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(*table, with({std::int64_t{-1}}));
}

TEST(FieldTableCodec, carries_numbers_that_are_none) {
  const FieldTable table = with({std::numeric_limits<double>::quiet_NaN()});
  const Result<FieldTable> back = decoded(encoded(table));
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(std::isnan(std::get<double>(back->begin()->value.kind)));
  EXPECT_EQ(encoded(*back), encoded(table));
}

TEST(FieldTableCodec, reads_one_table_and_leaves_the_rest) {
  const std::string bytes = encoded(with({true})) + "rest";
  std::string_view in = bytes;
  ASSERT_TRUE(decode_table(in).ok());
  EXPECT_EQ(in, "rest");
}

TEST(FieldTableCodec, leaves_what_it_cannot_read) {
  const std::string bytes = bytes_of("00000004 01 6b 74");
  std::string_view in = bytes;
  ASSERT_FALSE(decode_table(in).ok());
  EXPECT_EQ(in, bytes);
}

void expect_malformed(std::string_view text) {
  const Result<FieldTable> table = decoded(bytes_of(text));
  ASSERT_FALSE(table.ok()) << text;
  EXPECT_EQ(table.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(table.error().reason, "MALFORMED");
  EXPECT_FALSE(table.error().message.empty());
}

TEST(FieldTableCodec, rejects_types_that_rabbitmq_does_not_know) {
  for (const char* type : {"00", "55", "7a", "ff"}) {
    expect_malformed("00000003 01 6b" + std::string(type));
  }
}

TEST(FieldTableCodec, rejects_lengths_that_do_not_fit) {
  expect_malformed("");
  expect_malformed("000000");
  expect_malformed("00000001");
  expect_malformed("ffffffff 01 6b 74 01");
  expect_malformed("00000003 01 6b 74 01");                    // the value lies behind the table
  expect_malformed("00000001 05");                             // the name lies behind it
  expect_malformed("00000007 01 6b 53 00000001 78");           // the text lies behind it
  expect_malformed("00000007 01 6b 46 00000004 01 6b 74 01");  // the inner table lies behind the outer one
  expect_malformed("00000009 01 6b 41 00000001 49 0000");      // the array ends inside its value
  expect_malformed("0000000a 01 6b 46 00000002 01 6b 74 01");  // the inner table ends inside its field
}

FieldTable nested(std::size_t depth) {
  FieldTable table;
  for (std::size_t i = 1; i < depth; ++i) table = with({std::move(table)});
  return table;
}

FieldTable nested_arrays(std::size_t depth) {
  FieldArray array;
  for (std::size_t i = 2; i < depth; ++i) {
    FieldArray outer;
    outer.push_back({std::move(array)});
    array = std::move(outer);
  }
  return with({std::move(array)});
}

void expect_over_limit(const FieldTable& table) {
  const Result<FieldTable> back = decoded(encoded(table));
  ASSERT_FALSE(back.ok());
  EXPECT_EQ(back.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(back.error().reason, "LIMIT_EXCEEDED");
}

TEST(FieldTableCodec, reads_tables_nested_to_the_limit_and_no_deeper) {
  EXPECT_TRUE(decoded(encoded(nested(kMaxTableDepth))).ok());
  expect_over_limit(nested(kMaxTableDepth + 1));
}

TEST(FieldTableCodec, counts_arrays_into_the_depth) {
  EXPECT_TRUE(decoded(encoded(nested_arrays(kMaxTableDepth))).ok());
  expect_over_limit(nested_arrays(kMaxTableDepth + 1));
}

TEST(FieldTableCodec, does_not_run_out_of_stack_on_hostile_nesting) {
  // Each table is the only field of the one around it.
  constexpr std::uint32_t kLevels = 100'000;
  std::string hostile;
  for (std::uint32_t level = 0; level < kLevels; ++level) {
    ByteWriter(hostile).u32_be((kLevels - level) * 6).u8(0).u8('F');
  }
  ByteWriter(hostile).u32_be(0);
  const Result<FieldTable> table = decoded(hostile);
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().reason, "LIMIT_EXCEEDED");
}

FieldTable wide(std::size_t entries) {
  FieldTable table;
  for (std::size_t i = 0; i < entries; ++i) table.append_unchecked("", {FieldVoid{}});
  return table;
}

TEST(FieldTableCodec, reads_as_many_entries_as_the_limit_and_no_more) {
  EXPECT_TRUE(decoded(encoded(wide(kMaxTableEntries))).ok());
  expect_over_limit(wide(kMaxTableEntries + 1));
}

TEST(FieldTableCodec, counts_the_entries_of_all_nested_tables_and_arrays_together) {
  const FieldArray items(kMaxTableEntries / 2, FieldValue{FieldVoid{}});
  FieldTable table = wide(kMaxTableEntries - items.size() - 1);
  table.append_unchecked("array", {items});
  EXPECT_TRUE(decoded(encoded(table)).ok());
  table.append_unchecked("one more", {FieldVoid{}});
  expect_over_limit(table);
}

TEST(FieldTableCodec, takes_names_of_255_bytes) {
  FieldTable table;
  table.set(std::string(kMaxShortString, 'n'), {true});
  const Result<FieldTable> back = decoded(encoded(table));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, table);
}

TEST(FieldTableCodecDeathTest, stops_the_process_on_names_that_cannot_be_encoded) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  FieldTable table;
  table.set(std::string(kMaxShortString + 1, 'n'), {true});
  std::string out;
  EXPECT_DEATH(encode_table(table, out), "field names are short strings");
}

TEST(FieldTableCodec, finds_one_field_without_decoding_the_others) {
  FieldTable table = with({FieldTable(with({std::string("inner")}))});
  table.append_unchecked("CC", {FieldArray{{std::string("a")}, {std::string("b")}}});
  table.append_unchecked("x-delay", {std::int32_t{5000}});
  table.append_unchecked("x-delay", {std::int32_t{1}});
  const std::string bytes = encoded(table);
  EXPECT_EQ(find_in_table(bytes, "x-delay"), FieldValue{std::int32_t{5000}});
  EXPECT_EQ(find_in_table(bytes, "CC"), *table.find("CC"));
  EXPECT_EQ(find_in_table(bytes, "k"), *table.find("k"));
  EXPECT_EQ(find_in_table(bytes, "cc"), std::nullopt);
  EXPECT_EQ(find_in_table(bytes, ""), std::nullopt);
}

TEST(FieldTableCodec, finds_nothing_in_what_is_no_table) {
  EXPECT_EQ(find_in_table("", "k"), std::nullopt);
  EXPECT_EQ(find_in_table("", ""), std::nullopt);
  EXPECT_EQ(find_in_table(bytes_of("00000000"), "k"), std::nullopt);
  EXPECT_EQ(find_in_table(bytes_of("00000003 01 6b 49"), "k"), std::nullopt);
  EXPECT_EQ(find_in_table(bytes_of("00000006 01 61 ff 01 6b 56"), "k"), std::nullopt);
}

RC_GTEST_PROP(FieldTableCodec, finds_what_the_decoded_table_finds, ()) {
  const FieldTable table = any_table(3);
  const std::string bytes = encoded(table);
  for (const auto& [name, value] : table) RC_ASSERT(find_in_table(bytes, name) == *table.find(name));
}

RC_GTEST_PROP(FieldTableCodec, reads_back_what_it_wrote, ()) {
  const FieldTable table = any_table(4);
  const std::string bytes = encoded(table);
  std::string_view in = bytes;
  const Result<FieldTable> back = decode_table(in);
  RC_ASSERT(back.ok());
  RC_ASSERT(in.empty());
  RC_ASSERT(*back == table);
}

RC_GTEST_PROP(FieldTableCodec, rejects_every_table_that_is_cut_off, ()) {
  const std::string bytes = encoded(any_table(3));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Result<FieldTable> table = decoded(std::string_view(bytes).substr(0, size));
    RC_ASSERT(!table.ok());
    RC_ASSERT(table.error().reason == "MALFORMED");
  }
}

RC_GTEST_PROP(FieldTableCodec, survives_any_damage, ()) {
  std::string bytes = encoded(any_table(3));
  const int changes = *rc::gen::inRange(1, 8);
  for (int i = 0; i < changes; ++i) {
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  }
  std::string_view in = bytes;
  if (!decoded(in)) return;
  const Result<FieldTable> table = decode_table(in);
  // What was read is a table: it can be written and read again.
  const std::string again = encoded(*table);
  RC_ASSERT(decoded(again).ok());
  RC_ASSERT(again.size() == bytes.size() - in.size());
}

RC_GTEST_PROP(FieldTableCodec, survives_any_bytes, (const std::string& bytes)) {
  std::string framed;
  ByteWriter(framed).u32_be(static_cast<std::uint32_t>(bytes.size())).bytes(bytes);
  static_cast<void>(decoded(framed).ok());
  static_cast<void>(decoded(bytes).ok());
}

}  // namespace
}  // namespace escrow
