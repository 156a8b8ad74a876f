// The end of a run: the faults stop, everybody gets what he needs, and then everything must come to rest.
#include <string>

#include "broker/core/names.h"
#include "tests/sim/clients/producer.h"
#include "tests/sim/clients/subscriber.h"
#include "tests/sim/vocabulary.h"
#include "tests/sim/world.h"

namespace escrow::sim {

namespace {
/// More than the longest run needs.
constexpr std::uint64_t kStepsToRest = 300'000;
/// Between two looks at whether all is done, which take long.
constexpr std::uint64_t kStepsBetweenLooks = 64;
}  // namespace

void World::finish() {
  trace_.add("FINISH");
  finishing_ = true;
  crash_at_.reset();
  profile_.crash = profile_.clock_jump = profile_.administration = profile_.large_body = 0;
  profile_.backlog = false;
  disk_->stop_faults();
  backend_.stop_faults();
  network_.stop_faults();
  for (const auto& client : clients_) client->finish();
  if (profile_.deaths || profile_.delays) let_time_pass();
  bring_in_helpers();
  const std::uint64_t limit = steps_ + kStepsToRest;
  while (verdict_.ok() && steps_ < limit && !(steps_ % kStepsBetweenLooks == 0 && drained())) {
    step();
    wait_for_next_event();
  }
  if (!verdict_.ok()) return;
  verdict_.require(drained(), "it does not come to rest: ", model_.transactions().open(),
                   " transactions are open: ", model_.transactions().example_open(), ", ", model_.copies().left(),
                   " messages are left: ", model_.copies().example_left());
  forget_decisions();
  if (verdict_.ok()) model_.finished(disk_->store());
}

/// Nobody consumes: what is kept back is released, what has a time leaves when it is over, wherever it stands, and queues keep their limits.
void World::let_time_pass() {
  const std::uint64_t limit = steps_ + kStepsToRest;
  const auto over = [&] {
    return at_rest() && !model_.declarations().some_consume() && !model_.copies().some_expire() &&
           model_.delays().waiting() == 0;
  };
  while (verdict_.ok() && steps_ < limit && !over()) {
    step();
    wait_for_next_event();
  }
  if (!verdict_.ok()) return;
  verdict_.require(model_.delays().waiting() == 0, model_.delays().waiting(), " messages are kept back for ever");
  model_.copies().check_overdue();
}

void World::bring_in_helpers() {
  const auto sweep = [&](std::string_view queue) {
    const std::string name = "sweeper of " + std::string(queue);
    clients_.push_back(std::make_unique<Sweeper>(around_, name, random_.split(name), queue));
  };
  for (const std::string_view queue : kQueues) sweep(queue);
  sweep(broker::kParkedQueue);
  for (std::uint32_t i = 0; i < profile_.groups; ++i) {
    const std::string group = "g" + std::to_string(i);
    const std::string name = "diligent producer of " + group;
    clients_.push_back(std::make_unique<Producer>(around_, name, random_.split(name), group, true));
  }
  profile_.acts += static_cast<std::uint32_t>(clients_.size());
}

bool World::at_rest() const { return engine_->idle() && network_.idle() && backend_.idle(); }

bool World::drained() const {
  return at_rest() && model_.transactions().open() == 0 && model_.copies().left() == 0 &&
         model_.delays().waiting() == 0;
}

void World::wait_for_next_event() {
  if (again_ || network_.ready() || !backend_.idle() || due()) return;
  const std::optional<Monotonic> next = engine_->next_turn();
  if (!next) return;
  const Monotonic wait = *next - monotonic_;
  monotonic_ += wait;
  wall_ += std::chrono::duration_cast<Duration>(wait) + Duration(1);
}

/// When the time is over for which decisions are remembered, nothing is left of them.
void World::forget_decisions() {
  model_.finishing();
  administrator_->take_stock();
  monotonic_ += profile_.engine.decided_retention + std::chrono::seconds(2);
  wall_ = std::max(wall_, engine_->now()) + profile_.engine.decided_retention + std::chrono::seconds(2);
  const std::uint64_t limit = steps_ + kStepsToRest;
  const auto remembered = [&] {
    return !at_rest() || disk_->store().scan(Table::kDecidedTransactions, "", "")->valid();
  };
  while (verdict_.ok() && steps_ < limit && remembered()) {
    step();
    wait_for_next_event();
  }
  verdict_.require(engine_->idle(), "the engine does not become idle");
  verdict_.require(!disk_->store().scan(Table::kDecidedTransactions, "", "")->valid(),
                   "decided transactions are remembered for too long");
}

}  // namespace escrow::sim
