// One run: a server on a simulated disk, clients on a simulated network, and the model that watches both. Everything
// follows from the seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/engine.h"
#include "tests/sim/catalog.h"
#include "tests/sim/clients/administrator.h"
#include "tests/sim/clients/client.h"
#include "tests/sim/model/model.h"
#include "tests/sim/network.h"
#include "tests/sim/profile.h"
#include "tests/sim/sim_backend.h"
#include "tests/sim/sim_disk.h"
#include "tests/sim/trace.h"
#include "tests/sim/verdict.h"

namespace escrow::sim {

class World {
 public:
  /// Any kind of run, on a MemoryDisk.
  World(std::uint64_t seed, Trace& trace);
  /// This kind of run, on this disk.
  World(std::uint64_t seed, Profile profile, std::unique_ptr<SimDisk> disk, Trace& trace);

  /// To the end, or to the first broken rule.
  void run();

  const Verdict& verdict() const { return verdict_; }
  std::uint64_t commands() const { return commands_; }
  std::uint64_t crashes() const { return crashes_; }
  /// Recovered states that were compared with what they were before the crash.
  std::uint64_t digests_compared() const { return digests_compared_; }
  /// Equal for equal runs.
  std::uint64_t fingerprint() const;

 private:
  void populate();
  void step();

  // Time.
  void pass_time();
  void jump_clock();

  // The server's loop, as engine/engine_thread.cc has it.
  void run_engine();
  bool take_completions();
  bool submit_commands();
  bool due() const;

  // Crashes.
  /// Where a crash hits: between two steps, in the middle of a commit, while effects are handed out.
  enum class CrashKind : std::uint8_t { kBetweenSteps, kDuringCommit, kBetweenEffects };
  void plan_crash();
  bool crash_due();
  void sealed(const WriteSet& batch);
  void crash();
  void start_disk();
  void recover();
  void compare_digests();

  // The end of a run.
  void finish();
  void let_time_pass();
  void bring_in_helpers();
  bool at_rest() const;
  bool drained() const;
  void wait_for_next_event();
  void forget_decisions();

  Random random_;
  Profile profile_;
  Trace& trace_;
  Verdict verdict_;
  Catalog catalog_;
  Present present_;
  model::Model model_;

  Timestamp wall_;
  Monotonic monotonic_{};
  std::unique_ptr<SimDisk> disk_;
  SimBackend backend_;
  std::unique_ptr<engine::Engine> engine_;
  Network network_;
  Ports ports_;
  Surroundings around_;
  std::vector<std::unique_ptr<Client>> clients_;
  Administrator* administrator_ = nullptr;

  bool again_ = true;       // the engine wants another turn
  bool finishing_ = false;  // no more faults
  std::uint64_t steps_ = 0;
  std::uint64_t commands_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t digests_compared_ = 0;
  Timestamp last_now_{};
  // Digests take long, so they are taken only when a crash comes near: of the batches sealed since then.
  std::optional<std::uint64_t> crash_at_;  // step
  CrashKind crash_kind_ = CrashKind::kBetweenSteps;
  bool disk_armed_ = false;  // for a crash in the middle of a commit
  std::map<broker::BatchNumber, std::uint64_t> digests_;
};

}  // namespace escrow::sim
