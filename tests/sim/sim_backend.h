// The engine's disk: one commit on its way, reads that end in any order, and crashes in the middle of either.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/random.h"
#include "engine/backend.h"
#include "tests/sim/present.h"
#include "tests/sim/sim_disk.h"

namespace escrow::sim {

struct DiskProfile {
  double commit = 0.5;     ///< the commit on its way ends in this step
  double read = 0.5;       ///< a read is executed, or comes back, in this step
  double on_the_spot = 0;  ///< a lone commit is done at once
};

class SimBackend final : public engine::Backend {
 public:
  /// Hears of what is written before it goes to the store, and of batches when they are synced.
  struct Listener {
    std::function<void(const WriteSet& bodies)> bodies_written;
    std::function<void(const WriteSet& batch)> sealed;
    std::function<void()> durable;
  };
  SimBackend(SimDisk& disk, DiskProfile profile, Random random, Present& present, Listener listener);

  bool commit(const WriteSet& batch, bool lone) override;
  void write_ahead(std::shared_ptr<const WriteSet> bodies) override;
  void read(std::function<Completion(const Store&)> read) override;
  CachedRead get_cached(Table table, std::string_view key, std::string& value) override;

  /// Time passes on the disk. When its power fails, everything stays as it is until crash.
  void step();
  /// True, once for each commit that was not done on the spot: it is durable, the engine has to hear of it.
  bool take_committed() { return std::exchange(committed_, false); }
  /// From now on the disk is not slow.
  void stop_faults();
  /// What a read brought back; empty: none is back.
  Completion take_completion();
  bool idle() const;

  /// The power fails. What was on its way may be on disk, in part, or not at all. Before the engine is destroyed.
  void crash();

 private:
  bool write_bodies(std::size_t count);
  bool finish_commit();

  SimDisk& disk_;
  DiskProfile profile_;
  Random random_;
  Present& present_;
  Listener listener_;
  std::deque<std::shared_ptr<const WriteSet>> bodies_;
  const WriteSet* batch_ = nullptr;
  bool committed_ = false;
  std::vector<std::function<Completion(const Store&)>> reads_;
  std::vector<Completion> completions_;
};

}  // namespace escrow::sim
