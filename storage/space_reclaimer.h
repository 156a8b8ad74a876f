// Gives the disk back that was erased, when the erasing comes to rest: RocksDB does it by itself with later commits, but not
// while there are none.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "storage/write_set.h"

namespace escrow {

/// committed() is the committing thread's; the work is done on a thread of its own.
class SpaceReclaimer {
 public:
  /// Without erased pages or chunks of bodies for so long, they have come to rest.
  static constexpr std::chrono::milliseconds kRest{1000};
  /// Fewer of a log are not worth it: they go with what comes later.
  static constexpr std::size_t kWorth = 64;

  /// Rewrites [from, to] of a table without what was erased; returns early when `cancelled` becomes true.
  using Reclaim =
      std::function<void(Table table, const std::string& from, const std::string& to, std::atomic<bool>& cancelled)>;

  explicit SpaceReclaimer(Reclaim reclaim);
  /// Waits for what is under way, which is cancelled.
  ~SpaceReclaimer();
  SpaceReclaimer(const SpaceReclaimer&) = delete;
  SpaceReclaimer& operator=(const SpaceReclaimer&) = delete;

  /// After the set was committed.
  void committed(const WriteSet& set);

 private:
  /// What was erased of one log, or of all bodies.
  struct Range {
    std::string from;
    std::string to;
    std::size_t count = 0;
  };
  using Ranges = std::map<std::pair<Table, std::string>, Range>;

  void run();

  const Reclaim reclaim_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  Ranges erased_;
  bool worth_it_ = false;
  std::chrono::steady_clock::time_point last_erased_;
  std::thread thread_;
};

}  // namespace escrow
