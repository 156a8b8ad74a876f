// Times of single calls, when they count, and what is said about them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace escrow::bench {

using SteadyClock = std::chrono::steady_clock;

/// The time in which a load is counted.
struct Span {
  SteadyClock::time_point from;
  SteadyClock::time_point to;

  bool has(SteadyClock::time_point time) const { return time >= from && time < to; }
};

/// Not thread-safe.
class Latencies {
 public:
  void add(SteadyClock::duration time) { add(std::chrono::duration<double, std::micro>(time).count()); }
  void add(double microseconds) { microseconds_.push_back(static_cast<float>(microseconds)); }
  void add(const Latencies& others) {
    microseconds_.insert(microseconds_.end(), others.microseconds_.begin(), others.microseconds_.end());
  }
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
