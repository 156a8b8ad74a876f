#include "tests/fault/crash_transactions.h"

#include <algorithm>
#include <charconv>

namespace escrow::crash {
namespace {

std::int64_t to_us(const google::protobuf::Timestamp& time) { return time.seconds() * 1'000'000 + time.nanos() / 1000; }

}  // namespace

std::string group_of_round(int round) { return "crash." + std::to_string(round / kRoundsPerGroup); }

const TransactionPlan& TransactionLedger::plan(Kind kind, bool commit, const std::vector<std::uint8_t>& routes,
                                               PublisherId publisher, std::chrono::milliseconds first_check_delay) {
  const int round = findings_.round();
  const std::scoped_lock lock(mutex_);
  const auto index = static_cast<TransactionIndex>(records_.size());
  Record& record = records_.emplace_back();
  record.planned_round = record.last_round = round;
  record.plan = {index, group_of_round(round), "t" + std::to_string(index), kind, commit, {}, first_check_delay};
  for (const std::uint8_t route : routes) {
    record.plan.messages.emplace_back(messages_.add(route, "transaction", publisher, index), route);
  }
  return record.plan;
}

void TransactionLedger::sending_prepare(const TransactionPlan& plan) {
  const int round = findings_.round();
  const std::scoped_lock lock(mutex_);
  Record& record = records_[plan.index];
  record.prepare_sent = true;
  record.last_round = round;
  record.open_when_sent = !decision_known(record);
  if (record.known == Known::kAbsent) record.known = Known::kNothing;
  if (record.known == Known::kNothing) unresolved_.insert(plan.index);
}

void TransactionLedger::prepared(const TransactionPlan& plan, const v1::PrepareResponse& response) {
  const std::scoped_lock lock(mutex_);
  Record& record = records_[plan.index];
  if (response.epoch() == 0) wrong(record, "Prepare", "the epoch is 0");
  // A check may have decided it since, and the news may have come earlier than this.
  if (record.open_when_sent && decision_known(record) && response.state() == v1::TRANSACTION_STATE_PREPARED) return;
  observe(record, response.epoch(), response.state(), 0, "Prepare");
}

void TransactionLedger::sending_decision(const TransactionPlan& plan, bool commit) {
  const int round = findings_.round();
  const std::scoped_lock lock(mutex_);
  Record& record = records_[plan.index];
  record.last_round = round;
  (commit ? record.commit_sent : record.rollback_sent) = true;
  if (commit && record.known != Known::kRolledBack) {
    for (const auto& message : plan.messages) messages_.allow(message.first);
  }
}

void TransactionLedger::decided(const TransactionPlan& plan, bool commit, const google::protobuf::Timestamp& time) {
  const std::scoped_lock lock(mutex_);
  observe_decision(records_[plan.index], commit, to_us(time), commit ? "Commit" : "Rollback");
}

void TransactionLedger::opposed(const TransactionPlan& plan, bool commit) {
  const std::scoped_lock lock(mutex_);
  observe_decision(records_[plan.index], !commit, 0, commit ? "Commit refused" : "Rollback refused");
}

void TransactionLedger::seen_delivered(TransactionIndex index) {
  const std::scoped_lock lock(mutex_);
  observe_decision(records_[index], true, 0, "delivery");
}

void TransactionLedger::seen(const v1::Transaction& transaction, const char* where) {
  const std::scoped_lock lock(mutex_);
  Record* record = find(transaction.group(), transaction.transaction_id());
  if (record == nullptr) return wrong_unknown(transaction.group(), transaction.transaction_id(), where);
  if (transaction.message_count() != record->plan.messages.size()) {
    wrong(*record, where, "it has " + std::to_string(transaction.message_count()) + " messages");
  }
  if (transaction.prepared_by() != "guest") wrong(*record, where, "prepared by " + transaction.prepared_by());
  observe(*record, transaction.epoch(), transaction.state(),
          transaction.has_decide_time() ? to_us(transaction.decide_time()) : 0, where);
}

void TransactionLedger::absent(const TransactionPlan& plan, const char* where) {
  const std::scoped_lock lock(mutex_);
  Record& record = records_[plan.index];
  if (record.known != Known::kNothing && record.known != Known::kAbsent) {
    return wrong(record, where, "it is not there");
  }
  record.known = Known::kAbsent;
  unresolved_.erase(plan.index);
}

const TransactionPlan* TransactionLedger::asked(const v1::CheckbacksResponse::Check& check) {
  const int round = findings_.round();
  const std::scoped_lock lock(mutex_);
  Record* record = find(check.group(), check.transaction_id());
  if (record == nullptr) {
    wrong_unknown(check.group(), check.transaction_id(), "check");
    return nullptr;
  }
  const bool was_decided = decision_known(*record);
  if (was_decided && record->decided_round < round) wrong(*record, "check", "it was decided before the restart");
  if (check.messages_size() != static_cast<int>(record->plan.messages.size())) {
    wrong(*record, "check", "the check has " + std::to_string(check.messages_size()) + " messages");
  }
  if (!was_decided) {
    observe(*record, check.epoch(), v1::TRANSACTION_STATE_PREPARED, 0, "check");
  } else if (record->epoch != 0 && record->epoch != check.epoch()) {
    wrong(*record, "check", "its epoch is " + std::to_string(check.epoch()));
  }
  return &record->plan;
}

std::uint64_t TransactionLedger::epoch(const TransactionPlan& plan) const {
  const std::scoped_lock lock(mutex_);
  return records_[plan.index].epoch;
}

bool TransactionLedger::is_decided(const TransactionPlan& plan) const {
  const std::scoped_lock lock(mutex_);
  return decision_known(records_[plan.index]);
}

std::vector<const TransactionPlan*> TransactionLedger::unresolved() const {
  const std::scoped_lock lock(mutex_);
  std::vector<const TransactionPlan*> plans;
  for (const TransactionIndex index : unresolved_) plans.push_back(&records_[index].plan);
  // The order of a hash table is no part of the seed.
  std::ranges::sort(plans, {}, &TransactionPlan::index);
  return plans;
}

std::vector<const TransactionPlan*> TransactionLedger::of_round(int round) const {
  const std::scoped_lock lock(mutex_);
  std::vector<const TransactionPlan*> plans;
  for (const Record& record : records_) {
    if (record.prepare_sent && record.last_round == round) plans.push_back(&record.plan);
  }
  return plans;
}

std::vector<const TransactionPlan*> TransactionLedger::of_group(const std::string& group) const {
  const std::scoped_lock lock(mutex_);
  std::vector<const TransactionPlan*> plans;
  for (const Record& record : records_) {
    if (record.prepare_sent && record.plan.group == group) plans.push_back(&record.plan);
  }
  return plans;
}

std::vector<const TransactionPlan*> TransactionLedger::sample_decided(std::size_t count) const {
  const std::scoped_lock lock(mutex_);
  std::vector<const TransactionPlan*> plans;
  const std::size_t step = std::max<std::size_t>(1, records_.size() / count);
  for (std::size_t i = 0; i < records_.size(); i += step) {
    if (decision_known(records_[i])) plans.push_back(&records_[i].plan);
  }
  return plans;
}

std::size_t TransactionLedger::size() const {
  const std::scoped_lock lock(mutex_);
  return records_.size();
}

std::size_t TransactionLedger::decided_count() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(records_, decision_known));
}

