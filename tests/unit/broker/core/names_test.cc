#include "broker/core/names.h"

#include <gtest/gtest.h>

#include <string>

namespace escrow::broker {
namespace {

TEST(Names, have_1_to_255_bytes) {
  EXPECT_TRUE(check_name("queue", "q").ok());
  EXPECT_TRUE(check_name("queue", std::string(kMaxNameBytes, 'q')).ok());
  const auto longer = check_name("queue", std::string(kMaxNameBytes + 1, 'q'));
  ASSERT_FALSE(longer.ok());
  EXPECT_EQ(longer.error().reason, "LIMIT_EXCEEDED");
  EXPECT_EQ(longer.error().metadata, (decltype(Error::metadata){{"limit", "name_bytes"}, {"maximum", "255"}}));
  const auto empty = check_name("queue", "");
  ASSERT_FALSE(empty.ok());
  EXPECT_EQ(empty.error().reason, "MALFORMED");
}

TEST(Names, have_no_control_characters) {
  for (int c = 0; c < 256; ++c) {
    const std::string name = {'a', static_cast<char>(c), 'b'};
    EXPECT_EQ(check_name("queue", name).ok(), c >= 0x20 && c != 0x7f) << c;
  }
}

TEST(Names, may_be_utf8) { EXPECT_TRUE(check_name("queue", "заказы.发货").ok()); }

TEST(Names, that_belong_to_the_server_are_reserved) {
  for (const char* name : {"amq.", "amq.topic", "amq.gen-1", "escrow.", "escrow.parked", ""}) {
    const auto result = check_not_reserved("queue", name);
    ASSERT_FALSE(result.ok()) << name;
    EXPECT_EQ(result.error().code, ErrorCode::kPermissionDenied);
    EXPECT_EQ(result.error().reason, "NAME_RESERVED");
  }
  for (const char* name : {"amq", "amqp", "amq-x", "AMQ.x", "escrow", "escrowed", "x.amq.", " amq."}) {
    EXPECT_TRUE(check_not_reserved("queue", name).ok()) << name;
  }
}

TEST(Names, that_are_reserved_are_refused_in_the_words_of_rabbitmq) {
  EXPECT_EQ(check_not_reserved("exchange", "amq.x").error().message,
            "exchange name 'amq.x' contains reserved prefix 'amq.*'");
  EXPECT_EQ(check_not_reserved("queue", "escrow.parked").error().message,
            "queue name 'escrow.parked' contains reserved prefix 'escrow.*'");
  EXPECT_EQ(check_not_reserved("exchange", "").error().message, "operation not permitted on the default exchange");
}

}  // namespace
}  // namespace escrow::broker
