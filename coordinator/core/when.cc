#include "coordinator/core/when.h"

#include <algorithm>

#include "coordinator/core/refusal.h"

namespace escrow::coordinator {

Result<void> check(const When& when) {
  if (when.delay.has_value() == when.due.has_value()) return malformed("either delay or due_time is needed");
  if (when.delay && when.delay->count() < 0) return malformed("the delay is negative");
  if (when.delay && *when.delay > kMaxScheduleDelay) return malformed("the delay is more than a hundred years");
  return {};
}

Result<Timestamp> due_of(const When& when, Timestamp now) {
  const Timestamp due = when.delay ? now + *when.delay : *when.due;
  if (due > now + kMaxScheduleDelay) return malformed("due_time is more than a hundred years ahead");
  return std::max(due, now);
}

}  // namespace escrow::coordinator
