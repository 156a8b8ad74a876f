// How the engine applies the commands of schedules, and sends what is due.
#include <utility>

#include "base/invariant.h"
#include "engine/read_timers.h"
#include "engine/with_transaction.h"

namespace escrow::engine {

using coordinator::Change;
using coordinator::State;
using coordinator::Transaction;

namespace {

/// Messages that are sent between two looks at the inbox.
constexpr int kSchedulesPerTurn = 1000;
/// What a due timer keeps while its schedule is read.
constexpr std::size_t kWaitingDueBytes = 128;

}  // namespace

template <class Body, class Use>
void Engine::with_schedule(Command& command, Body& body, const coordinator::ScheduleKey& key, Use use) {
  const std::size_t bytes = command.bytes();
  body.actor = command.actor;
  Command rest{command.port, command.request, std::move(command.actor), ClosePort{}};
  with_transaction(
      key.place(), bytes,
      [this, rest = std::move(rest), body = std::move(body), use](Entry& entry, const std::string& encoded) mutable {
        ScheduleBefore before;
        if (entry.transaction) before = {entry.transaction->state, entry.transaction->check.next_due};
        const Result<Change> change = use(entry.transaction, std::move(body));
        if (!change) return reply(rest, change.error());
        schedule_changed(entry, encoded, *change, before, rest.actor);
        reply(rest, Reply(view_schedule(entry)));
      });
}

void Engine::apply(Command& command, coordinator::Schedule& body) {
  if (auto valid = coordinator::check(body, options_.transaction_bytes); !valid) return reply(command, valid.error());
  const coordinator::ScheduleKey key{body.message.vhost, body.key};
  with_schedule(command, body, key, [this](std::optional<Transaction>& found, coordinator::Schedule schedule) {
    if (!found) {
      const Message& m = schedule.message;
      if (auto ok = broker_.topology().check_publish(m.vhost, m.exchange); !ok) return Result<Change>(ok.error());
    }
    return coordinator::apply(found, std::move(schedule), time_.now(), head_.next_epoch);
  });
}

void Engine::apply(Command& command, coordinator::Reschedule& body) {
  if (auto valid = coordinator::check(body); !valid) return reply(command, valid.error());
  const coordinator::ScheduleKey key = body.key;
  with_schedule(command, body, key,
                [this](std::optional<Transaction>& found, const coordinator::Reschedule& reschedule) {
                  return coordinator::apply(found, reschedule, time_.now(), head_.next_epoch);
                });
}

void Engine::apply(Command& command, coordinator::CancelSchedule& body) {
  if (auto valid = coordinator::check(body); !valid) return reply(command, valid.error());
  const coordinator::ScheduleKey key = body.key;
  with_schedule(command, body, key,
                [this](std::optional<Transaction>& found, const coordinator::CancelSchedule& cancel) {
                  return coordinator::apply(found, cancel, time_.now());
                });
}

void Engine::apply(const Command& command, const GetSchedule& body) {
  if (auto valid = coordinator::check(body.key); !valid) return reply(command, valid.error());
  Command rest{command.port, command.request, command.actor, ClosePort{}};
  with_transaction(body.key.place(), command.bytes(),
                   [this, rest = std::move(rest), key = body.key](const Entry& entry, const std::string&) {
                     if (!entry.transaction) return reply(rest, coordinator::schedule_unknown(key));
                     reply(rest, Reply(view_schedule(entry)));
                   });
}

ScheduleView Engine::view_schedule(const Entry& entry) {
  ScheduleView view{*entry.transaction};
  coordinator::hide_bodies(view.schedule);
  return view;
}

void Engine::schedule_changed(Entry& entry, const std::string& key, Change change, const ScheduleBefore& before,
                              const std::string& actor) {
  if (change == Change::kNone) return;
  if (before.state == State::kScheduled) schedules_.moot(before.due);
  if (change == Change::kDecided) return decided(entry, key, before.state);
  if (change == Change::kPrepared) {
    Message& message = entry.transaction->messages.front().message;
    building_bytes_ += message.body.size();
    broker_.separate_body(message, moment());
  }
  arm_schedule(entry, key, before.state, actor);
}

void Engine::arm_schedule(Entry& entry, const std::string& key, State before, const std::string& actor) {
  touch();
  const Transaction& s = *entry.transaction;
  if (before != State::kScheduled) ++head_.schedules;
  ++head_.next_epoch;
  building_.put_open(key, s);
  schedules_.add({s.check.next_due, s.epoch, key});
  audit_transaction(s, before, actor, "due " + std::to_string(to_micros(s.check.next_due)));
  table_.changed(entry, head_.batch + 1);
}

std::vector<coordinator::Key> Engine::keyed_schedules(const std::vector<coordinator::TransactionMessage>& messages) {
  std::vector<coordinator::Key> places;
  for (const coordinator::TransactionMessage& m : messages) {
    if (!m.schedule_key.empty()) places.push_back(coordinator::ScheduleKey{m.message.vhost, m.schedule_key}.place());
  }
  return places;
}

Result<void> Engine::check_schedules(const coordinator::Prepare& body) {
  for (const coordinator::Key& place : keyed_schedules(body.messages)) {
    if (auto free = coordinator::check_free(table_.find(place.encode())->transaction); !free) return free;
  }
  return {};
}

void Engine::hold_schedules(const Transaction& t) {
  for (const coordinator::Key& place : keyed_schedules(t.messages)) {
    const std::string key = place.encode();
    Entry& entry = *table_.find(key);
    coordinator::hold(entry.transaction, coordinator::ScheduleKey::of(place), t.epoch, t.prepared_by, time_.now());
    building_.put_open(key, *entry.transaction);
    audit_transaction(*entry.transaction, State::kNone, t.prepared_by, "");
    table_.changed(entry, head_.batch + 1);
  }
}

void Engine::begin_schedule(const Transaction& t, const coordinator::ScheduleKey& name,
                            coordinator::TransactionMessage message) {
  const std::string key = name.place().encode();
  const BodyRef body = message.message.apart;
  State before = State::kHeld;
  if (message.schedule_key.empty()) {
    // Nobody else can have it: it names the transaction.
    before = State::kNone;
    coordinator::hold(table_.insert(key, std::nullopt).transaction, name, t.epoch, t.prepared_by, time_.now());
  }
  Entry& entry = *table_.find(key);
  if (coordinator::begin_held(entry.transaction, t.epoch, std::move(message), time_.now(), head_.next_epoch)) {
    arm_schedule(entry, key, before, t.decided_by);
  } else if (body) {
    broker_.drop_body(body);
  }
}

void Engine::release_schedules(const Transaction& t) {
  for (const coordinator::Key& place : keyed_schedules(t.messages)) {
    const std::string key = place.encode();
    Entry& entry = *table_.find(key);
    if (!coordinator::release_held(entry.transaction, t.epoch)) continue;
    building_.erase_open(key);
    coordinator::ScheduleKey name = coordinator::ScheduleKey::of(place);
    audit(audit::Subject::kSchedule, static_cast<std::uint8_t>(State::kHeld), static_cast<std::uint8_t>(State::kNone),
          t.decided_by, "rolled back", std::move(name.vhost), std::move(name.key), t.epoch);
    table_.changed(entry, head_.batch + 1);
  }
}

void Engine::run_schedules() {
  if (const auto read = schedules_.next_read(time_.now(), head_.batch + 1)) {
    read_timers(*read, [this, read = *read](auto entries, auto stopped_at) {
      schedules_.loaded(read, std::move(entries), std::move(stopped_at));
    });
  }
  for (int i = 0; i < kSchedulesPerTurn && !full_batch() && !waiting_full(); ++i) {
    std::optional<Timer> timer = schedules_.next_due(time_.now());
    if (!timer) return;
    const Result<coordinator::Key> key = coordinator::Key::decode(timer->key);
    ESCROW_INVARIANT(key.ok(), "timers of this lane hold places of schedules");
    const std::size_t bytes = kWaitingDueBytes + timer->key.size();
    with_transaction(*key, bytes, [this, timer = *std::move(timer)](Entry& entry, const std::string& encoded) {
      schedules_.resolved(timer);
      const Change change = coordinator::apply_due(entry.transaction, timer.epoch, time_.now());
      if (change == Change::kDecided) decided(entry, encoded, State::kScheduled);
    });
  }
}

}  // namespace escrow::engine
