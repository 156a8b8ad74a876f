// What contradicts what clients were told.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>

namespace escrow::crash {

/// Thread-safe.
class Findings {
 public:
  /// Of this many the text is shown; what follows is mostly more of the same.
  static constexpr int kShown = 20;

  void begin_round(int round) {
    const std::scoped_lock lock(mutex_);
    round_ = round;
  }
  int round() const {
    const std::scoped_lock lock(mutex_);
    return round_;
  }

  void add(const std::string& what) {
    const std::scoped_lock lock(mutex_);
    if (++count_ <= kShown) std::printf("WRONG in round %d: %s\n", round_, what.c_str());
    if (count_ == 1) first_ = what;
    std::fflush(stdout);
  }
  int count() const {
    const std::scoped_lock lock(mutex_);
    return count_;
  }
  std::string first() const {
    const std::scoped_lock lock(mutex_);
    return first_;
  }

 private:
  mutable std::mutex mutex_;
  int round_ = 0;
  int count_ = 0;
  std::string first_;
};

}  // namespace escrow::crash
