#include "broker/api/credit_window.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>

#include "rpc/server_limits.h"

namespace escrow::broker::api {
namespace {

constexpr std::size_t kMiB = 1 << 20;

TEST(CreditWindow, PassesSmallCreditOnAtOnce) {
  CreditWindow window(false);
  ASSERT_TRUE(window.grant(200).ok());
  EXPECT_EQ(window.take_portion(0, 0), 200u);
  EXPECT_EQ(window.take_portion(0, 0), 0u);
}

TEST(CreditWindow, NeverLetsTheEngineGetFarAhead) {
  CreditWindow window(false);
  ASSERT_TRUE(window.grant(CreditWindow::kMaxCredit).ok());
  EXPECT_EQ(window.take_portion(0, 0), CreditWindow::kMaxAhead);
  window.delivered(400, 400);
  EXPECT_EQ(window.take_portion(400, 400), 0u) << "they have not left yet";
  EXPECT_EQ(window.take_portion(100, 100), 300u);
}

TEST(CreditWindow, LargeMessagesComeOneByOneWhenTheyHaveTo) {
  CreditWindow window(false);
  ASSERT_TRUE(window.grant(CreditWindow::kMaxCredit).ok());
  std::uint32_t granted = window.take_portion(0, 0);
  window.delivered(granted, granted * 16 * kMiB);
  EXPECT_EQ(window.take_portion(granted, granted * 16 * kMiB), 0u);
  EXPECT_EQ(window.take_portion(1, 16 * kMiB), 0u);
  EXPECT_EQ(window.take_portion(0, 0), 1u);
}

TEST(CreditWindow, UnusedCreditHasALimit) {
  CreditWindow window(false);
  EXPECT_TRUE(window.grant(CreditWindow::kMaxCredit).ok());
  EXPECT_EQ(window.grant(1).error().reason, "LIMIT_EXCEEDED");
  window.take_portion(0, 0);
  EXPECT_FALSE(window.grant(1).ok()) << "what the engine has is not used either";
  window.delivered(1, 1);
  EXPECT_TRUE(window.grant(1).ok());
  EXPECT_FALSE(CreditWindow(false).grant(0xffffffff).ok());
}

TEST(CreditWindow, ASettledMessageGrantsOneMoreAndOnlyOnce) {
  CreditWindow window(true);
  ASSERT_TRUE(window.grant(10).ok());
  window.take_portion(0, 0);
  window.delivered(10, 10);
  window.settle(3, 5);
  EXPECT_EQ(window.take_portion(0, 0), 3u);
  window.settle(1, 6);
  EXPECT_EQ(window.take_portion(0, 0), 3u);
  window.settle(1, 6);
  EXPECT_EQ(window.take_portion(0, 0), 0u);
  window.settle(7, 1'000'000);
  EXPECT_EQ(window.take_portion(0, 0), 4u) << "what was not delivered counts for nothing";
}

TEST(CreditWindow, WithoutAutoCreditSettlingGrantsNothing) {
  CreditWindow window(false);
  ASSERT_TRUE(window.grant(10).ok());
  window.take_portion(0, 0);
  window.delivered(10, 10);
  window.settle(1, 10);
  EXPECT_EQ(window.take_portion(0, 0), 0u);
}

RC_GTEST_PROP(CreditWindow, AutoCreditIsConserved, ()) {
  const auto credit = *rc::gen::inRange<std::uint32_t>(1, 3000);
  CreditWindow window(true);
  RC_ASSERT(window.grant(credit).ok());
  std::uint32_t with_engine = 0;
  std::uint64_t delivered = 0;
  std::set<std::uint64_t> unsettled;
  for (int i = 0; i < 100; ++i) {
    with_engine += window.take_portion(0, 0);
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
  while (const std::uint32_t portion = window.take_portion(0, 0)) {
    window.delivered(portion, portion);
    again += portion;
  }
  RC_ASSERT(again == credit);
}

}  // namespace
}  // namespace escrow::broker::api
