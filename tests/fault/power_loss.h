// One cycle: the simulation's clients, engine and model (tests/sim) on the real store, whose disk loses power
// at numbered operations, also while the store recovers.
#pragma once

#include <cstdint>
#include <string>

#include "tests/fault/rocks_disk.h"
#include "tests/sim/trace.h"

namespace escrow {

struct PowerLossOptions {
  /// Probability that the disk reports a sync it did not do. Above 0, cycles must find out.
  double lying_syncs = 0;
};

struct PowerLossReport {
  PowerCounts disk;
  std::uint64_t commands = 0;
  std::uint64_t digests = 0;  ///< recovered states that were compared with what they were before
  std::string problem;        ///< the rule of the simulation that was broken; empty: none
};

/// Everything that happens follows from the seed, and from addresses (fault_power_loss_main.cc). May abort: a
/// broken invariant is a finding, too.
PowerLossReport run_power_loss_cycle(std::uint64_t seed, const PowerLossOptions& options, sim::Trace& trace);

}  // namespace escrow
