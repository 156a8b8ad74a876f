#include "broker/amqp/reply_code.h"

#include <gtest/gtest.h>

namespace escrow::broker::amqp {
namespace {

constexpr std::uint16_t kSoft[] = {311, 403, 404, 405, 406};
constexpr std::uint16_t kHard[] = {320, 402, 501, 502, 503, 504, 505, 506, 530, 540, 541};

TEST(ReplyCode, closes_the_channel_or_the_connection) {
  for (const std::uint16_t code : kSoft) EXPECT_FALSE(is_hard(static_cast<ReplyCode>(code))) << code;
  for (const std::uint16_t code : kHard) EXPECT_TRUE(is_hard(static_cast<ReplyCode>(code))) << code;
  EXPECT_FALSE(is_hard(ReplyCode::kNoRoute));
  EXPECT_FALSE(is_hard(ReplyCode::kNoConsumers));
}

TEST(ReplyCode, has_the_name_that_rabbitmq_prints) {
  for (const std::uint16_t code : kSoft) EXPECT_NE(name(static_cast<ReplyCode>(code)), "UNKNOWN") << code;
  for (const std::uint16_t code : kHard) EXPECT_NE(name(static_cast<ReplyCode>(code)), "UNKNOWN") << code;
  EXPECT_EQ(name(ReplyCode::kNotFound), "NOT_FOUND");
  EXPECT_EQ(name(ReplyCode::kNoRoute), "NO_ROUTE");
  EXPECT_EQ(name(ReplyCode::kNoConsumers), "NO_CONSUMERS");
  EXPECT_EQ(name(static_cast<ReplyCode>(999)), "UNKNOWN");
}

TEST(ReplyText, is_worded_as_rabbitmq_words_it) {
  EXPECT_EQ(reply_text(ReplyCode::kNotFound, "no queue 'q' in vhost '/'"), "NOT_FOUND - no queue 'q' in vhost '/'");
}

TEST(ReplyText, fits_a_short_string) {
  const std::string prefix = "NOT_FOUND - ";
  const std::string fits(255 - prefix.size(), 'x');
  EXPECT_EQ(reply_text(ReplyCode::kNotFound, fits), prefix + fits);
  const std::string cut = reply_text(ReplyCode::kNotFound, fits + "x");
  EXPECT_EQ(cut.size(), 255u);
  EXPECT_TRUE(cut.ends_with("xxx..."));
}

}  // namespace
}  // namespace escrow::broker::amqp
