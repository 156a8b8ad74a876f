#include "server/rate_limit.h"

#include <gtest/gtest.h>

namespace escrow::server {
namespace {

using std::chrono::seconds;

TEST(RateLimit, lets_pass_as_many_as_it_says_and_counts_the_others) {
  RateLimit limit(3, seconds(10));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.pass(seconds(100)));
  EXPECT_FALSE(limit.pass(seconds(100)));
  EXPECT_FALSE(limit.pass(seconds(110) - Monotonic(1)));
  EXPECT_EQ(limit.take_left_out(seconds(110) - Monotonic(1)), 0u) << "the window is not over";
  EXPECT_EQ(limit.take_left_out(seconds(110)), 2u);
  EXPECT_EQ(limit.take_left_out(seconds(110)), 0u) << "told once";
}

TEST(RateLimit, has_a_window_that_begins_with_the_first) {
  RateLimit limit(1, seconds(10));
  EXPECT_TRUE(limit.pass(seconds(0)));
  EXPECT_FALSE(limit.pass(seconds(9)));
  EXPECT_TRUE(limit.pass(seconds(25)));
  EXPECT_FALSE(limit.pass(seconds(34)));
  EXPECT_TRUE(limit.pass(seconds(35)));
  EXPECT_EQ(limit.take_left_out(seconds(45)), 2u) << "nothing is forgotten";
}

}  // namespace
}  // namespace escrow::server
