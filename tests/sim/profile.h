// What kind of run a seed makes: who takes part, how much they want, how bad the world is. Drawn at random, so that runs
// differ in kind and not only in detail.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "engine/engine.h"
#include "tests/sim/network.h"
#include "tests/sim/sim_backend.h"

namespace escrow::sim {

struct Profile {
  engine::EngineOptions engine;
  NetworkFaults network;
  DiskProfile disk;
  double would_block = 0;  ///< a look into the store's cache finds nothing

  std::uint64_t commands = 0;  ///< after which the run comes to its end

  // Who takes part.
  std::uint32_t publishers = 0;
  std::uint32_t subscribers = 0;
  std::uint32_t businesses = 0;  ///< clients with transactions
  std::uint32_t producers = 0;   ///< those who answer checks
  std::uint32_t acts = 1;        ///< clients that do something in one step

  // How much they want.
  std::uint32_t groups = 1;
  std::uint32_t ids = 1;       ///< transaction ids per group: few, so that they collide
  std::uint32_t messages = 1;  ///< of one publish or transaction, at most
  std::uint32_t window = 1;    ///< publishes that are not answered
  std::uint32_t credit = 1;
  std::uint32_t body_bytes = 16;  ///< of most messages, at most
  double large_body = 0;          ///< more than what is stored with the record
  double settle = 0.5;            ///< a subscriber settles something when it acts
  double administration = 0;      ///< of a change of the topology, per step
  bool backlog = false;           ///< nobody consumes for the first half of the run
  bool delays = false;            ///< there are delayed exchanges
  bool deaths = false;            ///< messages expire, queues have limits and places for dead letters

  // How bad the world is.
  double crash = 0;       ///< per step
  double disconnect = 0;  ///< per act
  double clock_jump = 0;  ///< of the wall clock, per step
  Duration longest_step = std::chrono::seconds(1);
  std::uint32_t commands_per_turn = 1;
};

Profile draw_profile(Random random);

}  // namespace escrow::sim
