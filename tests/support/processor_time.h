// Bounds for tests of effort: far above what is needed, far below what the mistake would take.
#pragma once

#include <ctime>

#include "tests/support/sanitized.h"

namespace escrow {

/// Of this process since it was made: what others run meanwhile does not count.
class ProcessorTime {
 public:
  /// A sanitizer's share is taken out, roughly.
  double seconds() const {
    constexpr double kSlowdown = kSanitized ? 10 : 1;
    return static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC / kSlowdown;
  }

 private:
  std::clock_t start_ = std::clock();
};

}  // namespace escrow
