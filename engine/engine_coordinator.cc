// How the engine applies the coordinator's commands.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/invariant.h"
#include "base/planted_fault.h"
#include "engine/engine.h"
#include "engine/transaction_reader.h"
#include "engine/with_transaction.h"

namespace escrow::engine {

using coordinator::Change;
using coordinator::State;
using coordinator::Transaction;

void Engine::read_transaction(const std::string& key) {
  read_after(0, [this, key](const Store& store) -> Backend::Completion {
    auto found = escrow::engine::read_transaction(store, key);
    return [this, key, found = std::move(found)]() mutable { transaction_read(key, std::move(found)); };
  });
}

void Engine::transaction_read(const std::string& key, Result<std::optional<Transaction>> found) {
  ESCROW_INVARIANT(found.ok(), "a stored transaction can be read");
  table_.insert(key, std::move(*found));
  resume(key);
}

Engine::Entry* Engine::find_at_once(const coordinator::Key& key, const std::string& encoded) {
  if (waiting_.contains(encoded)) return nullptr;
  if (Entry* entry = table_.find(encoded)) return entry;
  auto found = read_cached(backend_, key, encoded);
  if (!found) return nullptr;
  ESCROW_INVARIANT(found->ok(), "a stored transaction can be read");
  return &table_.insert(encoded, std::move(**found));
}

void Engine::resume(const std::string& key) {
  Entry* const entry = table_.find(key);
  if (entry == nullptr) return read_transaction(key);  // it left memory while its schedules were read
  std::vector<Waiting> waiting = std::move(waiting_.extract(key).mapped());
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    waiting_bytes_ -= waiting[i].bytes;
    waiting[i].use(*entry, key);
    const auto again = waiting_.find(key);
    if (again == waiting_.end()) continue;
    // It waits for a schedule now, and so do the others behind it.
    std::move(waiting.begin() + static_cast<std::ptrdiff_t>(i) + 1, waiting.end(), std::back_inserter(again->second));
    return;
  }
}

Result<Group*> Engine::group_for(const std::string& name) {
  if (Group* group = producers_.find(name)) {
    group->used = time_.now();
    return group;
  }
  if (producers_.size() >= Producers::kMaxGroups) {
    return Error{ErrorCode::kResourceExhausted,
                 "LIMIT_EXCEEDED",
                 "there are too many producer groups",
                 {{"limit", "groups"}, {"maximum", std::to_string(Producers::kMaxGroups)}}};
  }
  const LaneId lane = head_.next_lane++;
  touch();
  building_.put_group(name, lane);
  Group& group = producers_.add(name, lane, 0);
  group.used = time_.now();
  return &group;
}

void Engine::lane_changed(Group& group) {
  if (std::exchange(group.lane.listed_changed, true)) return;
  changed_lanes_.push_back(&group);
}

void Engine::apply(Command& command, coordinator::Prepare& body) {
  if (auto valid = coordinator::check(body, options_.transaction_bytes); !valid) return reply(command, valid.error());
  const std::size_t bytes = command.bytes();
  body.actor = command.actor;
  const coordinator::Key key = body.key;
  Command rest{command.port, command.request, std::move(command.actor), ClosePort{}};
  std::vector<coordinator::Key> places = keyed_schedules(body.messages);  // before the body is moved
  with_schedules(
      key, bytes,
      [places = std::move(places)](const Entry& entry) {
        return entry.transaction ? std::vector<coordinator::Key>() : places;
      },
      [this, rest = std::move(rest), body = std::move(body)](Entry& entry, const std::string& encoded) mutable {
        prepare(rest, std::move(body), entry, encoded);
      });
}

Result<void> Engine::check_exchanges(const coordinator::Prepare& body) {
  for (const coordinator::TransactionMessage& m : body.messages) {
    if (auto ok = broker_.topology().check_publish(m.message.vhost, m.message.exchange); !ok) return ok;
  }
  return {};
}

void Engine::prepare(const Command& command, coordinator::Prepare body, Entry& entry, const std::string& key) {
  Group* group = nullptr;
  if (!entry.transaction) {
    if (auto known = check_exchanges(body); !known) return reply(command, known.error());
    if (auto free = check_schedules(body); !free) return reply(command, free.error());
    const Result<Group*> found = group_for(body.key.group);
    if (!found) return reply(command, found.error());
    group = *found;
  }
  const Result<Change> change =
      coordinator::apply(entry.transaction, std::move(body), time_.now(), head_.next_epoch, options_.checks);
  if (!change) return reply(command, change.error());
  ESCROW_INVARIANT(entry.transaction.has_value(), "what was prepared is there");
  Transaction& t = *entry.transaction;
  if (*change == Change::kPrepared) {
    touch();
    for (coordinator::TransactionMessage& m : t.messages) {
      building_bytes_ += m.message.body.size();
      broker_.separate_body(m.message, moment());
    }
    hold_schedules(t);
    ++head_.next_epoch;
    ++counters_.prepared;
    building_.put_open(key, t);
    group->prepared_in = head_.batch + 1;
    group->lane.add({t.check.next_due, t.epoch, key});
    head_.last_timer_bucket = std::max(head_.last_timer_bucket, bucket_of(t.check.next_due));
    lane_changed(*group);
    audit_transaction(t, State::kNone, command.actor, "");
    table_.changed(entry, head_.batch + 1);
  }
  reply(command, Reply(Prepared{t.epoch, t.state}));
}

