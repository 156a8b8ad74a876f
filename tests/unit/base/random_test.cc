#include "base/random.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <limits>
#include <set>
#include <vector>

namespace escrow {
namespace {

std::vector<std::uint64_t> draw(Random random, int count) {
  std::vector<std::uint64_t> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(random.next());
  return numbers;
}

TEST(Random, gives_the_numbers_of_xoshiro256starstar_seeded_by_splitmix64) {
  // The published reference for seed 0. A recorded seed is worth nothing once these move.
  const std::vector<std::uint64_t> expected = {11091344671253066420u, 13793997310169335082u, 1900383378846508768u,
                                               7684712102626143532u};
  EXPECT_EQ(draw(Random(0), 4), expected);
}

TEST(Random, repeats_itself_from_the_same_seed_only) {
  EXPECT_EQ(draw(Random(42), 100), draw(Random(42), 100));
  EXPECT_NE(draw(Random(42), 100), draw(Random(43), 100));
}

TEST(Random, splits_into_golden_streams) {
  Random random(7);
  EXPECT_EQ(random.split("timers").next(), 13219870647522641624u);
  EXPECT_EQ(random.split("network").next(), 17750943710240664428u);
}

TEST(Random, gives_streams_that_do_not_shift_each_other) {
  Random one(1);
  Random first = one.split("a");
  for (int i = 0; i < 1000; ++i) first.next();
  Random second = one.split("b");

  Random other(1);
  Random unused = other.split("a");
  static_cast<void>(unused);
  EXPECT_EQ(draw(second, 100), draw(other.split("b"), 100));
}

TEST(Random, gives_every_name_and_every_split_a_stream_of_its_own) {
  std::set<std::vector<std::uint64_t>> streams;
  for (const char* name : {"", "a", "b", "ab", "ba"}) {
    streams.insert(draw(Random(5).split(name), 4));
  }
  Random random(5);
  for (int i = 0; i < 4; ++i) streams.insert(draw(random.split("b"), 4));
  EXPECT_EQ(streams.size(), 5u + 4u - 1u);  // the first split of "b" is there already
}

RC_GTEST_PROP(Random, stays_below_its_bound, (std::uint64_t seed)) {
  const auto bound = *rc::gen::inRange<std::uint64_t>(1, std::numeric_limits<std::uint64_t>::max());
  Random random(seed);
  for (int i = 0; i < 100; ++i) RC_ASSERT(random.below(bound) < bound);
  for (int i = 0; i < 10; ++i) RC_ASSERT(random.below(1) == 0u);
}

RC_GTEST_PROP(Random, stays_between_its_bounds, (std::uint64_t seed, std::int64_t a, std::int64_t b)) {
  const auto [low, high] = std::minmax(a, b);
  Random random(seed);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t drawn = random.between(low, high);
    RC_ASSERT(drawn >= low);
    RC_ASSERT(drawn <= high);
  }
}

TEST(Random, reaches_both_ends_of_a_range) {
  Random random(3);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.between(-2, 2));
  EXPECT_EQ(seen, (std::set<std::int64_t>{-2, -1, 0, 1, 2}));
}

TEST(Random, draws_from_the_whole_range_of_numbers) {
  Random random(3);
  bool negative = false;
  bool positive = false;
  for (int i = 0; i < 100; ++i) {
    const std::int64_t drawn =
        random.between(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
    (drawn < 0 ? negative : positive) = true;
  }
  EXPECT_TRUE(negative && positive);
}

TEST(Random, is_roughly_uniform) {
  Random random(11);
  std::array<int, 10> counts{};
  for (int i = 0; i < 100'000; ++i) ++counts[random.below(10)];
  for (const int count : counts) {
    EXPECT_GT(count, 9'500);
    EXPECT_LT(count, 10'500);
  }
}

TEST(Random, gives_fractions_from_zero_up_to_but_not_one) {
  Random random(13);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double f = random.fraction();
    ASSERT_GE(f, 0.0);
    ASSERT_LT(f, 1.0);
    sum += f;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.01);
}

TEST(Random, never_takes_a_chance_of_zero_and_always_a_chance_of_one) {
  Random random(17);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(1));
  }
}

}  // namespace
}  // namespace escrow
