// How the engine applies the coordinator's commands.
#include <algorithm>
#include <utility>

#include "base/invariant.h"
#include "base/planted_fault.h"
#include "engine/engine.h"
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
  Entry& entry = table_.insert(key, std::move(*found));
  auto waiting = waiting_.extract(key);
  for (Waiting& one : waiting.mapped()) {
    waiting_bytes_ -= one.bytes;
    one.use(entry, key);
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
  with_transaction(
      key, bytes,
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
    const Result<Group*> found = group_for(body.key.group);
    if (!found) return reply(command, found.error());
    group = *found;
  }
  const Result<Change> change =
      coordinator::apply(entry.transaction, std::move(body), time_.now(), head_.next_epoch, options_.checks);
  if (!change) return reply(command, change.error());
  Transaction& t = *entry.transaction;
  if (*change == Change::kPrepared) {
    touch();
    for (coordinator::TransactionMessage& m : t.messages) {
      building_bytes_ += m.message.body.size();
      broker_.separate_body(m.message, moment());
    }
    ++head_.next_epoch;
    ++counters_.prepared;
    building_.put_open(key, t);
    group->prepared_in = head_.batch + 1;
    group->lane.add({t.check.next_due, t.epoch, key});
    head_.last_timer_bucket = std::max(head_.last_timer_bucket, bucket_of(t.check.next_due));
    lane_changed(*group);
    audit(audit::Subject::kTransaction, 0, static_cast<std::uint8_t>(t.state), command.actor, "", t.key.group, t.key.id,
          t.epoch);
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
  with_transaction(key, bytes,
                   [this, rest = std::move(rest), body = std::move(body)](Entry& entry, const std::string& encoded) {
                     const Result<Change> change = decide(body, entry, encoded);
                     if (!change) return reply(rest, change.error());
                     reply(rest, Reply(Decided{entry.transaction->decided_at}));
                   });
}

Result<Change> Engine::decide(const coordinator::Decide& decision, Entry& entry, const std::string& key) {
  const State before = entry.transaction ? entry.transaction->state : State::kNone;
  const Result<Change> change = coordinator::apply(entry.transaction, decision, time_.now());
  if (!change || *change != Change::kDecided) return change;
  Transaction& t = *entry.transaction;
  touch();
  if (t.state == State::kCommitted) {
    ++counters_.committed;
    for (const coordinator::TransactionMessage& m : t.messages) {
      broker_.publish_committed(m.message.view(), moment());
    }
  } else {
    ++counters_.rolled_back;
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
  if constexpr (!planted_fault::kDecisionWithoutAudit) {
    audit(audit::Subject::kTransaction, static_cast<std::uint8_t>(before), static_cast<std::uint8_t>(t.state),
          t.decided_by, t.reason, t.key.group, t.key.id, t.epoch);
  }
  table_.changed(entry, head_.batch + 1);
  return change;
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