void Engine::apply(Command& command, coordinator::Decide& body) {
  if (auto valid = coordinator::check(body); !valid) return reply(command, valid.error());
  const std::size_t bytes = command.bytes();
  body.actor = command.actor;
  const coordinator::Key key = body.key;
  Command rest{command.port, command.request, std::move(command.actor), ClosePort{}};
  with_schedules(key, bytes, schedules_of_entry,
                 [this, rest = std::move(rest), body = std::move(body)](Entry& entry, const std::string& encoded) {
                   const Result<Change> change = decide(body, entry, encoded);
                   if (!change) return reply(rest, change.error());
                   reply(rest, Reply(Decided{entry.transaction->decided_at}));
                 });
}

Result<Change> Engine::decide(const coordinator::Decide& decision, Entry& entry, const std::string& key) {
  const State before = entry.transaction ? entry.transaction->state : State::kNone;
  Result<Change> change = coordinator::apply(entry.transaction, decision, time_.now());
  if (change && *change == Change::kDecided) decided(entry, key, before);
  return change;
}

void Engine::decided(Entry& entry, const std::string& key, State before) {
  ESCROW_INVARIANT(entry.transaction.has_value(), "only what is there is decided");
  Transaction& t = *entry.transaction;
  touch();
  if (before == State::kScheduled) --head_.schedules;
  const bool schedule = coordinator::is_schedule(t.key.group);
  if (schedule) {
    ++(t.state == State::kCommitted ? counters_.schedules_delivered : counters_.schedules_cancelled);
  } else {
    ++(t.state == State::kCommitted ? counters_.committed : counters_.rolled_back);
  }
  if (t.state == State::kCommitted) {
    commit_messages(t, before);
  } else {
    if (!schedule) release_schedules(t);
    for (const coordinator::TransactionMessage& m : t.messages) {
      if (m.message.apart) broker_.drop_body(m.message.apart);
    }
  }
  t.messages.clear();
  t.messages.shrink_to_fit();
  building_.put_decided(key, t, t.check.attempts > 0);
  encode_timer({t.decided_at, t.epoch, key}, decided_);
  if (Group* group = producers_.find(t.key.group); group != nullptr && before == State::kPrepared) {
    group->lane.moot(t.check.next_due);
    lane_changed(*group);
  }
  if constexpr (!planted_fault::kDecisionWithoutAudit) audit_transaction(t, before, t.decided_by, t.reason);
  table_.changed(entry, head_.batch + 1);
}

void Engine::commit_messages(Transaction& t, State before) {
  for (std::size_t i = 0; i < t.messages.size(); ++i) {
    coordinator::TransactionMessage& m = t.messages[i];
    std::optional<coordinator::ScheduleKey> later;
    if (before != State::kScheduled) later = coordinator::schedule_of(m, t.epoch, i);
    if (later) {
      begin_schedule(t, *later, std::move(m));
    } else {
      broker_.publish_committed(m.message.view(), moment());
    }
  }
}

void Engine::audit_transaction(const Transaction& t, State before, const std::string& actor,
                               const std::string& reason) {
  const auto from = static_cast<std::uint8_t>(before);
  const auto to = static_cast<std::uint8_t>(t.state);
  if (!coordinator::is_schedule(t.key.group)) {
    return audit(audit::Subject::kTransaction, from, to, actor, reason, t.key.group, t.key.id, t.epoch);
  }
  coordinator::ScheduleKey key = coordinator::ScheduleKey::of(t.key);
  audit(audit::Subject::kSchedule, from, to, actor, reason, std::move(key.vhost), std::move(key.key), t.epoch);
}

void Engine::apply(const Command& command, const GetTransaction& body) {
  Command rest{command.port, command.request, command.actor, ClosePort{}};
  with_transaction(body.key, command.bytes(),
                   [this, rest = std::move(rest), key = body.key](Entry& entry, const std::string&) {
                     reply(rest, view(key, entry));
                   });
}

Result<Reply> Engine::view(const coordinator::Key& key, const Entry& entry) {
  if (!entry.transaction) {
    return Error{ErrorCode::kNotFound,
                 "TRANSACTION_UNKNOWN",
                 "no transaction '" + key.id + "' in group '" + key.group + "'",
                 {}};
  }
  TransactionView view;
  view.transaction = *entry.transaction;
  view.transaction.messages.clear();
  const Group* group = producers_.find(key.group);
  view.waiting_for_producer = view.transaction.state == State::kPrepared &&
                              view.transaction.check.next_due <= time_.now() && (group == nullptr || !group->served());
  return Reply(std::move(view));
}

}  // namespace escrow::engine
