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
    const auto elapsed = std::chrono::duration_cast<Duration>(std::max(monotonic - monotonic_, Monotonic::zero()));
    if (elapsed.count() == 0 && wall <= now_) return now_;
    monotonic_ = std::max(monotonic_, monotonic);
    now_ = std::max(wall, now_ + elapsed / 2);
    return now_;
  }
  Timestamp now() const { return now_; }

 private:
  Timestamp now_;
  Monotonic monotonic_;
};

}  // namespace escrow::engine
