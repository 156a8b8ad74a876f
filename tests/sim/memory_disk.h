// A MemoryStore: a crash keeps any prefix of what was not synced. It comes between two commits, or in the middle of one,
// which then is on disk, or lost with the rest, or synced though nobody was told.
#pragma once

#include "storage/memory_store.h"
#include "tests/sim/sim_disk.h"

namespace escrow::sim {

class MemoryDisk final : public SimDisk {
 public:
  /// A look into the cache finds nothing with this probability.
  MemoryDisk(double would_block, Random random) : random_(random) {
    store_.set_would_block(would_block, random_.split("cache"));
  }

  Result<void> start() override { return {}; }
  bool has_power() const override { return power_; }
  void fail_during(std::uint64_t commit) override { commits_left_ = commit; }
  void stop_faults() override { commits_left_ = 0; }
  Store& store() override { return store_; }
  bool commit(const WriteSet& set, Store::Durability durability) override {
    if (!power_) return false;
    if (commits_left_ == 0 || --commits_left_ > 0) return store_.commit(set, durability).ok();
    power_ = false;
    if (random_.chance(0.3)) return false;
    const bool synced = durability == Store::Durability::kSync && random_.chance(0.5);
    static_cast<void>(store_.commit(set, synced ? durability : Store::Durability::kNoSync).ok());
    return false;
  }
  void cut_power(Random& random) override {
    store_.crash(random);
    power_ = true;
    commits_left_ = 0;
  }

 private:
  Random random_;
  MemoryStore store_;
  bool power_ = true;
  std::uint64_t commits_left_ = 0;  // until power fails; 0: it does not
};

}  // namespace escrow::sim
