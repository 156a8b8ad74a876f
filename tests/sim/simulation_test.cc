// The simulator itself: without these, its verdict is worth nothing.
#include <gtest/gtest.h>

#include "tests/sim/world.h"

namespace escrow::sim {
namespace {

TEST(Simulation, repeats_a_run_from_its_seed) {
  for (const std::uint64_t seed : {7, 8, 9}) {
    Trace none(0);
    Trace some(10);
    World first(seed, none);
    World second(seed, some);
    first.run();
    second.run();
    EXPECT_EQ(first.fingerprint(), second.fingerprint()) << "seed " << seed;
    EXPECT_EQ(first.verdict().rule(), "") << "seed " << seed;
  }
}

TEST(Simulation, compares_the_recovered_state_after_every_crash) {
  Trace none(0);
  World world(2, none);
  world.run();
  EXPECT_GT(world.crashes(), 0u);
  EXPECT_EQ(world.crashes(), world.digests_compared());
}

TEST(Simulation, makes_another_run_from_another_seed) {
  Trace none(0);
  World first(7, none);
  World second(8, none);
  first.run();
  second.run();
  EXPECT_NE(first.fingerprint(), second.fingerprint());
}

TEST(Verdict, keeps_the_first_broken_rule) {
  Verdict verdict;
  EXPECT_TRUE(verdict.require(true, "never"));
  EXPECT_TRUE(verdict.ok());
  EXPECT_FALSE(verdict.require(false, "first ", 1));
  verdict.broken("second");
  EXPECT_EQ(verdict.rule(), "first 1");
}

TEST(Trace, keeps_the_last_lines) {
  Trace trace(2);
  for (const int line : {1, 2, 3}) trace.add("line ", line);
  ASSERT_EQ(trace.lines().size(), 2u);
  EXPECT_NE(trace.lines().back().find("line 3"), std::string::npos);
  Trace off(0);
  off.add("line");
  EXPECT_TRUE(off.lines().empty());
}

}  // namespace
}  // namespace escrow::sim
