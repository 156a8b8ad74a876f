#include "engine/engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/invariant.h"

namespace escrow::engine {

namespace {

/// Rounds of bounded work between two looks at the inbox.
constexpr int kWorkRounds = 8;
/// By how much what queues keep in memory may exceed its bound until the next batch: the page and the body that a
/// delivery needs are read one after the other, and must both be there.
constexpr std::size_t kReadAheadBytes = 16 << 20;
/// Larger batches do not wait for more.
constexpr std::size_t kMaxHeldFor = 256;

/// The others are answered only when they fail.
bool always_answered(const CommandBody& body) {
  return !std::holds_alternative<GrantCredit>(body) && !std::holds_alternative<Settle>(body) &&
         !std::holds_alternative<CheckReceipt>(body) && !std::holds_alternative<CheckAnswer>(body) &&
         !std::holds_alternative<OpenChannel>(body) && !std::holds_alternative<SetPrefetch>(body) &&
         !std::holds_alternative<GrantBytes>(body) && !std::holds_alternative<SettleTag>(body);
}

}  // namespace

Engine::Engine(Backend& backend, EngineOptions options, Random random, const Head& head, StoredTimers stored,
               Timestamp wall, Monotonic monotonic)
    : backend_(backend),
      options_(options),
      random_(random),
      time_(head.engine_time, wall, monotonic),
      head_(head),
      recovered_last_bucket_(head.last_timer_bucket),
      broker_(options.page_memory_bytes),
      table_(options.transaction_memory_bytes),
      // How far into the future they reach is not stored: it may be a hundred years.
      expirations_(kExpirationLane, stored.expirations ? std::numeric_limits<Bucket>::max() : 0),
      schedules_(kScheduleLane, stored.schedules ? std::numeric_limits<Bucket>::max() : 0),
      outbox_(head.batch),
      monotonic_(monotonic) {
  broker_.recover_counters(head.next_log, head.next_body);
  expirations_.serve(true);
  schedules_.serve(true);
}

void Engine::submit(Command command) {
  ++counters_.commands;
  if (command.scope != nullptr && command.scope->failed) return;
  if (always_answered(command.body)) ++command.port->unanswered_;
  std::visit(
      [&](auto& body) {
        if constexpr (std::is_same_v<std::decay_t<decltype(body)>, ClosePort>) {
          close_port(command);
        } else {
          apply(command, body);
        }
      },
      command.body);
}

void Engine::reply(const Command& command, Result<Reply> reply) {
  ++commands_in_batch_;
  if (command.scope != nullptr && !reply) command.scope->failed = true;
  if (always_answered(command.body)) answered(command.port);
  outbox_.put(command.port, Outbox::ReplyTo{command.request, std::move(reply)}, visible_batch());
}

void Engine::answered(Port* port) {
  if (--port->unanswered_ == 0 && port->closing_) ports_closing_.push_back(port);
}

void Engine::audit(audit::Subject subject, std::uint8_t before, std::uint8_t after, std::string actor,
                   std::string reason, std::string key1, std::string key2, coordinator::Epoch epoch) {
  audit::Record record;
  record.time = time_.now();
  record.subject = subject;
  record.before = before;
  record.after = after;
  record.actor = std::move(actor);
  record.reason = std::move(reason);
  record.key1 = std::move(key1);
  record.key2 = std::move(key2);
  record.epoch = epoch;
  building_.audit(std::move(record), head_.audit);
}

void Engine::close_port(const Command& command) {
  close_clients(command.port);
  for (CheckInFlight& check : producers_.close(command.port)) {
    if (check.received) {
      check_unknown(std::move(check), "the producer is gone");
    } else {
      check_unanswered(std::move(check));
    }
  }
  command.port->closing_ = true;
  answered(command.port);
}

void Engine::take_broker_effects() {
  broker::BrokerEffects& effects = broker_.effects();
  take_deliveries(effects);
  take_expirations(effects);
  for (const broker::BrokerEffects::Expired& queue : effects.expired) {
    if (!queue.spec.durable) continue;
    touch_lazily();
    audit(audit::Subject::kQueue, static_cast<std::uint8_t>(audit::Existence::kPresent),
          static_cast<std::uint8_t>(audit::Existence::kAbsent), "",
          "unused, " + std::to_string(queue.messages) + " messages", queue.spec.vhost, queue.spec.name);
  }
  audit_auto_deleted("");
  for (const broker::BrokerEffects::PurgeDone& done : effects.purges) {
    const auto job = jobs_.extract(done.job);
    const Command& command = job.mapped();
    const auto& purge = std::get<PurgeQueue>(command.body);
    touch();
    audit(audit::Subject::kQueue, static_cast<std::uint8_t>(audit::Existence::kPresent),
          static_cast<std::uint8_t>(audit::Existence::kPurged), command.actor,
          std::to_string(done.messages) + " messages", purge.vhost, purge.name);
    reply(command, Reply(MessageCount{done.messages}));
  }
  take_dead_letters(effects);
  for (const broker::QueueLog::LoadRequest& request : effects.loads) load_page(request);
  for (const BodyRef body : effects.body_loads) load_body(body);
  for (const broker::DelayLog::LoadRequest& request : effects.delay_loads) load_delays(request);
  effects.clear();
}

void Engine::read_after(broker::BatchNumber batch, std::function<Backend::Completion(const Store&)> read) {
  waiting_reads_.push_back({batch, std::move(read)});
  // A read may wait for a batch that nobody else is in a hurry for.
  if (batch > head_.batch) dirty_ = true;
}

void Engine::issue_reads() {
  std::erase_if(waiting_reads_, [&](WaitingRead& waiting) {
    if (waiting.after > durable()) return false;
    ++reads_under_way_;
    backend_.read([this, read = std::move(waiting.read)](const Store& store) -> Backend::Completion {
      return [this, completion = read(store)] {
        --reads_under_way_;
        completion();
      };
    });
    return true;
  });
}

bool Engine::wants_commit(Monotonic monotonic, bool more_waiting) {
  if (commit_under_way_) return false;
  if (full_batch()) return true;
  if (!dirty_ && !lazy_) return false;
  if (!dirty_) {
    if (monotonic - lazy_since_ >= options_.lazy_delay) return true;
    next_turn_ = std::min(next_turn_.value_or(lazy_since_ + options_.lazy_delay), lazy_since_ + options_.lazy_delay);
    return false;
  }
  if (commands_in_batch_ >= commands_in_last_batch_ || monotonic >= hold_until_) return !more_waiting;
  next_turn_ = monotonic;  // ask again at once: the hold is shorter than a sleep
  return false;
}

bool Engine::turn(Timestamp wall, Monotonic monotonic, bool more_waiting) {
  monotonic_ = monotonic;
  next_turn_.reset();
  time_.advance(wall, monotonic);
  if (publishing_ && !full_batch()) publish_some();
  run_expirations();
  run_schedules();
  bool more_work = false;
  for (int round = 0; round < kWorkRounds; ++round) {
    more_work = broker_.work(moment());
    take_broker_effects();
    if (!more_work || full_batch()) break;
  }
  table_.enforce(durable());
  if (broker_.memory() > options_.page_memory_bytes + kReadAheadBytes)
    broker_.enforce_memory(durable(), head_.batch + 1);
  if (broker_.has_changes()) touch_lazily();
  for (Port* port : std::exchange(ports_closing_, {})) outbox_.put(port, Outbox::Closed{}, visible_batch());
  run_checks();
  run_retention();
  run_group_retention();
  if (wants_commit(monotonic, more_waiting)) seal_and_commit(!more_waiting && !more_work);
  outbox_.dispatch();
  issue_reads();
  if (const auto due = broker_.next_due()) wake_at(*due);
  if (!full_batch() && !waiting_full()) {  // what ends that is a turn, too
    if (const auto due = expirations_.next_time()) wake_at(*due);
    if (const auto due = schedules_.next_time()) wake_at(*due);
  }
  if (more_work || (publishing_ && !full_batch())) next_turn_ = monotonic;
  return next_turn_ && *next_turn_ <= monotonic;
}

void Engine::seal_and_commit(bool lone) {
  broker_.enforce_memory(durable(), head_.batch + 1);
  broker_.take_changes(building_);
  for (Group* group : std::exchange(changed_lanes_, {})) {
    group->lane.listed_changed = false;
    group->lane.take_changes(building_, head_.batch + 1, time_.now());
  }
  expirations_.take_changes(building_, head_.batch + 1, time_.now());
  schedules_.take_changes(building_, head_.batch + 1, time_.now());
  if (!decided_.empty()) {
    building_.put_timers(timer_key(kRetentionLane, bucket_of(time_.now()), head_.batch + 1), decided_);
    decided_.clear();
  }
  ++head_.batch;
  head_.engine_time = time_.now();
  head_.next_log = broker_.next_log();
  if (const auto orphans = std::exchange(orphaned_bodies_, std::nullopt)) {
    building_.erase_orphaned_bodies(orphans->first, orphans->second);
  }
  head_.next_body = broker_.next_body();
  building_.seal(head_, durable());
  ++counters_.batches;
  std::swap(building_, committing_);
  building_.clear();
  building_bytes_ = 0;
  dirty_ = lazy_ = false;
  const auto bodies = committing_.take_bodies();
  for (const auto& body : bodies) backend_.write_ahead(body);
  const bool alone = lone && bodies.empty() && commands_in_batch_ <= kLoneCommands && last_was_lone();
  commands_in_last_batch_ = std::exchange(commands_in_batch_, 0);
  commit_under_way_ = true;
  if (backend_.commit(committing_.writes(), alone)) committed();
}

void Engine::committed() {
  ESCROW_INVARIANT(commit_under_way_, "one batch is on its way at a time");
  commit_under_way_ = false;
  outbox_.durable(head_.batch);
  if (commands_in_last_batch_ > 1 && commands_in_last_batch_ < kMaxHeldFor) hold_until_ = monotonic_ + options_.hold;
}

bool Engine::idle() const {
  return !dirty_ && !lazy_ && !commit_under_way_ && reads_under_way_ == 0 && waiting_reads_.empty() &&
         outbox_.empty() && waiting_.empty() && !publishing_;
}

void Engine::wake_at(Timestamp when) {
  const auto wait = std::chrono::duration_cast<Monotonic>(std::max(when - time_.now(), Duration::zero()));
  next_turn_ = std::min(next_turn_.value_or(monotonic_ + wait), monotonic_ + wait);
}

std::uint64_t Engine::digest() const {
  std::uint64_t hash = broker_.digest();
  const auto mix = [&](std::uint64_t v) { hash = (hash ^ v) * 0xff51afd7ed558ccd, hash ^= hash >> 32; };
  mix(head_.batch);
  mix(head_.next_epoch);
  mix(head_.next_lane);
  mix(head_.audit.sequence);
  for (const std::uint8_t byte : head_.audit.hash) mix(byte);
  for (const auto& [name, group] : producers_.groups()) mix(std::hash<std::string>()(name) + group->lane.id());
  return hash;
}

}  // namespace escrow::engine
