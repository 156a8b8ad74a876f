#include "base/clock.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/planted_fault.h"

namespace escrow {
namespace {

TEST(Timestamp, counts_microseconds_since_1970) {
  EXPECT_EQ(to_micros(Timestamp{}), 0);
  using namespace std::chrono_literals;
  const Timestamp day = std::chrono::sys_days(std::chrono::year(2024) / 2 / 29);
  EXPECT_EQ(to_micros(day + 1us), 1'709'164'800'000'001);
}

TEST(Timestamp, survives_the_way_through_a_number) {
  for (const std::int64_t us : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max(),
                                std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(to_micros(from_micros(us)), us);
  }
}

TEST(SystemClock, has_a_monotonic_time_that_does_not_run_backwards) {
  const SystemClock clock;
  Monotonic last = clock.monotonic();
  for (int i = 0; i < 1000; ++i) {
    const Monotonic now = clock.monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemClock, tells_the_time_of_this_century) {
  const SystemClock clock;
  EXPECT_GT(clock.wall(), Timestamp(std::chrono::sys_days(std::chrono::year(2024) / 1 / 1)));
  EXPECT_LT(clock.wall(), Timestamp(std::chrono::sys_days(std::chrono::year(2100) / 1 / 1)));
}

TEST(PlantedFault, is_none_unless_a_build_asks_for_one) {
  EXPECT_EQ(planted_fault::kName, "none");
  EXPECT_FALSE(planted_fault::kSkipFsync || planted_fault::kAnswerBeforeSync || planted_fault::kDoubleEnqueue ||
               planted_fault::kDecisionWithoutAudit || planted_fault::kEpochIgnored || planted_fault::kLostRequeue ||
               planted_fault::kExpiryAtHead || planted_fault::kLostDeadLetter || planted_fault::kReleaseNotErased);
}

}  // namespace
}  // namespace escrow
