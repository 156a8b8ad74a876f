#include "tests/fault/power_loss.h"

#include <memory>
#include <utility>

#include "tests/sim/profile.h"
#include "tests/sim/world.h"

namespace escrow {
namespace {

/// Any kind of run of the simulation, but a short one: recovery is what takes the time here.
sim::Profile draw_short_profile(Random& random) {
  sim::Profile profile = sim::draw_profile(random.split("profile"));
  profile.commands = 100 + random.below(800);
  profile.crash = 0;  // that is up to the disk
  return profile;
}

}  // namespace

PowerLossReport run_power_loss_cycle(std::uint64_t seed, const PowerLossOptions& options, sim::Trace& trace) {
  Random random(seed);
  const sim::Profile profile = draw_short_profile(random);
  auto disk = std::make_unique<RocksDisk>(random.split("power"), 1 + random.below(4), options.lying_syncs);
  const RocksDisk& counted = *disk;
  sim::World world(seed, profile, std::move(disk), trace);
  world.run();
  return {counted.counts(), world.commands(), world.digests_compared(), world.verdict().rule()};
}

}  // namespace escrow
