#include "coordinator/core/schedule.h"

#include <algorithm>
#include <utility>

#include "coordinator/core/refusal.h"

namespace escrow::coordinator {
namespace {

/// Kept in the ledger when nobody has done it.
constexpr std::string_view kDueReason = "due";

std::string_view state_name(const Transaction& schedule) {
  switch (schedule.state) {
    case State::kCommitted:
      return "DELIVERED";
    case State::kRolledBack:
      return "CANCELLED";
    case State::kHeld:
      return "HELD";
    default:
      return "SCHEDULED";
  }
}

Error differs(const Transaction& schedule) {
  return {ErrorCode::kAlreadyExists,
          "SCHEDULE_DIFFERS",
          "a schedule '" + schedule.key.id + "' with another message or time exists and is " +
              std::string(state_name(schedule)),
          {{"state", std::string(state_name(schedule))}}};
}

/// It has not ended.
Result<void> check_open(const std::optional<Transaction>& schedule, const ScheduleKey& key) {
  if (!schedule) return schedule_unknown(key);
  if (is_open(schedule->state)) return {};
  const std::string at = std::to_string(to_micros(schedule->decided_at));
  if (schedule->state == State::kCommitted) {
    return Error{ErrorCode::kFailedPrecondition,
                 "ALREADY_DELIVERED",
                 "the message of schedule '" + key.key + "' is delivered already",
                 {{"delivered_at", at}}};
  }
  return Error{ErrorCode::kFailedPrecondition,
               "ALREADY_CANCELLED",
               "schedule '" + key.key + "' was cancelled by '" + schedule->decided_by + "'",
               {{"cancelled_at", at}, {"cancelled_by", schedule->decided_by}}};
}

}  // namespace

Key ScheduleKey::place() const { return {std::string(kScheduleGroupPrefix) + vhost, key}; }

ScheduleKey ScheduleKey::of(const Key& place) { return {place.group.substr(kScheduleGroupPrefix.size()), place.id}; }

bool is_schedule(std::string_view group) { return group.starts_with(kScheduleGroupPrefix); }

Error schedule_unknown(const ScheduleKey& key) {
  return {ErrorCode::kNotFound,
          "SCHEDULE_UNKNOWN",
          "no schedule '" + key.key + "' in virtual host '" + key.vhost +
              "': there never was one, or it ended too long ago",
          {}};
}

void hide_bodies(Transaction& schedule) {
  for (TransactionMessage& m : schedule.messages) {
    if (!m.message.apart) m.message.apart.size = static_cast<std::uint32_t>(m.message.body.size());
    m.message.body.clear();
  }
}

Result<void> check(const ScheduleKey& key) {
  if (key.key.empty()) return malformed("the key is empty");
  if (key.key.size() > kMaxKeyBytes) return over_limit("schedule_key_bytes", kMaxKeyBytes);
  return {};
}

Result<void> check(const Schedule& command, std::size_t max_bytes) {
  if (auto valid = check(ScheduleKey{command.message.vhost, command.key}); !valid) return valid;
  if (auto valid = check_not_reserved("schedule keys", command.key); !valid) return valid;
  if (command.message.bytes() > max_bytes) return over_limit("transaction_bytes", max_bytes);
  return check(command.when);
}

Result<void> check(const Reschedule& command) {
  if (auto valid = check(command.key); !valid) return valid;
  return check(command.when);
}

Result<void> check(const CancelSchedule& command) {
  if (command.reason.size() > kMaxReasonBytes) return over_limit("reason_bytes", kMaxReasonBytes);
  return check(command.key);
}

Result<Change> apply(std::optional<Transaction>& schedule, Schedule command, Timestamp now, Epoch epoch) {
  const Result<Timestamp> due = due_of(command.when, now);
  if (!due) return due.error();
  std::vector<TransactionMessage> messages(1);
  messages[0] = {std::move(command.message), command.when.delay, command.when.due, {}, {}, {}};
  const Digest content = content_digest(messages);
  if (schedule) {
    if (schedule->content == content) return Change::kNone;
    return differs(*schedule);
  }
  Transaction& s = schedule.emplace();
  s.key = ScheduleKey{messages[0].message.vhost, std::move(command.key)}.place();
  s.epoch = epoch;
  s.state = State::kScheduled;
  s.content = content;
  s.prepared_at = now;
  s.prepared_by = std::move(command.actor);
  s.message_count = 1;
  s.messages = std::move(messages);
  s.check.next_due = *due;
  return Change::kPrepared;
}

Result<Change> apply(std::optional<Transaction>& schedule, const Reschedule& command, Timestamp now, Epoch epoch) {
  if (auto open = check_open(schedule, command.key); !open) return open.error();
  if (schedule->state == State::kHeld) {
    return Error{
        ErrorCode::kFailedPrecondition,
        "NOT_COMMITTED",
        "schedule '" + command.key.key + "' belongs to a transaction that is not decided: its time is not known yet",
        {}};
  }
  const Result<Timestamp> due = due_of(command.when, now);
  if (!due) return due.error();
  if (schedule->check.next_due == *due) return Change::kNone;
  schedule->epoch = epoch;
  schedule->check.next_due = *due;
  return Change::kMoved;
}

Result<Change> apply(std::optional<Transaction>& schedule, const CancelSchedule& command, Timestamp now) {
  if (schedule && schedule->state == State::kRolledBack) return Change::kNone;
  if (auto open = check_open(schedule, command.key); !open) return open.error();
  schedule->state = State::kRolledBack;
  schedule->decided_at = now;
  schedule->decided_by = command.actor;
  schedule->reason = command.reason;
  return Change::kDecided;
}

Change apply_due(std::optional<Transaction>& schedule, Epoch epoch, Timestamp now) {
  if (!schedule || schedule->state != State::kScheduled || schedule->epoch != epoch) return Change::kNone;
  schedule->state = State::kCommitted;
  schedule->decided_at = now;
  schedule->reason = kDueReason;
  return Change::kDecided;
}

std::optional<ScheduleKey> schedule_of(const TransactionMessage& message, Epoch epoch, std::size_t index) {
  if (!message.delay && !message.due) return std::nullopt;
  if (!message.schedule_key.empty()) return ScheduleKey{message.message.vhost, message.schedule_key};
  return ScheduleKey{message.message.vhost, "escrow.tx/" + std::to_string(epoch) + "/" + std::to_string(index)};
}

Result<void> check_free(const std::optional<Transaction>& schedule) {
  if (schedule) return differs(*schedule);
  return {};
}

void hold(std::optional<Transaction>& schedule, const ScheduleKey& key, Epoch transaction, std::string actor,
          Timestamp now) {
  Transaction& s = schedule.emplace();
  s.key = key.place();
  s.epoch = transaction;
  s.state = State::kHeld;
  s.prepared_at = now;
  s.prepared_by = std::move(actor);
}

bool begin_held(std::optional<Transaction>& schedule, Epoch transaction, TransactionMessage message, Timestamp now,
                Epoch epoch) {
  if (!schedule || schedule->state != State::kHeld || schedule->epoch != transaction) return false;
  Transaction& s = *schedule;
  s.epoch = epoch;
  s.state = State::kScheduled;
  // What was too far ahead was refused by Prepare.
  s.check.next_due = std::max(now, message.delay ? now + *message.delay : *message.due);
  s.message_count = 1;
  s.messages.push_back(std::move(message));
  return true;
}

bool release_held(std::optional<Transaction>& schedule, Epoch transaction) {
  if (!schedule || schedule->state != State::kHeld || schedule->epoch != transaction) return false;
  schedule.reset();
  return true;
}

}  // namespace escrow::coordinator
