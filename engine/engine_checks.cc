// Checkback: asking producers what became of transactions whose decision is overdue.
#include <algorithm>
#include <utility>

#include "base/invariant.h"
#include "engine/read_timers.h"
#include "engine/with_transaction.h"

namespace escrow::engine {

using coordinator::Change;
using coordinator::State;
using coordinator::Transaction;

namespace {
/// Checks started between two looks at the inbox.
constexpr int kChecksPerTurn = 256;
/// Before an unreceived check is tried again.
constexpr Duration kRetryDelay = std::chrono::seconds(1);
/// What a check keeps while it waits for a read, without its strings.
constexpr std::size_t kWaitingCheckBytes = sizeof(CheckInFlight);

std::string describe_unknown(std::uint32_t attempt, const std::string& reason) {
  std::string text = "check " + std::to_string(attempt) + ": unknown";
  if (!reason.empty()) text += ": " + reason.substr(0, coordinator::kMaxReasonBytes);
  return text;
}
}  // namespace

void Engine::apply(const Command& command, const OpenCheckbacks& body) {
  if (body.group.empty() || body.group.size() > coordinator::kMaxKeyBytes) {
    return reply(command, Error{ErrorCode::kInvalidArgument, "MALFORMED", "the group is empty or too long", {}});
  }
  if (auto valid = coordinator::check_not_reserved("groups", body.group); !valid) {
    return reply(command, valid.error());
  }
  if (body.max_in_flight == 0 || body.max_in_flight > Producers::kMaxInFlight) {
    return reply(command, Error{ErrorCode::kInvalidArgument,
                                "LIMIT_EXCEEDED",
                                "max_in_flight must be between 1 and 10,000",
                                {{"limit", "max_in_flight"}, {"maximum", std::to_string(Producers::kMaxInFlight)}}});
  }
  const Result<Group*> group = group_for(body.group);
  if (!group) return reply(command, group.error());
  producers_.open(**group, command.port, command.actor, body.max_in_flight);
  reply(command, Reply(Done{}));
}

void Engine::apply(const Command& command, const CheckReceipt& body) {
  producers_.received(command.port, body.check, time_.now() + options_.check_answer_timeout);
}

void Engine::apply(const Command& command, const CheckAnswer& body) {
  std::optional<CheckInFlight> check = producers_.finish(command.port, body.check);
  if (!check) return;  // too late: it counted as unknown already
  ++counters_.checks;
  if (body.verdict == Verdict::kUnknown) return check_unknown(std::move(*check), body.reason);
  coordinator::Decide decision{check->key, body.verdict == Verdict::kCommit, check->timer.epoch,
                               body.reason.substr(0, coordinator::kMaxReasonBytes), check->actor};
  if (decision.reason.empty()) decision.reason = "check answer";
  const coordinator::Key asked = check->key;
  with_schedules(
      asked, command.bytes(), schedules_of_entry,
      [this, check = std::move(*check), decision = std::move(decision)](Entry& entry, const std::string& key) {
        check.group->lane.resolved(check.timer);
        // A decision that came meanwhile wins, and a newer transaction of this id is not the one that
        // was asked about.
        static_cast<void>(decide(decision, entry, key).ok());
      });
}

void Engine::run_checks() {
  const Timestamp now = time_.now();
  while (std::optional<CheckInFlight> check = producers_.expired(now)) {
    if (check->received) {
      check_unknown(std::move(*check), "no answer");
    } else {
      check_unanswered(std::move(*check));
    }
  }
  for (Group* group : producers_.served()) {
    run_checks(*group);
    // When all producers are busy, an answer or a deadline is what goes on; when too much waits for reads, one of these.
    if (!group->free() || waiting_full()) continue;
    if (const auto next = group->lane.next_time()) wake_at(std::max(*next, now + std::chrono::milliseconds(1)));
  }
  if (const auto deadline = producers_.next_deadline()) wake_at(*deadline);
}

void Engine::run_checks(Group& group) {
  if (const auto read = group.lane.next_read(time_.now(), head_.batch + 1)) {
    read_timers(*read, [this, held = group.shared_from_this(), read = *read](auto entries, auto stopped_at) {
      held->lane.loaded(read, std::move(entries), std::move(stopped_at));
      lane_changed(*held);
    });
  }
  for (int i = 0; i < kChecksPerTurn && group.free() && !waiting_full(); ++i) {
    std::optional<Timer> timer = group.lane.next_due(time_.now());
    if (!timer) return;
    start_check(group, std::move(*timer));
  }
}

void Engine::start_check(Group& group, Timer timer) {
  // What was checked already, or is being checked, or was decided: the common case costs no read of the decision.
  const Result<coordinator::Key> key = coordinator::Key::decode(timer.key);
  ESCROW_INVARIANT(key.ok(), "timers hold transaction keys");
  const std::size_t bytes = kWaitingCheckBytes + timer.key.size();
  with_transaction(*key, bytes,
                   [this, held = group.shared_from_this(), timer = std::move(timer)](Entry& entry, const std::string&) {
                     ask(*held, timer, entry);
                   });
}

void Engine::ask(Group& group, const Timer& timer, Entry& entry) {
  lane_changed(group);
  if (!group.lane.current(timer)) return;
  const bool wanted = entry.transaction && entry.transaction->state == State::kPrepared &&
                      entry.transaction->epoch == timer.epoch && entry.transaction->check.next_due == timer.due &&
                      !producers_.in_check(timer.epoch);
  if (!wanted) return group.lane.resolved(timer);
  Producer* producer = group.pick();
  if (producer == nullptr) return group.lane.again(timer, time_.now() + kRetryDelay);
  const Transaction& t = *entry.transaction;
  const CheckInFlight& check =
      producers_.start(group, *producer, t.key, timer, time_.now() + options_.check_receipt_timeout);
  Check question{check.id, t.key, t.epoch, t.check.attempts + 1, t.prepared_at, {}};
  for (const coordinator::TransactionMessage& m : t.messages) {
    question.messages.push_back(m.message);
    question.messages.back().body.clear();
  }
  outbox_.put(check.port, std::move(question), entry.batch);
}

void Engine::check_unanswered(CheckInFlight check) {
  check.group->lane.again(std::move(check.timer), time_.now() + kRetryDelay);
}

void Engine::check_unknown(CheckInFlight check, const std::string& reason) {
  const coordinator::Key asked = check.key;
  const std::size_t bytes = kWaitingCheckBytes + check.timer.key.size() + reason.size();
  with_transaction(asked, bytes, [this, check = std::move(check), reason](Entry& entry, const std::string& key) {
    Group& group = *check.group;
    group.lane.resolved(check.timer);
    lane_changed(group);
    const bool current = entry.transaction && entry.transaction->state == State::kPrepared &&
                         entry.transaction->epoch == check.timer.epoch &&
                         entry.transaction->check.next_due == check.timer.due;
    if (!current) return;
    Transaction& t = *entry.transaction;
    const Change change = coordinator::apply_check_unknown(t, time_.now(), options_.checks, random_);
    touch();
    building_.put_check(key, t);
    group.lane.moot(check.timer.due);
    if (change == Change::kChecked) {
      group.lane.add({t.check.next_due, t.epoch, key});
      head_.last_timer_bucket = std::max(head_.last_timer_bucket, bucket_of(t.check.next_due));
    } else {
      ++counters_.in_doubt;
    }
    audit_transaction(t, State::kPrepared, check.actor, describe_unknown(t.check.attempts, reason));
    table_.changed(entry, head_.batch + 1);
  });
}

}  // namespace escrow::engine
