// When a message is to be sent that does not go at once.
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.h"
#include "base/result.h"

namespace escrow::coordinator {

/// From the time that it counts from.
inline constexpr Duration kMaxScheduleDelay = std::chrono::hours(24) * 36'525;

/// After a delay, or at a time of the calendar.
struct When {
  std::optional<Duration> delay;
  std::optional<Timestamp> due;
};

/// MALFORMED unless it is one of the two, and the delay is neither negative nor over kMaxScheduleDelay.
Result<void> check(const When& when);
/// MALFORMED when it is too far ahead. What is past is now.
Result<Timestamp> due_of(const When& when, Timestamp now);

}  // namespace escrow::coordinator
