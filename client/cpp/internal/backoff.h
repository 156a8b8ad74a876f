// The pauses between attempts, as BackoffOptions says. Not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/random.h"
#include "client/cpp/options.h"

namespace escrow::client::internal {

class Backoff {
 public:
  Backoff(const BackoffOptions& options, std::uint64_t seed) : options_(options), random_(seed) { reset(); }

  std::chrono::milliseconds next() {
    const auto full = current_.count();
    current_ = std::min(current_ * 2, options_.maximum);
    return std::chrono::milliseconds(random_.between(full / 2, full));
  }
  void reset() { current_ = std::min(options_.initial, options_.maximum); }

 private:
  BackoffOptions options_;
  Random random_;
  std::chrono::milliseconds current_{0};
};

}  // namespace escrow::client::internal
