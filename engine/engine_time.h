// Engine time: the only time that rules see. It never runs backwards, not even across a restart, whatever the wall clock
// does. While it is ahead of a wall clock that was set back, it runs at half speed until the wall has caught up, so that
// durations stay finite and due times come near the wall's again.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace escrow::engine {

class EngineTime {
 public:
  /// `floor`: the last time that was stored.
  EngineTime(Timestamp floor, Timestamp wall, Monotonic monotonic)
      : now_(std::max(floor, wall)), monotonic_(monotonic) {}

  Timestamp advance(Timestamp wall, Monotonic monotonic) {
    const Monotonic elapsed = std::max(monotonic - monotonic_, Monotonic::zero());
    const auto half = std::chrono::duration_cast<Duration>(elapsed / 2);
    if (wall > now_ + half) {
      now_ = wall;
      monotonic_ += elapsed;
    } else {
      now_ += half;
      monotonic_ += 2 * half;  // what is left of a microsecond counts the next time
    }
    return now_;
  }
  Timestamp now() const { return now_; }

 private:
  Timestamp now_;
  Monotonic monotonic_;
};

}  // namespace escrow::engine
