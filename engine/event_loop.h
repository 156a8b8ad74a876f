// What the engine's thread does between its turns: it waits, and runs whatever else lives on that thread.
#pragma once

#include <optional>

#include "base/clock.h"

namespace escrow::engine {

class EventLoop {
 public:
  virtual ~EventLoop() = default;
  /// Runs what is ready. With nothing ready, waits for it, for wake(), or until `limit` has passed; without one, as long as
  /// it takes.
  virtual void run(std::optional<Monotonic> limit) = 0;
  /// Ends run(), or the next one. Thread-safe.
  virtual void wake() = 0;
};

}  // namespace escrow::engine
