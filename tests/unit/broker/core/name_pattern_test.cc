#include "broker/core/name_pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace escrow::broker {
namespace {

bool matches(std::string_view pattern, std::string_view name) { return NamePattern::compile(pattern)->matches(name); }

TEST(NamePattern, matches_anywhere_unless_it_is_anchored) {
  EXPECT_TRUE(matches("order", "all-orders"));
  EXPECT_FALSE(matches("^order", "all-orders"));
  EXPECT_TRUE(matches("^all-orders$", "all-orders"));
  EXPECT_TRUE(matches(".*", ""));
  EXPECT_TRUE(matches("^amq\\.", "amq.topic"));
  EXPECT_FALSE(matches("^amq\\.", "amqp"));
  EXPECT_FALSE(matches("Order", "order"));
  EXPECT_TRUE(matches("(?i)Order", "order"));
}

TEST(NamePattern, takes_names_as_bytes) {
  EXPECT_TRUE(matches("^..$", "\xc3\xa9"));
  EXPECT_TRUE(matches("\xc3\xa9", "caf\xc3\xa9"));
  EXPECT_TRUE(matches("^.$", "\xff"));
}

TEST(NamePattern, says_why_it_cannot_be) {
  const auto refused = [](std::string_view pattern) { return NamePattern::compile(pattern).error(); };
  EXPECT_EQ(refused("(").reason, "PATTERN_INVALID");
  EXPECT_EQ(refused("(").message, "invalid pattern: missing ): (");
  EXPECT_EQ(refused("^(?!amq\\.).*").reason, "PATTERN_INVALID");
  EXPECT_EQ(refused("").message, "invalid pattern: it is empty; .* matches every name");
}

TEST(NamePattern, is_limited_in_length) {
  EXPECT_TRUE(NamePattern::compile(std::string(NamePattern::kMaxBytes, 'a')).ok());
  const auto longer = NamePattern::compile(std::string(NamePattern::kMaxBytes + 1, 'a'));
  ASSERT_FALSE(longer.ok());
  EXPECT_EQ(longer.error().reason, "LIMIT_EXCEEDED");
}

TEST(NamePattern, is_limited_in_memory) {
  const auto large = NamePattern::compile("(((a{100}){100}){100})");
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().reason, "PATTERN_INVALID");
}

TEST(NamePattern, that_blows_up_elsewhere_takes_no_time_here) {
  EXPECT_FALSE(matches("^(a+)+(a+)+(a+)+b$", std::string(255, 'a')));
}

}  // namespace
}  // namespace escrow::broker
