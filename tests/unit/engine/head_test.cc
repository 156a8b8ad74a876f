#include "engine/head.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/golden.h"

namespace escrow::engine {
namespace {

Head head() {
  Head h;
  h.batch = 0x0102030405060708;
  h.engine_time = from_micros(0x1112131415161718);
  h.next_epoch = 2;
  h.next_log = 3;
  h.next_body = 4;
  h.next_lane = 5;
  h.last_timer_bucket = 6;
  h.schedules = 8;
  h.audit.sequence = 7;
  for (std::size_t i = 0; i < h.audit.hash.size(); ++i) h.audit.hash[i] = static_cast<std::uint8_t>(i);
  return h;
}

TEST(Head, has_golden_bytes) {
  const std::string bytes = golden(
      "01"                // version
      "0807060504030201"  // batch
      "1817161514131211"  // engine time
      "0200000000000000"  // next epoch
      "0300000000000000"  // next log
      "0400000000000000"  // next body
      "05000000"          // next lane
      "0600000000000000"  // last timer bucket
      "0800000000000000"  // schedules
      "0700000000000000"  // audit sequence
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  EXPECT_EQ(hex(head().encode()), bytes);
  const Result<Head> back = Head::decode(bytes_of(bytes));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, head());
}

TEST(Head, of_an_empty_store_begins_every_count_at_one) {
  const Head h;
  EXPECT_EQ(h.batch, 0u);
  EXPECT_EQ(h.next_epoch, 1u);
  EXPECT_EQ(h.next_log, 1u);
  EXPECT_EQ(h.next_body, 1u);
  EXPECT_EQ(h.next_lane, kRetentionLane + 1);
  EXPECT_EQ(*Head::decode(h.encode()), h);
}

void expect_damaged(std::string_view bytes) {
  const Result<Head> result = Head::decode(bytes);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(result.error().reason, "HEAD_DAMAGED");
}

TEST(Head, cut_off_or_longer_or_of_a_later_version_is_damaged) {
  std::string bytes = head().encode();
  for (std::size_t size = 0; size < bytes.size(); ++size) expect_damaged(std::string_view(bytes).substr(0, size));
  expect_damaged(bytes + "x");
  bytes[0] = 2;
  expect_damaged(bytes);
}

}  // namespace
}  // namespace escrow::engine
