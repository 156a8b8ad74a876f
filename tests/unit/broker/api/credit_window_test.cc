#include "broker/api/credit_window.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <set>

#include "rpc/server_limits.h"

namespace escrow::broker::api {
namespace {

constexpr std::int64_t kMiB = rpc::kMaxUnwrittenBytes;

TEST(CreditWindow, passes_small_credit_on_at_once) {
  CreditWindow window(false);
  ASSERT_TRUE(window.grant(200).ok());
  EXPECT_EQ(window.take_portion(0, 0).messages, 200u);
  EXPECT_EQ(window.take_portion(0, 0).messages, 0u);
}

TEST(CreditWindow, never_lets_the_engine_get_far_ahead) {
  CreditWindow window(false);
  ASSERT_TRUE(window.grant(CreditWindow::kMaxCredit).ok());
  EXPECT_EQ(window.take_portion(0, 0).messages, CreditWindow::kMaxAhead);
  window.delivered(400, 400);
  EXPECT_EQ(window.take_portion(400, 400).messages, 0u) << "they have not left yet";
  EXPECT_EQ(window.take_portion(100, 100).messages, 300u);
}

TEST(CreditWindow, passes_no_more_bytes_on_than_may_be_unwritten) {
  CreditWindow window(false);
  ASSERT_TRUE(window.grant(100).ok());
  const CreditWindow::Portion first = window.take_portion(0, 0);
  EXPECT_EQ(first.messages, 100u);
  EXPECT_EQ(first.bytes, kMiB);
  EXPECT_FALSE(window.take_portion(0, 0)) << "the engine has all of it";
  window.delivered(10, kMiB - 100);
  EXPECT_FALSE(window.take_portion(10, kMiB - 100)) << "they have not left yet";
  EXPECT_FALSE(window.take_portion(8, kMiB * 3 / 4)) << "too little to bother the engine";
  EXPECT_EQ(window.take_portion(2, kMiB / 4).bytes, kMiB - 100 - kMiB / 4);
}

TEST(CreditWindow, a_message_larger_than_what_is_left_is_paid_for_when_it_has_left) {
  CreditWindow window(false);
  ASSERT_TRUE(window.grant(1000).ok());
  window.take_portion(0, 0);
  window.delivered(1, 16 * kMiB);
  EXPECT_FALSE(window.take_portion(1, 16 * kMiB));
  EXPECT_EQ(window.take_portion(0, 0).bytes, 16 * kMiB) << "again a whole window is open";
}

TEST(CreditWindow, new_credit_brings_the_bytes_that_there_are) {
  CreditWindow window(false);
  ASSERT_TRUE(window.grant(10).ok());
  window.take_portion(0, 0);
  window.delivered(10, 1000);
  EXPECT_FALSE(window.take_portion(10, 1000)) << "there is nothing to use them for";
  ASSERT_TRUE(window.grant(10).ok());
  const CreditWindow::Portion portion = window.take_portion(0, 0);
  EXPECT_EQ(portion.messages, 10u);
  EXPECT_EQ(portion.bytes, 1000);
}

RC_GTEST_PROP(CreditWindow, an_engine_that_keeps_to_its_bytes_is_never_far_ahead_and_never_stuck, ()) {
  CreditWindow window(true);
  RC_ASSERT(window.grant(CreditWindow::kMaxCredit).ok());
  const std::int64_t largest = *rc::gen::inRange<std::int64_t>(1, 4 * kMiB);
  std::int64_t messages = 0;
  std::int64_t bytes = 0;
  std::deque<std::int64_t> unwritten;
  std::int64_t unwritten_bytes = 0;
  for (int i = 0; i < 500; ++i) {
    const auto portion = window.take_portion(unwritten.size(), static_cast<std::size_t>(unwritten_bytes));
    messages += portion.messages;
    bytes += portion.bytes;
    for (int burst = *rc::gen::inRange(0, 20); burst > 0 && messages > 0 && bytes > 0; --burst) {
      const std::int64_t size = *rc::gen::inRange<std::int64_t>(1, largest + 1);
      --messages;
      bytes -= size;
      unwritten.push_back(size);
      unwritten_bytes += size;
      window.delivered(1, static_cast<std::size_t>(size));
    }
    RC_ASSERT(unwritten_bytes <= kMiB + largest);
    RC_ASSERT(unwritten.size() <= CreditWindow::kMaxAhead);
    RC_ASSERT((!unwritten.empty() || (messages > 0 && bytes > 0) || portion));
    for (int burst = *rc::gen::inRange(0, 20); burst > 0 && !unwritten.empty(); --burst) {
      unwritten_bytes -= unwritten.front();
      unwritten.pop_front();
    }
  }
}

TEST(CreditWindow, unused_credit_has_a_limit) {
  CreditWindow window(false);
  EXPECT_TRUE(window.grant(CreditWindow::kMaxCredit).ok());
  EXPECT_EQ(window.grant(1).error().reason, "LIMIT_EXCEEDED");
  window.take_portion(0, 0);
  EXPECT_FALSE(window.grant(1).ok()) << "what the engine has is not used either";
  window.delivered(1, 1);
  EXPECT_TRUE(window.grant(1).ok());
  EXPECT_FALSE(CreditWindow(false).grant(0xffffffff).ok());
}

TEST(CreditWindow, a_settled_message_grants_one_more_and_only_once) {
  CreditWindow window(true);
  ASSERT_TRUE(window.grant(10).ok());
  window.take_portion(0, 0);
  window.delivered(10, 10);
  window.settle(3, 5);
  EXPECT_EQ(window.take_portion(0, 0).messages, 3u);
  window.settle(1, 6);
  EXPECT_EQ(window.take_portion(0, 0).messages, 3u);
  window.settle(1, 6);
  EXPECT_EQ(window.take_portion(0, 0).messages, 0u);
  window.settle(7, 1'000'000);
  EXPECT_EQ(window.take_portion(0, 0).messages, 4u) << "what was not delivered counts for nothing";
}

TEST(CreditWindow, without_auto_credit_settling_grants_nothing) {
  CreditWindow window(false);
  ASSERT_TRUE(window.grant(10).ok());
  window.take_portion(0, 0);
  window.delivered(10, 10);
  window.settle(1, 10);
  EXPECT_EQ(window.take_portion(0, 0).messages, 0u);
}

RC_GTEST_PROP(CreditWindow, auto_credit_is_conserved, ()) {
  const auto credit = *rc::gen::inRange<std::uint32_t>(1, 3000);
  CreditWindow window(true);
  RC_ASSERT(window.grant(credit).ok());
  std::uint32_t with_engine = 0;
  std::uint64_t delivered = 0;
  std::set<std::uint64_t> unsettled;
  for (int i = 0; i < 100; ++i) {
    with_engine += window.take_portion(0, 0).messages;
    RC_ASSERT(with_engine <= CreditWindow::kMaxAhead);
    const auto count = *rc::gen::inRange<std::uint32_t>(0, with_engine + 1);
    window.delivered(count, count * 10);
    with_engine -= count;
    for (std::uint32_t k = 0; k < count; ++k) unsettled.insert(++delivered);
    RC_ASSERT(unsettled.size() + with_engine <= credit);
    const auto first = *rc::gen::inRange<std::uint64_t>(1, delivered + 2);
    const auto last = first + *rc::gen::inRange<std::uint64_t>(0, 500);
    window.settle(first, last);
    unsettled.erase(unsettled.lower_bound(first), unsettled.upper_bound(last));
  }
  // Whoever settles everything has all of it again.
  window.settle(1, delivered);
  window.delivered(with_engine, with_engine);
  window.settle(1, delivered + with_engine);
  std::uint32_t again = 0;
  while (const std::uint32_t portion = window.take_portion(0, 0).messages) {
    window.delivered(portion, portion);
    again += portion;
  }
  RC_ASSERT(again == credit);
}

}  // namespace
}  // namespace escrow::broker::api
