// How often something may happen, with a count of what was too much.
#pragma once

#include <cstdint>
#include <utility>

#include "base/clock.h"

namespace escrow::server {

/// At most `limit` times in each window, which begins with the first of them. Used by one thread at a time.
class RateLimit {
 public:
  RateLimit(std::uint64_t limit, Monotonic window) : limit_(limit), window_(window) {}

  /// Whether it may happen once more.
  bool pass(Monotonic now) {
    if (passed_ == 0 || over(now)) begin_ = now, passed_ = 0;
    if (passed_ < limit_) return ++passed_, true;
    ++left_out_;
    return false;
  }
  /// How often it was not let pass, told once, when the window is over; 0 before.
  std::uint64_t take_left_out(Monotonic now) { return over(now) ? std::exchange(left_out_, 0) : 0; }

 private:
  bool over(Monotonic now) const { return now - begin_ >= window_; }

  const std::uint64_t limit_;
  const Monotonic window_;
  Monotonic begin_{};
  std::uint64_t passed_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace escrow::server
