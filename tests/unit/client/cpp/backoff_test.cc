#include "client/cpp/internal/backoff.h"

#include <gtest/gtest.h>

namespace escrow::client::internal {
namespace {

using std::chrono::milliseconds;

constexpr BackoffOptions kOptions{.initial = milliseconds(100), .maximum = milliseconds(1000)};

TEST(Backoff, pauses_double_up_to_the_maximum_and_are_shortened_by_at_most_a_half) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Backoff backoff(kOptions, seed);
    for (const int full_ms : {100, 200, 400, 800, 1000, 1000}) {
      const milliseconds pause = backoff.next();
      EXPECT_GE(pause, milliseconds(full_ms / 2)) << "seed " << seed;
      EXPECT_LE(pause, milliseconds(full_ms)) << "seed " << seed;
    }
  }
}

TEST(Backoff, starts_again_after_reset) {
  Backoff backoff(kOptions, 1);
  for (int i = 0; i < 10; ++i) backoff.next();
  backoff.reset();
  EXPECT_LE(backoff.next(), milliseconds(100));
}

TEST(Backoff, the_first_pause_is_never_longer_than_the_maximum) {
  Backoff backoff({.initial = milliseconds(500), .maximum = milliseconds(10)}, 1);
  EXPECT_LE(backoff.next(), milliseconds(10));
}

}  // namespace
}  // namespace escrow::client::internal
