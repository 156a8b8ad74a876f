#include "tests/sim/model/declarations.h"

#include <algorithm>
#include <utility>

#include "broker/core/names.h"
#include "tests/sim/vocabulary.h"

namespace escrow::sim::model {
namespace {

using Kind = TopologyChange::Kind;

constexpr auto kAbsent = static_cast<std::uint8_t>(audit::Existence::kAbsent);
constexpr auto kPresent = static_cast<std::uint8_t>(audit::Existence::kPresent);

Expected refused(ErrorCode code) { return {code, std::nullopt}; }
Expected nothing_to_do() { return {}; }

broker::ExchangeType delayed_type(const FieldTable& arguments) {
  const std::string& name = *arguments.find("x-delayed-type")->as_string();
  return name == "topic" ? broker::ExchangeType::kTopic : broker::ExchangeType::kFanout;
}

bool reserved(std::string_view name) { return name.starts_with("amq.") || name.starts_with("escrow."); }

/// The record of something that appears or goes.
audit::Record record_of(audit::Subject subject, bool appears, std::string key, const std::string& actor) {
  audit::Record record;
  record.subject = subject;
  record.before = appears ? kAbsent : kPresent;
  record.after = appears ? kPresent : kAbsent;
  record.actor = actor;
  record.key1 = kVhost;
  record.key2 = std::move(key);
  return record;
}

bool same(const audit::Record& a, const audit::Record& b) {
  return a.subject == b.subject && a.before == b.before && a.after == b.after && a.actor == b.actor &&
         a.key1 == b.key1 && a.key2 == b.key2;
}

}  // namespace

Declarations::Declarations(Verdict& verdict)
    : verdict_(verdict), parked_(make_queue(std::string(broker::kParkedQueue))) {}

Queue* Declarations::make_queue(std::string name) {
  queues_.push_back(std::make_unique<Queue>());
  queues_.back()->name = std::move(name);
  queues_.back()->number = static_cast<std::uint32_t>(queues_.size() - 1);
  return queues_.back().get();
}

Expected Declarations::change(TopologyChange change, audit::Record record) {
  applied_.apply(change);
  pending_.push_back({std::move(change), std::move(record)});
  return {std::nullopt, next_++};
}

Expected Declarations::asked(const engine::DeclareExchange& body, const std::string& actor) {
  const bool delays = body.spec.type == broker::ExchangeType::kDelayed;
  const broker::ExchangeType type = delays ? delayed_type(body.spec.arguments) : body.spec.type;
  if (const Exchange* existing = applied_.exchange(body.spec.name)) {
    const bool same = existing->type == type && existing->delays == delays;
    return same ? nothing_to_do() : refused(ErrorCode::kFailedPrecondition);
  }
  if (reserved(body.spec.name)) return refused(ErrorCode::kPermissionDenied);
  TopologyChange change{Kind::kDeclareExchange, body.spec.name, type, nullptr, {}, delays};
  return this->change(std::move(change), record_of(audit::Subject::kExchange, true, body.spec.name, actor));
}

Expected Declarations::asked(const engine::DeleteExchange& body, const std::string& actor) {
  if (reserved(body.name)) return refused(ErrorCode::kPermissionDenied);
  const Exchange* existing = applied_.exchange(body.name);
  if (existing == nullptr) return nothing_to_do();
  if (body.if_unused && !existing->bindings.empty()) return refused(ErrorCode::kFailedPrecondition);
  TopologyChange change{Kind::kDeleteExchange, body.name, existing->type, nullptr, {}};
  return this->change(std::move(change), record_of(audit::Subject::kExchange, false, body.name, actor));
}

Expected Declarations::asked(const engine::DeclareQueue& body, const std::string& actor) {
  if (const Queue* existing = applied_.queue(body.spec.name)) {
    const bool equal = existing->arguments == body.spec.arguments;
    return equal ? nothing_to_do() : refused(ErrorCode::kFailedPrecondition);
  }
  if (reserved(body.spec.name)) return refused(ErrorCode::kPermissionDenied);
  TopologyChange change{Kind::kDeclareQueue, {}, {}, make_queue(body.spec.name), {}};
  change.queue->arguments = body.spec.arguments;
  change.queue->rules = rules_of(body.spec.arguments);
  return this->change(std::move(change), record_of(audit::Subject::kQueue, true, body.spec.name, actor));
}

Expected Declarations::asked(const engine::DeleteQueue& body, const std::string& actor) {
  Queue* existing = applied_.queue(body.name);
  if (existing == nullptr) return nothing_to_do();
  if (reserved(body.name)) return refused(ErrorCode::kPermissionDenied);
  if (body.if_unused && existing->consumers > 0) return refused(ErrorCode::kFailedPrecondition);
  TopologyChange change{Kind::kDeleteQueue, {}, {}, existing, {}};
  return this->change(std::move(change), record_of(audit::Subject::kQueue, false, body.name, actor));
}

Expected Declarations::asked(const engine::Bind& body, const std::string& actor) {
  if (body.source.empty()) return refused(ErrorCode::kPermissionDenied);
  const Exchange* source = applied_.exchange(body.source);
  Queue* queue = applied_.queue(body.destination);
  if (source == nullptr || queue == nullptr) return body.remove ? nothing_to_do() : refused(ErrorCode::kNotFound);
  Binding binding{queue, body.binding.routing_key, body.binding.arguments};
  if (!body.remove && source->type == broker::ExchangeType::kHeaders &&
      binding.arguments == headers_bindings().back()) {
    return refused(ErrorCode::kInvalidArgument);
  }
  const bool exists = std::ranges::find(source->bindings, binding) != source->bindings.end();
  if (exists != body.remove) return nothing_to_do();
  std::string key = body.source + " -> " + body.destination + " (" + binding.routing_key + ")";
  TopologyChange change{body.remove ? Kind::kUnbind : Kind::kBind, body.source, source->type, queue,
                        std::move(binding)};
  return this->change(std::move(change), record_of(audit::Subject::kBinding, !body.remove, std::move(key), actor));
}

void Declarations::recorded(const audit::Record& record) {
  if (!verdict_.require(!pending_.empty(), "the ledger has a change of '", record.key2, "' that nobody asked for")) {
    return;
  }
  const Pending& next = pending_.front();
  verdict_.require(same(record, next.record), "the ledger has a record about '", record.key2,
                   "' where the next change was that of '", next.record.key2, "'");
  apply_recorded(next.change);
  ++recorded_;
  pending_.pop_front();
}

void Declarations::apply_recorded(const TopologyChange& change) {
  versions_.push_back(std::make_unique<const Topology>(durable_));
  durable_.apply(change);
  if (change.kind == Kind::kDeleteQueue) change.queue->deleted = true;
}

std::vector<const Topology*> Declarations::take_versions() {
  taken_ = std::exchange(versions_, {});
  std::vector<const Topology*> versions{&durable_};
  for (const auto& version : taken_) versions.push_back(version.get());
  return versions;
}

void Declarations::park() {
  if (durable_.queue(parked_->name) != nullptr) return;
  const TopologyChange change{Kind::kDeclareQueue, {}, {}, parked_, {}};
  durable_.apply(change);
  applied_.apply(change);
}

bool Declarations::some_consume() const {
  return std::ranges::any_of(queues_, [](const auto& queue) { return !queue->deleted && queue->consumers > 0; });
}

void Declarations::crashed() {
  pending_.clear();
  next_ = recorded_;
  applied_ = durable_;
  for (const auto& queue : queues_) {
    queue->consumers = queue->attached = queue->purges = 0;
    queue->purging.clear();
    queue->returned.clear();
    queue->ended = queue->ended_at_seal = queue->ended_before_seal = 0;
  }
}

void Declarations::sealed() {
  for (const auto& queue : queues_) queue->ended_before_seal = std::exchange(queue->ended_at_seal, queue->ended);
}

}  // namespace escrow::sim::model
