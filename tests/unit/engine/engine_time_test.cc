#include "engine/engine_time.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <utility>
#include <vector>

namespace escrow::engine {
namespace {

using namespace std::chrono_literals;

Timestamp at(Duration since_epoch) { return Timestamp(since_epoch); }

TEST(EngineTime, starts_at_the_wall_clock) { EXPECT_EQ(EngineTime(at(5s), at(100s), 0ns).now(), at(100s)); }

TEST(EngineTime, starts_no_earlier_than_what_was_stored) {
  EXPECT_EQ(EngineTime(at(200s), at(100s), 0ns).now(), at(200s));
}

TEST(EngineTime, follows_the_wall_clock) {
  EngineTime time(at(0s), at(100s), 0ns);
  EXPECT_EQ(time.advance(at(101s), 1s), at(101s));
  EXPECT_EQ(time.advance(at(101s) + 1us, 1s + 1us), at(101s) + 1us);
  EXPECT_EQ(time.now(), at(101s) + 1us);
}

TEST(EngineTime, jumps_forward_with_the_wall_clock) {
  EngineTime time(at(0s), at(100s), 0ns);
  EXPECT_EQ(time.advance(at(1'000'000s), 1ns), at(1'000'000s));
}

TEST(EngineTime, does_not_jump_back_with_the_wall_clock) {
  EngineTime time(at(0s), at(100s), 0ns);
  EXPECT_EQ(time.advance(at(50s), 0ns), at(100s));
}

TEST(EngineTime, runs_at_half_speed_until_a_wall_that_was_set_back_has_caught_up) {
  EngineTime time(at(0s), at(100s), 0ns);
  EXPECT_EQ(time.advance(at(94s), 2s), at(101s));
  EXPECT_EQ(time.advance(at(98s), 6s), at(103s));
  EXPECT_EQ(time.advance(at(108s), 16s), at(108s)) << "caught up";
  EXPECT_EQ(time.advance(at(109s), 17s), at(109s)) << "full speed again";
}

TEST(EngineTime, loses_nothing_when_it_is_asked_often) {
  // Were the remainder of each step dropped, a busy loop would stop time for as long as the wall is behind.
  for (const Monotonic step : {Monotonic(1), Monotonic(700), Monotonic(999), Monotonic(1'000), Monotonic(1'900)}) {
    EngineTime time(at(0s), at(100s), 0ns);
    Monotonic monotonic = 0ns;
    while (monotonic < 10ms) time.advance(at(50s), monotonic += step);
    EXPECT_GE(time.now(), at(100s) + 5ms - 2us) << step.count();
    EXPECT_LE(time.now(), at(100s) + 5ms + 2us) << step.count();
  }
}

TEST(EngineTime, stands_still_when_neither_clock_moves) {
  EngineTime time(at(200s), at(100s), 5s);
  EXPECT_EQ(time.advance(at(100s), 5s), at(200s));
  EXPECT_EQ(time.advance(at(100s), 5s), at(200s));
}

TEST(EngineTime, bears_a_monotonic_clock_that_is_not) {
  EngineTime time(at(0s), at(100s), 10s);
  EXPECT_EQ(time.advance(at(50s), 5s), at(100s));
  EXPECT_EQ(time.advance(at(50s), 12s), at(101s)) << "counted from the latest";
}

TEST(EngineTime, goes_on_after_a_restart_with_the_wall_set_back) {
  EngineTime time(at(0s), at(100s), 0ns);
  const Timestamp stored = time.advance(at(110s), 10s);
  EngineTime restarted(stored, at(60s), 0ns);
  EXPECT_EQ(restarted.now(), stored);
  EXPECT_GT(restarted.advance(at(62s), 2s), stored);
}

RC_GTEST_PROP(EngineTime, never_runs_backwards_nor_behind_the_wall,
              (std::int32_t floor, std::int32_t wall,
               const std::vector<std::pair<std::int32_t, std::int16_t>>& steps)) {
  EngineTime time(at(Duration(floor)), at(Duration(wall)), 0ns);
  Monotonic monotonic = 0ns;
  Timestamp last = time.now();
  for (const auto& [now, elapsed] : steps) {
    monotonic += Monotonic(elapsed) * 1000;
    const Timestamp engine = time.advance(at(Duration(now)), monotonic);
    RC_ASSERT(engine >= last);
    RC_ASSERT(engine >= at(Duration(now)));
    RC_ASSERT(engine == time.now());
    last = engine;
  }
}

}  // namespace
}  // namespace escrow::engine
