// Transactions as the ledger moves them.
#include <algorithm>

#include "tests/sim/model/transactions.h"

namespace escrow::sim::model {

std::optional<ContentId> Transactions::recorded(const audit::Record& record, const Store& store) {
  History& about = history({record.key1, record.key2});
  const auto before = static_cast<State>(record.before);
  const auto after = static_cast<State>(record.after);
  if (before == State::kNone) {
    verdict_.require(after == State::kPrepared, "a transaction began as ", coordinator::name(after));
    prepared(about, record, store);
    return std::nullopt;
  }
  const Incarnation* current = about.current();
  if (!verdict_.require(current != nullptr, "the ledger has a change of '", record.key2, "', which does not exist")) {
    return std::nullopt;
  }
  verdict_.require(current->epoch == record.epoch, "the ledger has epoch ", record.epoch, " of '", record.key2,
                   "', current is ", current->epoch);
  verdict_.require(current->state == before, "the ledger has '", record.key2, "' go from ", coordinator::name(before),
                   ", but it was ", coordinator::name(current->state));
  verdict_.require(coordinator::is_open(current->state), "'", record.key2, "' was decided twice");
  if (after == State::kPrepared || after == State::kInDoubt) {
    check_counted(about, record);
    return std::nullopt;
  }
  decided(about, record);
  if (after != State::kCommitted) return std::nullopt;
  return about.current()->content;
}

void Transactions::prepared(History& history, const audit::Record& record, const Store& store) {
  const Incarnation* current = history.current();
  verdict_.require(current == nullptr || may_be_forgotten(*current, record.time), "'", record.key2,
                   "' was prepared anew while the decision about it had to be remembered");
  verdict_.require(record.epoch > last_epoch_, "epoch ", record.epoch, " after ", last_epoch_);
  last_epoch_ = record.epoch;
  Incarnation incarnation;
  incarnation.epoch = record.epoch;
  incarnation.content = prepared_content(history, record, store);
  if (!verdict_.require(incarnation.content != kNone, "'", record.key2, "' was prepared by '", record.actor,
                        "', who did not ask for it")) {
    return;
  }
  const Content& content = catalog_.content(incarnation.content);
  for (Token token = content.first; token < content.first + content.count; ++token) {
    verdict_.require(declarations_.durable().accepts(catalog_.sent(token).exchange), "'", record.key2,
                     "' was prepared for the exchange '", catalog_.sent(token).exchange, "', which does not exist");
  }
  incarnation.prepared_at = record.time;
  incarnation.prepared_by = record.actor;
  incarnation.not_before = record.time + content.first_check_delay.value_or(policy_.first_delay);
  history.incarnations.push_back(std::move(incarnation));
  history.versions.push_back({State::kPrepared, 0, history.incarnations.size() - 1});
  ++open_;
}

ContentId Transactions::prepared_content(const History& history, const audit::Record& record,
                                         const Store& store) const {
  std::vector<ContentId> candidates;
  for (const std::uint64_t id : history.open_requests) {
    const TransactionRequest& request = requests_.at(id);
    if (request.kind != TransactionRequest::Kind::kPrepare || request.actor != record.actor) continue;
    if (std::ranges::find(candidates, request.content) == candidates.end()) candidates.push_back(request.content);
  }
  if (candidates.size() <= 1) return candidates.empty() ? kNone : candidates.front();
  // Several contents compete for the id: the store knows which one was first.
  const std::string key = history.key.encode();
  Digest winner{};
  if (const auto open = store.get(Table::kOpenTransactions, key); open.ok() && *open) {
    if (const auto t = coordinator::decode_open(history.key, **open, std::nullopt); t.ok()) winner = t->content;
  } else if (const auto decided = store.get(Table::kDecidedTransactions, key); decided.ok() && *decided) {
    if (const auto t = coordinator::decode_decided(history.key, **decided); t.ok()) winner = t->content;
  }
  const auto found = std::ranges::find_if(
      candidates, [&](ContentId content) { return coordinator::content_digest(catalog_.messages(content)) == winner; });
  return found == candidates.end() ? kNone : *found;
}

void Transactions::check_counted(History& history, const audit::Record& record) {
  Incarnation& incarnation = history.incarnations[history.last().incarnation];
  verdict_.require(incarnation.state == State::kPrepared, "a check of '", record.key2, "' counted while in doubt");
  ++incarnation.attempts;
  verdict_.require(incarnation.attempts <= incarnation.acknowledged, incarnation.attempts, " checks of '", record.key2,
                   "' counted, producers acknowledged ", incarnation.acknowledged);
  const bool used_up = incarnation.attempts >= policy_.max_attempts;
  incarnation.state = static_cast<State>(record.after);
  verdict_.require((incarnation.state == State::kInDoubt) == used_up, "'", record.key2, "' is ",
                   coordinator::name(incarnation.state), " after ", incarnation.attempts, " of ", policy_.max_attempts,
                   " checks");
  if (incarnation.state == State::kInDoubt) in_doubt_.emplace(history.key, &history);
  incarnation.not_before = record.time + least_interval(policy_, incarnation.attempts);
  history.versions.push_back({incarnation.state, incarnation.attempts, history.last().incarnation});
}

void Transactions::decided(History& history, const audit::Record& record) {
  Incarnation& incarnation = history.incarnations[history.last().incarnation];
  const bool commit = static_cast<State>(record.after) == State::kCommitted;
  const bool wanted = std::ranges::any_of(history.causes, [&](const Cause& cause) {
    return cause.commit == commit && (cause.epoch == 0 || cause.epoch == record.epoch) && cause.actor == record.actor &&
           cause.reason == record.reason;
  });
  verdict_.require(wanted, "'", record.key2, "' (epoch ", record.epoch, ") is ",
                   coordinator::name(static_cast<State>(record.after)), " by '", record.actor, "' for the reason '",
                   record.reason, "', who did not ask for it");
  incarnation.state = static_cast<State>(record.after);
  in_doubt_.erase(history.key);
  incarnation.decided_at = record.time;
  incarnation.decided_by = record.actor;
  incarnation.reason = record.reason;
  history.versions.push_back({incarnation.state, incarnation.attempts, history.last().incarnation});
  // Answers to checks of this epoch are of no use any more; requests go when they are answered.
  std::erase_if(history.causes, [&](const Cause& c) { return c.request == 0 && c.epoch == record.epoch; });
  --open_;
}

}  // namespace escrow::sim::model
