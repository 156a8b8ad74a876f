#include "tests/sim/world.h"

#include <utility>

#include "tests/sim/clients/business.h"
#include "tests/sim/clients/operator.h"
#include "tests/sim/clients/producer.h"
#include "tests/sim/clients/publisher.h"
#include "tests/sim/clients/subscriber.h"
#include "tests/sim/describe.h"
#include "tests/sim/memory_disk.h"

namespace escrow::sim {

namespace {
/// From so many steps before a crash on the digests of batches are taken: the recovered one is the last or the one before.
constexpr std::uint64_t kStepsBeforeCrash = 12;
/// Effects that get out before a crash between them, at most.
constexpr std::uint64_t kMostEffects = 20;
/// A crash in the middle of a commit does not wait longer for one.
constexpr std::uint64_t kStepsToCommit = 200;
constexpr Timestamp kBeginning = from_micros(1'700'000'000'000'000);
}  // namespace

World::World(std::uint64_t seed, Trace& trace)
    : World(seed, draw_profile(Random(seed).split("profile")), nullptr, trace) {}

World::World(std::uint64_t seed, Profile profile, std::unique_ptr<SimDisk> disk, Trace& trace)
    : random_(seed),
      profile_(profile),
      trace_(trace),
      model_(verdict_, trace, catalog_, present_, profile_.engine),
      wall_(kBeginning),
      disk_(disk ? std::move(disk) : std::make_unique<MemoryDisk>(profile_.would_block, random_.split("cache"))),
      backend_(*disk_, profile_.disk, random_.split("disk"), present_,
               {[this](const WriteSet& bodies) { model_.bodies_written(bodies); },
                [this](const WriteSet& batch) { sealed(batch); }, [this] { model_.durable(disk_->store()); }}),
      network_(profile_.network, random_.split("network")),
      ports_(model_, verdict_),
      around_{profile_, network_, ports_, catalog_, trace_, model_} {
  start_disk();
  if (verdict_.ok()) recover();
  if (verdict_.ok()) populate();
}

void World::populate() {
  const auto add = [&](std::unique_ptr<Client> client) { clients_.push_back(std::move(client)); };
  const auto random = [&](const std::string& name) { return random_.split(name); };
  auto administrator = std::make_unique<Administrator>(around_, "admin", random("admin"));
  administrator_ = administrator.get();
  add(std::move(administrator));
  add(std::make_unique<Operator>(around_, "operator", random("operator")));
  for (std::uint32_t i = 0; i < profile_.publishers; ++i) {
    const std::string name = "publisher" + std::to_string(i);
    add(std::make_unique<Publisher>(around_, name, random(name)));
  }
  for (std::uint32_t i = 0; i < profile_.subscribers; ++i) {
    const std::string name = "subscriber" + std::to_string(i);
    add(std::make_unique<Subscriber>(around_, name, random(name)));
  }
  for (std::uint32_t i = 0; i < profile_.businesses; ++i) {
    const std::string name = "business" + std::to_string(i);
    add(std::make_unique<Business>(around_, name, random(name)));
  }
  for (std::uint32_t i = 0; i < profile_.producers; ++i) {
    const std::string name = "producer" + std::to_string(i);
    const std::string group = "g" + std::to_string(random_.below(profile_.groups));
    add(std::make_unique<Producer>(around_, name, random(name), group, false));
  }
  administrator_->set_up();
}

void World::run() {
  plan_crash();
  while (verdict_.ok() && commands_ < profile_.commands) step();
  if (verdict_.ok()) finish();
}

void World::step() {
  trace_.at(++steps_, monotonic_);
  pass_time();
  for (std::uint32_t i = 0; i < profile_.acts; ++i) {
    Client& client = *clients_[random_.below(clients_.size())];
    const bool waits = profile_.backlog && commands_ < profile_.commands / 2 && dynamic_cast<Subscriber*>(&client);
    if (&client != administrator_ && !waits) client.act();
  }
  if (random_.chance(profile_.administration)) administrator_->act();
  network_.step();
  backend_.step();
  const bool crashes = crash_due();
  if (crashes && crash_kind_ == CrashKind::kBetweenEffects) ports_.die_after(random_.below(kMostEffects));
  if (disk_->has_power()) run_engine();
  if (crashes || !disk_->has_power()) crash();
}

void World::pass_time() {
  const double mood = random_.fraction();
  std::uint64_t us = random_.below(200);
  if (mood > 0.99) {
    us = random_.below(static_cast<std::uint64_t>(profile_.longest_step.count()));
  } else if (mood > 0.9) {
    us = random_.below(5000);
  }
  wall_ += Duration(us);
  monotonic_ += std::chrono::microseconds(us);
  if (random_.chance(profile_.clock_jump)) jump_clock();
}

void World::jump_clock() {
  const Duration distance(random_.between(-3'600'000'000, 3'600'000'000) >> random_.below(20));
  trace_.add("the wall clock jumps by ", distance.count(), " us");
  wall_ += distance;
}

bool World::take_completions() {
  bool some = backend_.take_committed();
  if (some) engine_->committed();
  while (const auto completion = backend_.take_completion()) {
    completion();
    some = true;
  }
  return some;
}

bool World::submit_commands() {
  bool some = false;
  for (std::uint64_t left = random_.below(profile_.commands_per_turn) + 1; left > 0; --left) {
    if (!network_.ready() || engine_->full()) break;
    auto [port, command] = network_.take();
    trace_.add("port ", port->number(), ", request ", command.request, ": ", command.actor, ' ',
               Described{command.body});
    model_.submitted(port->number(), command);
    engine_->submit(std::move(command));
    ++commands_;
    some = true;
  }
  return some;
}

bool World::due() const {
  const std::optional<Monotonic> next = engine_->next_turn();
  return next && *next <= monotonic_;
}

void World::run_engine() {
  const bool completed = take_completions();
  const bool submitted = submit_commands();
  if (!completed && !submitted && !again_ && !due()) return;
  const bool more = !finishing_ && network_.ready() && !engine_->full() && random_.chance(0.3);
  again_ = engine_->turn(wall_, monotonic_, more) || more;
  verdict_.require(engine_->now() >= last_now_, "engine time ran backwards");
  last_now_ = engine_->now();
}

void World::plan_crash() {
  crash_at_.reset();
  if (profile_.crash == 0) return;
  const auto mean = static_cast<std::uint64_t>(2.0 / profile_.crash);
  crash_at_ = steps_ + 1 + random_.below(mean);
  crash_kind_ = static_cast<CrashKind>(random_.below(3));
}

/// A crash waits until it is known what recovery may find: the digests of the last batch that is durable, and of the one on
/// its way.
bool World::crash_due() {
  if (!crash_at_ || steps_ < *crash_at_) return false;
  if (engine_->idle()) digests_.try_emplace(present_.synced, engine_->digest());
  if (!digests_.contains(present_.synced) || !digests_.contains(engine_->last_sealed())) return false;
  if (crash_kind_ != CrashKind::kDuringCommit || steps_ >= *crash_at_ + kStepsToCommit) return true;
  if (!std::exchange(disk_armed_, true)) disk_->fail_during(1 + random_.below(3));
  return false;
}

void World::sealed(const WriteSet& batch) {
  const bool soon = disk_->power_may_fail() || (crash_at_ && steps_ + kStepsBeforeCrash >= *crash_at_);
  trace_.add("batch ", engine_->last_sealed(), " is sealed");
  if (soon) digests_[engine_->last_sealed()] = engine_->digest();
  present_.batch_sealed(engine_->now());
  model_.sealed(batch, engine_->now());
}

void World::crash() {
  ++crashes_;
  trace_.add("CRASH while batch ", present_.synced, " is the last that is on disk");
  backend_.crash();
  present_.engine = nullptr;
  present_.sealed.clear();
  engine_.reset();
  start_disk();
  if (!verdict_.ok()) return;
  const broker::BatchNumber last = disk_->store().last_batch();
  verdict_.require(last >= present_.synced, "batch ", present_.synced, " was durable, after a crash the last one is ",
                   last);
  present_.synced = last;
  ports_.kill_all();
  network_.clear();
  for (const auto& client : clients_) client->server_lost();
  model_.crashed(disk_->store());
  if (!verdict_.ok()) return;
  if (random_.chance(0.2)) jump_clock();
  recover();
  disk_armed_ = false;
  plan_crash();
}

void World::start_disk() {
  const Result<void> started = disk_->start();
  verdict_.require(started.ok(), "the store does not open: ", started.ok() ? "" : started.error().message);
}

void World::recover() {
  const Store& store = disk_->store();
  auto recovered =
      engine::Engine::recover(store, backend_, profile_.engine, random_.split("engine"), wall_, monotonic_);
  if (!verdict_.require(recovered.ok(), "recovery failed: ", recovered.ok() ? "" : recovered.error().message)) return;
  engine_ = std::move(*recovered);
  present_.engine = engine_.get();
  again_ = true;
  trace_.add("recovered batch ", engine_->last_sealed());
  compare_digests();
  // What was not durable may be lived through again; what was may not.
  const auto head = store.get(Table::kHead, engine::kHeadKey);
  if (head.ok() && *head) {
    const auto decoded = engine::Head::decode(**head);
    verdict_.require(decoded.ok() && engine_->now() >= decoded->engine_time, "engine time ran backwards in a crash");
  }
  last_now_ = engine_->now();
}

void World::compare_digests() {
  const std::uint64_t recovered = engine_->digest();
  if (crashes_ > 0) {
    const auto before = digests_.find(engine_->last_sealed());
    const bool known = verdict_.require(before != digests_.end(), "nobody knows the state of batch ",
                                        engine_->last_sealed(), " before the crash");
    if (!known) return;
    ++digests_compared_;
    verdict_.require(before->second == recovered, "the recovered state of batch ", engine_->last_sealed(),
                     " differs from what it was before the crash");
  }
  digests_ = {{engine_->last_sealed(), recovered}};
}

std::uint64_t World::fingerprint() const {
  std::uint64_t hash = commands_ * 0x9e3779b97f4a7c15 + steps_;
  for (const std::uint8_t byte : model_.ledger().tip().hash) hash = hash * 31 + byte;
  return hash;
}

}  // namespace escrow::sim