TransactionLedger::Record* TransactionLedger::find(const std::string& group, const std::string& id) {
  TransactionIndex index = 0;
  const auto parsed = std::from_chars(id.data() + std::min<std::size_t>(1, id.size()), id.data() + id.size(), index);
  if (parsed.ec != std::errc() || index >= records_.size()) return nullptr;
  Record& record = records_[index];
  return record.plan.group == group && record.plan.id == id ? &record : nullptr;
}

void TransactionLedger::observe(Record& record, std::uint64_t epoch, v1::TransactionState state,
                                std::int64_t decided_us, const char* where) {
  if (!record.prepare_sent) wrong(record, where, "it was never prepared");
  if (record.known == Known::kAbsent) wrong(record, where, "it was not there before, and was not sent again");
  if (record.epoch != 0 && epoch != record.epoch) {
    wrong(record, where, "its epoch is " + std::to_string(epoch) + ", and was " + std::to_string(record.epoch));
  }
  record.epoch = epoch;
  switch (state) {
    case v1::TRANSACTION_STATE_COMMITTED:
      return observe_decision(record, true, decided_us, where);
    case v1::TRANSACTION_STATE_ROLLED_BACK:
      return observe_decision(record, false, decided_us, where);
    case v1::TRANSACTION_STATE_PREPARED:
      if (record.known == Known::kCommitted) wrong(record, where, "it is prepared, and was committed");
      if (record.known == Known::kRolledBack) wrong(record, where, "it is prepared, and was rolled back");
      if (record.known == Known::kNothing || record.known == Known::kAbsent) record.known = Known::kPrepared;
      return;
    default:
      return wrong(record, where, "its state is " + v1::TransactionState_Name(state));
  }
}

void TransactionLedger::observe_decision(Record& record, bool commit, std::int64_t decided_us, const char* where) {
  const Known now = commit ? Known::kCommitted : Known::kRolledBack;
  const Known opposite = commit ? Known::kRolledBack : Known::kCommitted;
  const std::string name = commit ? "committed" : "rolled back";
  if (record.known == opposite) {
    return wrong(record, where, "it is " + name + ", and was " + (commit ? "rolled back" : "committed"));
  }
  if (!(commit ? record.commit_sent : record.rollback_sent)) {
    wrong(record, where, "it is " + name + ", which nobody asked for");
  }
  if (decided_us != 0 && record.decided_us != 0 && decided_us != record.decided_us) {
    wrong(record, where, "the time of its decision changed");
  }
  if (decided_us != 0) record.decided_us = decided_us;
  if (record.known == now) return;
  record.known = now;
  record.decided_round = findings_.round();
  unresolved_.erase(record.plan.index);
  for (const auto& [uid, route] : record.plan.messages) {
    if (commit) {
      messages_.due(uid);
    } else {
      messages_.forbid(uid);
    }
  }
}

void TransactionLedger::wrong(const Record& record, const char* where, const std::string& what) {
  findings_.add("transaction " + record.plan.id + " of group " + record.plan.group + " (round " +
                std::to_string(record.planned_round) + "), by " + where + ": " + what);
}

void TransactionLedger::wrong_unknown(const std::string& group, const std::string& id, const char* where) {
  findings_.add("transaction " + id + " of group " + group + ", by " + where + ": no client ever sent it");
}

}  // namespace escrow::crash
