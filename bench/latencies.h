// Times of single calls, and what is said about them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace escrow::bench {

using SteadyClock = std::chrono::steady_clock;

/// Not thread-safe.
class Latencies {
 public:
  void add(SteadyClock::duration time) { add(std::chrono::duration<double, std::micro>(time).count()); }
  void add(double microseconds) { microseconds_.push_back(static_cast<float>(microseconds)); }
  std::size_t size() const { return microseconds_.size(); }
  /// In microseconds; 0 without any. 0.5 is the median.
  double quantile(double share) {
    if (microseconds_.empty()) return 0;
    const auto at =
        microseconds_.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(microseconds_.size() - 1));
    std::nth_element(microseconds_.begin(), at, microseconds_.end());
    return static_cast<double>(*at);
  }

 private:
  std::vector<float> microseconds_;
};

}  // namespace escrow::bench
