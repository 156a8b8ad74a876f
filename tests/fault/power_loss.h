// One cycle of: work, lose power at any disk operation, recover (perhaps losing power again), compare with a
// model.
#pragma once

#include <cstdint>
#include <string>

namespace escrow {

struct PowerLossOptions {
  /// Probability that the disk reports a sync it did not do. Above 0, cycles must find out.
  double lying_syncs = 0;
};

struct PowerLossCounts {
  std::uint64_t power_losses = 0;
  std::uint64_t in_recovery = 0;  ///< of them
  std::uint64_t sets = 0;         ///< committed
  std::uint64_t lost_sets = 0;    ///< none of them acknowledged
  std::uint64_t flushes = 0;      ///< times that work in the background was run

  void add(const PowerLossCounts& other) {
    power_losses += other.power_losses;
    in_recovery += other.in_recovery;
    sets += other.sets;
    lost_sets += other.lost_sets;
    flushes += other.flushes;
  }
};

struct PowerLossReport {
  PowerLossCounts counts;
  std::string problem;  ///< what was wrong; empty: nothing
};

/// Everything that happens follows from the seed. What must hold after every recovery:
///   every set that was acknowledged as synced is there;
///   the sets that are there are a prefix of those that were written, each whole;
///   the content of all tables is that of the model after that prefix;
///   the store opens: it does not take torn data for missing data.
PowerLossReport run_power_loss_cycle(std::uint64_t seed, const PowerLossOptions& options);

}  // namespace escrow
