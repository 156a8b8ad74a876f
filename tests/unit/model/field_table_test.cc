#include "model/field_table.h"

#include <gtest/gtest.h>

#include <limits>

namespace escrow {
namespace {

FieldTable table_of(std::initializer_list<std::pair<const char*, FieldValue>> fields) {
  FieldTable table;
  for (const auto& [name, value] : fields) table.append_unchecked(name, value);
  return table;
}

TEST(FieldTable, keeps_the_order_of_its_fields) {
  FieldTable table;
  for (const char* name : {"z", "a", "m"}) table.set(name, {true});
  std::string names;
  for (const auto& [name, value] : table) names += name;
  EXPECT_EQ(names, "zam");
  EXPECT_EQ(table.size(), 3u);
}

TEST(FieldTable, finds_a_field_by_its_name) {
  const FieldTable table = table_of({{"a", {std::int32_t{1}}}, {"", {std::int32_t{2}}}});
  ASSERT_NE(table.find("a"), nullptr);
  EXPECT_EQ(table.find("a")->as_integer(), 1);
  ASSERT_NE(table.find(""), nullptr);
  EXPECT_EQ(table.find(""), &(table.begin() + 1)->value);
  EXPECT_EQ(table.find("A"), nullptr);
  EXPECT_EQ(FieldTable().find("a"), nullptr);
}

TEST(FieldTable, counts_the_first_of_fields_with_one_name) {
  FieldTable table = table_of({{"a", {std::int32_t{1}}}, {"a", {std::int32_t{2}}}});
  EXPECT_EQ(table.find("a")->as_integer(), 1);
  EXPECT_EQ(table.size(), 2u);
}

TEST(FieldTable, sets_a_field_in_its_old_place) {
  FieldTable table = table_of({{"a", {std::int32_t{1}}}, {"b", {std::int32_t{2}}}});
  table.set("a", {std::string("new")});
  EXPECT_EQ(table, table_of({{"a", {std::string("new")}}, {"b", {std::int32_t{2}}}}));
}

TEST(FieldTable, erases_every_field_of_a_name) {
  FieldTable table = table_of({{"a", {true}}, {"b", {true}}, {"a", {false}}});
  EXPECT_TRUE(table.erase("a"));
  EXPECT_EQ(table, table_of({{"b", {true}}}));
  EXPECT_FALSE(table.erase("a"));
}

TEST(FieldTable, differs_by_order_and_by_type) {
  EXPECT_NE(table_of({{"a", {true}}, {"b", {true}}}), table_of({{"b", {true}}, {"a", {true}}}));
  EXPECT_NE(table_of({{"a", {std::int32_t{1}}}}), table_of({{"a", {std::int64_t{1}}}}));
}

TEST(FieldValue, of_every_integer_type_reads_as_an_integer) {
  const auto check = [](FieldValue value, std::int64_t expected) {
    EXPECT_TRUE(value.is_integer());
    EXPECT_EQ(value.as_integer(), expected);
  };
  check({std::int8_t{-128}}, -128);
  check({std::uint8_t{255}}, 255);
  check({std::int16_t{-32768}}, -32768);
  check({std::uint16_t{65535}}, 65535);
  check({std::numeric_limits<std::int32_t>::min()}, std::numeric_limits<std::int32_t>::min());
  check({std::numeric_limits<std::uint32_t>::max()}, std::numeric_limits<std::uint32_t>::max());
  check({std::numeric_limits<std::int64_t>::min()}, std::numeric_limits<std::int64_t>::min());
}

TEST(FieldValue, of_no_other_type_is_an_integer) {
  for (const FieldValue& value :
       {FieldValue{FieldVoid{}}, FieldValue{true}, FieldValue{1.0f}, FieldValue{1.0}, FieldValue{FieldDecimal{0, 1}},
        FieldValue{std::string("1")}, FieldValue{FieldBytes{"1"}}, FieldValue{FieldTimestamp{1}},
        FieldValue{FieldArray{}}, FieldValue{FieldTable{}}}) {
    EXPECT_FALSE(value.is_integer());
  }
  EXPECT_EQ(FieldValue{std::string("7")}.as_integer(), 0);
  EXPECT_EQ(FieldValue{7.0}.as_integer(), 0);
}

TEST(FieldValue, reads_as_text_only_if_it_is_a_long_string) {
  const FieldValue text{std::string("abc")};
  ASSERT_NE(text.as_string(), nullptr);
  EXPECT_EQ(*text.as_string(), "abc");
  EXPECT_EQ(FieldValue{FieldBytes{"abc"}}.as_string(), nullptr);
  EXPECT_EQ(FieldValue{true}.as_string(), nullptr);
}

}  // namespace
}  // namespace escrow
