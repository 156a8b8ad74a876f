#include "coordinator/core/rules.h"

#include <set>
#include <string_view>
#include <utility>

#include "base/planted_fault.h"
#include "coordinator/core/refusal.h"
#include "coordinator/core/when.h"

namespace escrow::coordinator {
namespace {

Error unimplemented(const char* field) {
  return {ErrorCode::kUnimplemented,
          "FIELD_UNIMPLEMENTED",
          std::string("the field '") + field + "' is not implemented yet",
          {{"field", field}}};
}

Result<void> check_key(const Key& key) {
  if (key.group.empty()) return malformed("the group is empty");
  if (key.id.empty()) return malformed("the transaction id is empty");
  if (auto valid = check_not_reserved("groups", key.group); !valid) return valid;
  if (key.group.size() > kMaxKeyBytes) return over_limit("group_bytes", kMaxKeyBytes);
  if (key.id.size() > kMaxKeyBytes) return over_limit("transaction_id_bytes", kMaxKeyBytes);
  return {};
}

Error stale(const Transaction& transaction) {
  return {ErrorCode::kAborted,
          "EPOCH_STALE",
          "the transaction has another epoch: the call belongs to an earlier one of the same id",
          {{"epoch", std::to_string(transaction.epoch)}}};
}

Error decided(const Transaction& transaction) {
  return {ErrorCode::kFailedPrecondition,
          "ALREADY_DECIDED",
          "the transaction is " + std::string(name(transaction.state)) + " by '" + transaction.decided_by + "'",
          {{"state", std::string(name(transaction.state))},
           {"decided_by", transaction.decided_by},
           {"decided_at", std::to_string(to_micros(transaction.decided_at))}}};
}

}  // namespace

Result<void> check_not_reserved(std::string_view what, std::string_view name) {
  if (!name.starts_with(kReservedPrefix)) return {};
  return malformed(std::string(what) + " that begin with '" + std::string(kReservedPrefix) + "' are reserved");
}

Result<void> check(const Prepare& command, std::size_t max_bytes) {
  if (auto valid = check_key(command.key); !valid) return valid;
  if (command.messages.empty()) return malformed("a transaction has at least one message");
  if (command.messages.size() > kMaxMessages) return over_limit("messages", kMaxMessages);
  std::size_t bytes = 0;
  std::set<std::pair<std::string_view, std::string_view>> keys;
  for (const TransactionMessage& m : command.messages) {
    if (m.delay || m.due) {
      if (auto valid = check(When{m.delay, m.due}); !valid) return valid;
    } else if (!m.schedule_key.empty()) {
      return malformed("a schedule key needs a delay or a due time");
    }
    if (m.schedule_key.size() > kMaxKeyBytes) return over_limit("schedule_key_bytes", kMaxKeyBytes);
    if (auto valid = check_not_reserved("schedule keys", m.schedule_key); !valid) return valid;
    if (!m.schedule_key.empty() && !keys.emplace(m.message.vhost, m.schedule_key).second) {
      return malformed("two messages have the schedule key '" + m.schedule_key + "'");
    }
    if (!m.sink.empty()) return unimplemented("sink");
    if (m.compensation) return unimplemented("compensation");
    bytes += m.message.bytes();
  }
  if (bytes > max_bytes) return over_limit("transaction_bytes", max_bytes);
  if (!command.first_check_delay) return {};
  if (command.first_check_delay->count() < 0 || *command.first_check_delay > kMaxFirstCheckDelay) {
    return malformed("first_check_delay must be between 0 and 7 days");
  }
  return {};
}

Result<void> check(const Decide& command) {
  if (auto valid = check_key(command.key); !valid) return valid;
  if (command.reason.size() > kMaxReasonBytes) return over_limit("reason_bytes", kMaxReasonBytes);
  return {};
}

Result<Change> apply(std::optional<Transaction>& transaction, Prepare command, Timestamp now, Epoch epoch,
                     const CheckPolicy& policy) {
  const Digest content = content_digest(command.messages);
  if (transaction) {
    if (transaction->content == content) return Change::kNone;
    return Error{ErrorCode::kAlreadyExists,
                 "TRANSACTION_DIFFERS",
                 "a transaction of this id with other messages exists and is " + std::string(name(transaction->state)),
                 {{"state", std::string(name(transaction->state))}}};
  }
  for (const TransactionMessage& m : command.messages) {
    if (!m.due) continue;
    if (auto due = due_of({{}, m.due}, now); !due) return due.error();
  }
  Transaction& t = transaction.emplace();
  t.key = std::move(command.key);
  t.epoch = epoch;
  t.state = State::kPrepared;
  t.content = content;
  t.prepared_at = now;
  t.prepared_by = std::move(command.actor);
  t.message_count = static_cast<std::uint32_t>(command.messages.size());
  t.messages = std::move(command.messages);
  t.check.next_due = now + command.first_check_delay.value_or(policy.first_delay);
  return Change::kPrepared;
}

Result<Change> apply(std::optional<Transaction>& transaction, const Decide& command, Timestamp now) {
  if (!transaction) {
    return Error{ErrorCode::kNotFound,
                 "TRANSACTION_UNKNOWN",
                 "no transaction '" + command.key.id + "' in group '" + command.key.group +
                     "': it was never prepared, or it was decided too long ago",
                 {}};
  }
  Transaction& t = *transaction;
  if (command.epoch != 0 && command.epoch != t.epoch && !planted_fault::kEpochIgnored) return stale(t);
  const State wanted = command.commit ? State::kCommitted : State::kRolledBack;
  if (t.state == wanted) return Change::kNone;
  if (!is_open(t.state)) return decided(t);
  if (t.state == State::kInDoubt && command.epoch == 0 && command.reason.empty()) {
    return malformed("ending an in-doubt transaction needs a reason");
  }
  t.state = wanted;
  t.decided_at = now;
  t.decided_by = command.actor;
  t.reason = command.reason;
  return Change::kDecided;
}

Change apply_check_unknown(Transaction& transaction, Timestamp now, const CheckPolicy& policy, Random& random) {
  ++transaction.check.attempts;
  if (transaction.check.attempts >= policy.max_attempts) {
    transaction.state = State::kInDoubt;
    return Change::kInDoubt;
  }
  transaction.check.next_due = now + policy.interval(transaction.check.attempts, random);
  return Change::kChecked;
}

}  // namespace escrow::coordinator
