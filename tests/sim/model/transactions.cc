#include "tests/sim/model/transactions.h"

#include <algorithm>

namespace escrow::sim::model {

Duration least_interval(const coordinator::CheckPolicy& policy, std::uint32_t attempt) {
  auto us = static_cast<double>(policy.base_interval.count());
  for (std::uint32_t i = 1; i < attempt; ++i) us *= policy.factor;
  us = std::min(us, static_cast<double>(policy.max_interval.count()));
  return Duration(static_cast<std::int64_t>(us * (1.0 - policy.jitter)) - 1);
}

History& Transactions::history(const coordinator::Key& key) {
  const auto [it, added] = histories_.try_emplace(key);
  if (added) it->second.key = key;
  return it->second;
}

TransactionRequest& Transactions::ask(std::uint64_t request, TransactionRequest::Kind kind,
                                      const coordinator::Key& key) {
  History& asked_about = history(key);
  asked_about.open_requests.push_back(request);
  TransactionRequest& entry = requests_[request];
  entry.kind = kind;
  entry.history = &asked_about;
  entry.earliest = asked_about.versions.size() - 1;
  return entry;
}

void Transactions::asked(std::uint64_t request, const coordinator::Prepare& body, const std::string& actor) {
  TransactionRequest& entry = ask(request, TransactionRequest::Kind::kPrepare, body.key);
  const Token first = *catalog_.find(body.messages.front().message.body);
  entry.content = catalog_.sent(first).content;
  entry.actor = actor;
  entry.topology_changes = declarations_.changes();
  entry.exchanges_known = std::ranges::all_of(
      body.messages, [&](const auto& m) { return declarations_.applied().accepts(m.message.exchange); });
}

void Transactions::asked(std::uint64_t request, const coordinator::Decide& body, const std::string& actor) {
  TransactionRequest& entry = ask(request, TransactionRequest::Kind::kDecide, body.key);
  entry.commit = body.commit;
  entry.epoch = body.epoch;
  entry.reason = body.reason;
  entry.actor = actor;
  entry.history->causes.push_back({request, body.commit, body.epoch, actor, body.reason});
}

void Transactions::asked(std::uint64_t request, const engine::GetTransaction& body) {
  ask(request, TransactionRequest::Kind::kGet, body.key);
}

void Transactions::check_acknowledged(const coordinator::Key& key, Epoch epoch) {
  for (Incarnation& incarnation : history(key).incarnations) {
    if (incarnation.epoch == epoch) ++incarnation.acknowledged;
  }
}

void Transactions::check_answered(const coordinator::Key& key, Cause cause) {
  history(key).causes.push_back(std::move(cause));
}

bool Transactions::may_be_forgotten(const Incarnation& incarnation, Timestamp now) const {
  return !coordinator::is_open(incarnation.state) && now >= incarnation.decided_at + retention_;
}

const Incarnation* Transactions::find(const coordinator::Key& key, Epoch epoch) const {
  const auto it = histories_.find(key);
  if (it == histories_.end()) return nullptr;
  for (const Incarnation& incarnation : it->second.incarnations) {
    if (incarnation.epoch == epoch) return &incarnation;
  }
  return nullptr;
}

std::string Transactions::example_open() const {
  for (const auto& [key, history] : histories_) {
    const Incarnation* current = history.current();
    if (current == nullptr || !coordinator::is_open(current->state)) continue;
    return "'" + key.group + "/" + key.id + "', epoch " + std::to_string(current->epoch) + ", " +
           std::string(coordinator::name(current->state)) + " after " + std::to_string(current->attempts) + " checks";
  }
  return {};
}

void Transactions::crashed() {
  requests_.clear();
  for (auto& [key, history] : histories_) {
    history.causes.clear();
    history.open_requests.clear();
    for (Incarnation& incarnation : history.incarnations) incarnation.acknowledged = incarnation.attempts;
  }
}

void Transactions::compare(const Stored& stored) {
  std::size_t open = 0;
  std::size_t decided = 0;
  for (auto& [key, history] : histories_) {
    const Incarnation* expected = history.current();
    if (expected == nullptr) continue;
    const bool forgotten =
        may_be_forgotten(*expected, stored.head.engine_time) && !stored.decided.contains(key.encode());
    if (forgotten) {
      history.versions.push_back(Version{});
    } else if (coordinator::is_open(expected->state)) {
      compare_open(history, *expected, stored);
      ++open;
    } else {
      compare_decided(history, *expected, stored);
      ++decided;
    }
  }
  verdict_.require(open == stored.open.size(), stored.open.size(), " transactions are stored as open, ", open, " are");
  verdict_.require(decided == stored.decided.size(), stored.decided.size(), " transactions are stored as decided, ",
                   decided, " are");
}

void Transactions::compare_open(const History& history, const Incarnation& expected, const Stored& stored) {
  const std::string key = history.key.encode();
  const auto found = stored.open.find(key);
  if (!verdict_.require(found != stored.open.end(), "transaction '", history.key.id, "' was lost")) return;
  const coordinator::Transaction& t = found->second.transaction;
  const Content& content = catalog_.content(expected.content);
  const bool equal = t.epoch == expected.epoch && t.state == expected.state && t.check.attempts == expected.attempts &&
                     t.prepared_at == expected.prepared_at && t.prepared_by == expected.prepared_by;
  verdict_.require(equal, "transaction '", history.key.id, "' is stored as ", coordinator::name(t.state), " after ",
                   t.check.attempts, " checks, the ledger says ", coordinator::name(expected.state), " after ",
                   expected.attempts);
  const std::vector<Token>& messages = found->second.messages;
  bool same_messages = messages.size() == content.count;
  for (std::uint32_t i = 0; i < content.count && same_messages; ++i) same_messages = messages[i] == content.first + i;
  verdict_.require(same_messages, "transaction '", history.key.id, "' is stored with other messages");
  if (t.state != State::kPrepared) return;
  verdict_.require(t.check.next_due >= expected.not_before, "the next check of '", history.key.id, "' is too early");
  const auto group = stored.groups.find(history.key.group);
  const bool timed = group != stored.groups.end() && stored.has_timer(group->second, t.check.next_due, t.epoch, key);
  verdict_.require(timed, "transaction '", history.key.id, "' is in escrow without a timer for its next check");
}

void Transactions::compare_decided(const History& history, const Incarnation& expected, const Stored& stored) {
  const std::string key = history.key.encode();
  const auto found = stored.decided.find(key);
  if (!verdict_.require(found != stored.decided.end(), "the decision of '", history.key.id, "' was lost")) return;
  const coordinator::Transaction& t = found->second;
  const bool equal = t.epoch == expected.epoch && t.state == expected.state && t.decided_at == expected.decided_at &&
                     t.decided_by == expected.decided_by && t.reason == expected.reason &&
                     t.check.attempts == expected.attempts;
  verdict_.require(equal, "transaction '", history.key.id, "' is stored as ", coordinator::name(t.state), " by '",
                   t.decided_by, "', the ledger says ", coordinator::name(expected.state), " by '", expected.decided_by,
                   "'");
  verdict_.require(stored.has_timer(engine::kRetentionLane, t.decided_at, t.epoch, key), "transaction '",
                   history.key.id, "' is decided, but nothing will ever forget it");
}

}  // namespace escrow::sim::model
