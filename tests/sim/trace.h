// The last events of a run, for reading after a failure. Off in normal runs: a failing seed is run again with it.
#pragma once

#include <cstddef>
#include <deque>
#include <sstream>
#include <string>

#include "base/clock.h"

namespace escrow::sim {

class Trace {
 public:
  /// Keeps the last `lines`; 0: off.
  explicit Trace(std::size_t lines) : limit_(lines) {}

  void at(std::uint64_t step, Monotonic now) { step_ = step, now_ = now; }

  template <class... Parts>
  void add(const Parts&... parts) {
    if (limit_ == 0) [[likely]]
      return;
    std::ostringstream line;
    line << '#' << step_ << " +" << static_cast<double>(now_.count()) / 1e9 << "s  ";
    (line << ... << parts);
    if (lines_.size() == limit_) lines_.pop_front();
    lines_.push_back(line.str());
  }
  const std::deque<std::string>& lines() const { return lines_; }

 private:
  std::size_t limit_;
  std::uint64_t step_ = 0;
  Monotonic now_{};
  std::deque<std::string> lines_;
};

}  // namespace escrow::sim
