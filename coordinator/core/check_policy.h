// When a producer is asked what became of a transaction, and when asking ends.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"
#include "base/random.h"

namespace escrow::coordinator {

struct CheckPolicy {
  Duration first_delay = std::chrono::seconds(10);  ///< from Prepare to the first check
  Duration base_interval = std::chrono::seconds(10);
  double factor = 2.0;
  Duration max_interval = std::chrono::minutes(10);
  double jitter = 0.1;              ///< each interval is moved by up to this share, in both directions
  std::uint32_t max_attempts = 15;  ///< that count; then the transaction is in doubt

  /// The interval after the given attempt (1, 2, …).
  Duration interval(std::uint32_t attempt, Random& random) const {
    double us = static_cast<double>(base_interval.count());
    const auto limit = static_cast<double>(max_interval.count());
    for (std::uint32_t i = 1; i < attempt && us < limit; ++i) us *= factor;
    us = std::min(us, limit);
    us *= 1.0 + jitter * (2.0 * random.fraction() - 1.0);
    return Duration(std::max<std::int64_t>(1, static_cast<std::int64_t>(us)));
  }
};

}  // namespace escrow::coordinator
