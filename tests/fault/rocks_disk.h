// The simulated server's disk with the real store on it: RocksDB on a FaultDisk.
#pragma once

#include <cstdint>
#include <memory>

#include "base/random.h"
#include "storage/rocks_store.h"
#include "tests/fault/fault_file_system.h"
#include "tests/sim/sim_disk.h"

namespace escrow {

struct PowerCounts {
  std::uint64_t losses = 0;
  std::uint64_t in_recovery = 0;  ///< of them, while the store was being opened
  std::uint64_t sets = 0;         ///< committed, bodies included
  std::uint64_t operations = 0;   ///< of the disk, that could have been the last
  std::uint64_t background = 0;   ///< times that flushes or compactions were run
};

/// Everything follows from `random`, and from addresses (fault_power_loss_main.cc).
class RocksDisk final : public sim::SimDisk {
 public:
  /// Power fails `losses` times during work, and sometimes again during the recovery from that. Above 0,
  /// `lying_syncs` is the probability that the disk reports a sync it did not do.
  RocksDisk(Random random, std::uint64_t losses, double lying_syncs);
  /// Cuts the power and leaves RocksDB as it is then: the process is expected to end.
  ~RocksDisk() override;
  RocksDisk(const RocksDisk&) = delete;
  RocksDisk& operator=(const RocksDisk&) = delete;

  Result<void> start() override;
  Store& store() override { return *store_; }
  bool commit(const WriteSet& set, Store::Durability durability) override;
  void step() override;
  bool has_power() const override { return disk_->has_power(); }
  bool power_may_fail() const override { return losses_left_ > 0; }
  void stop_faults() override;
  void cut_power(Random& random) override;

  const PowerCounts& counts() const { return counts_; }

 private:
  void run_background();
  void abandon_store();

  Random random_;
  std::uint64_t losses_left_;
  std::shared_ptr<FaultDisk> disk_ = std::make_shared<FaultDisk>();
  std::unique_ptr<StepwiseEnv> env_;
  std::unique_ptr<RocksStore> store_;
  bool overtaken_ = false;  ///< a commit has gone ahead of what waits in the background
  PowerCounts counts_;
};

}  // namespace escrow
