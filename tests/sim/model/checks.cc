#include "tests/sim/model/checks.h"

#include <utility>

namespace escrow::sim::model {

void Checks::opened(PortNumber port, const engine::OpenCheckbacks& body, const std::string& actor) {
  Producer& producer = producers_[port][body.group];
  producer.actor = actor;
  producer.max_in_flight += body.max_in_flight;
}

void Checks::asked(PortNumber port, const engine::Check& check) {
  const auto at_port = producers_.find(port);
  const bool known = at_port != producers_.end() && at_port->second.contains(check.key.group);
  if (!verdict_.require(known, "a check of group '", check.key.group, "' came to a port that does not serve it")) {
    return;
  }
  Producer& producer = at_port->second.at(check.key.group);
  if (producer.closed) return;  // it was on its way when the producer left
  const Incarnation* about = transactions_.find(check.key, check.epoch);
  if (!verdict_.require(about != nullptr, "a check of '", check.key.id, "' in epoch ", check.epoch,
                        ", which the ledger does not know")) {
    return;
  }
  check_content(check, *about);
  check_others(port, producer, check);
  const Timestamp not_over_before = present_.effects_since() + receipt_timeout_;
  const bool added = checks_.emplace(check.id, Asked{port, check.key, check.epoch, false, not_over_before}).second;
  verdict_.require(added, "two checks have the id ", check.id);
}

void Checks::check_content(const engine::Check& check, const Incarnation& about) {
  verdict_.require(check.attempt == about.attempts + 1, "check ", check.attempt, " of '", check.key.id, "' after ",
                   about.attempts, " that counted");
  verdict_.require(present_.now() >= about.not_before, "check ", check.attempt, " of '", check.key.id,
                   "' came before its time");
  verdict_.require(check.prepared_at == about.prepared_at, "a check of '", check.key.id,
                   "' gives another time of its Prepare");
  const Content& content = catalog_.content(about.content);
  bool same = check.messages.size() == content.count;
  for (std::uint32_t i = 0; i < content.count && same; ++i) {
    Message expected = catalog_.message(content.first + i);
    expected.body.clear();
    Message shown = check.messages[i];
    shown.apart = {};
    same = shown == expected;
  }
  verdict_.require(same, "a check of '", check.key.id, "' shows other messages than were prepared");
}

void Checks::check_others(PortNumber port, const Producer& producer, const engine::Check& check) {
  std::uint32_t at_producer = 0;
  for (const auto& [id, other] : checks_) {
    if (present_.now() >= other.not_over_before) continue;
    verdict_.require(other.key != check.key || other.epoch != check.epoch, "two checks of '", check.key.id,
                     "' at the same time");
    if (other.port == port && other.key.group == check.key.group) ++at_producer;
  }
  verdict_.require(at_producer < producer.max_in_flight, "a producer that takes ", producer.max_in_flight,
                   " checks at once got one more");
}

void Checks::acknowledge(Asked& asked) {
  if (!std::exchange(asked.acknowledged, true)) transactions_.check_acknowledged(asked.key, asked.epoch);
}

void Checks::received(PortNumber port, const engine::CheckReceipt& body) {
  const auto it = checks_.find(body.check);
  if (it == checks_.end() || it->second.port != port) return;
  Asked& asked = it->second;
  // A receipt that is late changes nothing, and it may be late from then on.
  const bool in_time = present_.now() < asked.not_over_before;
  if (in_time && !asked.acknowledged) asked.not_over_before = present_.now() + answer_timeout_;
  acknowledge(asked);
}

void Checks::answered(PortNumber port, const engine::CheckAnswer& body) {
  const auto it = checks_.find(body.check);
  if (it == checks_.end() || it->second.port != port) return;
  acknowledge(it->second);
  const Asked asked = std::move(checks_.extract(it).mapped());
  if (body.verdict == engine::Verdict::kUnknown) return;
  const std::string reason = body.reason.empty() ? "check answer" : body.reason;
  const std::string& actor = producers_[port][asked.key.group].actor;
  transactions_.check_answered(asked.key, {0, body.verdict == engine::Verdict::kCommit, asked.epoch, actor, reason});
}

void Checks::port_closed(PortNumber port) {
  const auto at_port = producers_.find(port);
  if (at_port == producers_.end()) return;
  for (auto& [group, producer] : at_port->second) producer.closed = true;
  std::erase_if(checks_, [&](const auto& entry) { return entry.second.port == port; });
}

void Checks::crashed() {
  producers_.clear();
  checks_.clear();
}

}  // namespace escrow::sim::model
