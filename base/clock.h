// Time. Rules never read a clock: `now` is an argument. A Clock is one of the four seams (ARCHITECTURE.md).
#pragma once

#include <chrono>
#include <cstdint>

namespace escrow {

using Duration = std::chrono::microseconds;
/// Wall-clock time, microseconds since the Unix epoch, UTC.
using Timestamp = std::chrono::sys_time<Duration>;
/// Time since an arbitrary start that never jumps; for deadlines and measuring.
using Monotonic = std::chrono::duration<std::int64_t, std::nano>;

constexpr std::int64_t to_micros(Timestamp t) { return t.time_since_epoch().count(); }
constexpr Timestamp from_micros(std::int64_t us) { return Timestamp(Duration(us)); }

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// May jump in both directions (NTP, an operator); the engine turns it into engine time, which does not run backwards.
  virtual Timestamp wall() const = 0;
  virtual Monotonic monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp wall() const override { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }
  Monotonic monotonic() const override { return std::chrono::steady_clock::now().time_since_epoch(); }
};

}  // namespace escrow
