#include "tests/sim/profile.h"

#include <algorithm>
#include <cmath>

namespace escrow::sim {
namespace {

/// Between the bounds, every order of magnitude as likely as any other.
std::uint64_t any_size(Random& random, std::uint64_t low, std::uint64_t high) {
  const double exponent = random.fraction() * std::log(static_cast<double>(high) / static_cast<double>(low));
  return std::min(high, static_cast<std::uint64_t>(static_cast<double>(low) * std::exp(exponent)));
}

std::uint32_t some(Random& random, std::int64_t low, std::int64_t high) {
  return static_cast<std::uint32_t>(random.between(low, high));
}

/// Often not at all.
double sometimes(Random& random, double likelihood, double highest) {
  return random.chance(likelihood) ? random.fraction() * highest : 0.0;
}

Duration milliseconds(std::uint64_t ms) { return Duration(ms * 1000); }

void draw_engine(Random& random, engine::EngineOptions& options) {
  coordinator::CheckPolicy& checks = options.checks;
  checks.first_delay = milliseconds(any_size(random, 1, 5000));
  checks.base_interval = milliseconds(any_size(random, 10, 5000));
  checks.factor = 1.0 + random.fraction();
  checks.max_interval = checks.base_interval * some(random, 1, 5);
  checks.jitter = random.fraction() * 0.3;
  checks.max_attempts = some(random, 1, 4);
  options.check_receipt_timeout = milliseconds(any_size(random, 50, 5000));
  options.check_answer_timeout = milliseconds(any_size(random, 50, 10'000));
  options.decided_retention = milliseconds(any_size(random, 1000, 60'000));
  options.page_memory_bytes = any_size(random, 1 << 10, 1 << 20);
  options.transaction_memory_bytes = any_size(random, 1 << 9, 1 << 18);
  options.batch_bytes = any_size(random, 1 << 10, 4 << 20);
  Random more = Random(random).split("more");
  options.waiting_bytes = any_size(more, 1 << 8, 1 << 20);
  options.group_retention = milliseconds(any_size(more, 300, 60'000));
}

void draw_people(Random& random, Profile& profile) {
  profile.publishers = some(random, 0, 4);
  profile.subscribers = some(random, 1, 6);
  profile.businesses = some(random, profile.publishers == 0 ? 1 : 0, 5);
  profile.producers = some(random, 0, 4);
  profile.acts = static_cast<std::uint32_t>(any_size(random, 1, 12));
  profile.groups = some(random, 1, 3);
  profile.ids = static_cast<std::uint32_t>(any_size(random, 3, 400));
  profile.messages = static_cast<std::uint32_t>(any_size(random, 1, 9));
  profile.window = static_cast<std::uint32_t>(any_size(random, 1, 40));
  profile.credit = static_cast<std::uint32_t>(any_size(random, 1, 300));
  profile.body_bytes = static_cast<std::uint32_t>(any_size(random, 8, 300));
  profile.large_body = sometimes(random, 0.3, 0.1);
  profile.settle = 0.1 + 0.9 * random.fraction();
}

void draw_troubles(Random& random, Profile& profile) {
  profile.network.repeat = sometimes(random, 0.5, 0.2);
  profile.network.delay = sometimes(random, 0.5, 0.2);
  profile.network.longest_delay = any_size(random, 2, 500);
  profile.disk.commit = 0.02 + 0.98 * random.fraction();
  profile.disk.read = 0.02 + 0.98 * random.fraction();
  profile.disk.on_the_spot = sometimes(random, 0.7, 1.0);
  profile.would_block = sometimes(random, 0.7, 1.0);
  profile.administration = sometimes(random, 0.7, 0.01);
  profile.crash = random.chance(0.8) ? 1.0 / static_cast<double>(any_size(random, 50, 3000)) : 0.0;
  profile.disconnect = sometimes(random, 0.7, 0.02);
  profile.clock_jump = sometimes(random, 0.3, 0.002);
  profile.longest_step = milliseconds(any_size(random, 10, 3000));
  profile.commands_per_turn = static_cast<std::uint32_t>(any_size(random, 1, 200));
}

/// What only some runs have, so that the others see more of the rest.
void draw_features(const Random& random, Profile& profile) {
  Random more = Random(random).split("features");
  profile.deaths = more.chance(0.5);
  profile.delays = more.chance(0.4);
}

/// Pages that fill up, and go and come back.
void make_backlog(Random& random, Profile& profile) {
  profile.backlog = true;
  profile.publishers = some(random, 2, 4);
  profile.window = 40;
  profile.messages = some(random, 8, 60);
  profile.body_bytes = static_cast<std::uint32_t>(any_size(random, 100, 3000));
  profile.credit = static_cast<std::uint32_t>(any_size(random, 20, 2500));
  profile.engine.page_memory_bytes = any_size(random, 1 << 14, 1 << 20);
  profile.commands = std::min<std::uint64_t>(profile.commands, 4000);
}

}  // namespace

Profile draw_profile(Random random) {
  Profile profile;
  draw_features(random, profile);
  draw_engine(random, profile.engine);
  draw_people(random, profile);
  draw_troubles(random, profile);
  profile.commands = any_size(random, 300, 30'000);
  if (random.chance(0.1)) make_backlog(random, profile);
  return profile;
}

}  // namespace escrow::sim
