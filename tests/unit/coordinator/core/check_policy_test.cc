#include "coordinator/core/check_policy.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace escrow::coordinator {
namespace {

using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

CheckPolicy exact() {
  CheckPolicy policy;
  policy.jitter = 0;
  return policy;
}

TEST(CheckPolicy, doubles_the_interval_up_to_its_maximum) {
  const CheckPolicy policy = exact();
  Random random(1);
  const std::vector<Duration> expected = {seconds(10),  seconds(20), seconds(40), seconds(80), seconds(160),
                                          seconds(320), minutes(10), minutes(10), minutes(10)};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(policy.interval(static_cast<std::uint32_t>(i + 1), random), expected[i]) << "attempt " << i + 1;
  }
}

TEST(CheckPolicy, has_an_interval_for_any_number_of_attempts) {
  Random random(1);
  EXPECT_EQ(exact().interval(std::numeric_limits<std::uint32_t>::max(), random), minutes(10));
  EXPECT_EQ(exact().interval(0, random), seconds(10));
}

TEST(CheckPolicy, with_a_factor_of_one_asks_at_a_steady_pace) {
  CheckPolicy policy = exact();
  policy.factor = 1;
  Random random(1);
  EXPECT_EQ(policy.interval(1, random), seconds(10));
  EXPECT_EQ(policy.interval(100, random), seconds(10));
}

TEST(CheckPolicy, never_waits_for_nothing) {
  CheckPolicy policy = exact();
  policy.base_interval = microseconds(0);
  Random random(1);
  EXPECT_EQ(policy.interval(3, random), microseconds(1));
}

TEST(CheckPolicy, keeps_to_a_maximum_below_its_base) {
  CheckPolicy policy = exact();
  policy.max_interval = seconds(3);
  Random random(1);
  EXPECT_EQ(policy.interval(1, random), seconds(3));
}

RC_GTEST_PROP(CheckPolicy, moves_the_interval_by_no_more_than_the_jitter, (std::uint64_t seed)) {
  CheckPolicy policy;
  policy.jitter = *rc::gen::elementOf(std::vector<double>{0.0, 0.1, 0.5, 1.0});
  const auto attempt = *rc::gen::inRange<std::uint32_t>(1, 20);
  Random random(seed);
  const double middle = static_cast<double>(exact().interval(attempt, random).count());
  for (int i = 0; i < 20; ++i) {
    const auto us = static_cast<double>(policy.interval(attempt, random).count());
    RC_ASSERT(us >= middle * (1 - policy.jitter) - 1);
    RC_ASSERT(us <= middle * (1 + policy.jitter) + 1);
    RC_ASSERT(us >= 1);
  }
}

TEST(CheckPolicy, jitters_in_both_directions) {
  Random random(5);
  bool sooner = false;
  bool later = false;
  for (int i = 0; i < 100; ++i) {
    const Duration interval = CheckPolicy{}.interval(1, random);
    sooner |= interval < seconds(10);
    later |= interval > seconds(10);
  }
  EXPECT_TRUE(sooner && later);
}

TEST(CheckPolicy, repeats_itself_from_the_same_seed) {
  Random one(9);
  Random two(9);
  for (std::uint32_t attempt = 1; attempt < 20; ++attempt) {
    EXPECT_EQ(CheckPolicy{}.interval(attempt, one), CheckPolicy{}.interval(attempt, two));
  }
}

}  // namespace
}  // namespace escrow::coordinator
