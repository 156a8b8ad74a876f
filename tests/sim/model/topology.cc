#include "tests/sim/model/topology.h"

#include <algorithm>

#include "model/properties.h"
#include "tests/sim/model/form.h"
#include "tests/sim/vocabulary.h"

namespace escrow::sim::model {
namespace {

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  if (text.empty()) return out;
  for (;;) {
    const std::size_t dot = text.find('.');
    out.push_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return out;
    text.remove_prefix(dot + 1);
  }
}

using Words = std::vector<std::string_view>;

bool match_from(const Words& pattern, std::size_t p, const Words& key, std::size_t k) {
  if (p == pattern.size()) return k == key.size();
  if (pattern[p] == "#") {
    for (std::size_t skip = k; skip <= key.size(); ++skip) {
      if (match_from(pattern, p + 1, key, skip)) return true;
    }
    return false;
  }
  return k < key.size() && (pattern[p] == "*" || pattern[p] == key[k]) && match_from(pattern, p + 1, key, k + 1);
}

FieldTable headers_of(std::string_view encoded) {
  for (const KnownProperties& known : known_properties()) {
    if (known.encoded == encoded) return known.headers;
  }
  Result<Properties> decoded = decode_properties(encoded);  // of what was changed on its way
  return decoded && decoded->headers ? *std::move(decoded->headers) : FieldTable();
}

bool binds(broker::ExchangeType type, const Binding& binding, const MessageView& message) {
  switch (type) {
    case broker::ExchangeType::kFanout:
      return true;
    case broker::ExchangeType::kDirect:
      return binding.routing_key == message.routing_key;
    case broker::ExchangeType::kTopic:
      return topic_matches(binding.routing_key, message.routing_key);
    case broker::ExchangeType::kHeaders:
      return headers_match(binding.arguments, message.properties);
    case broker::ExchangeType::kConsistentHash:
    case broker::ExchangeType::kDelayed:
      break;  // none in the vocabulary
  }
  return false;
}

}  // namespace

bool topic_matches(std::string_view pattern, std::string_view key) {
  if (pattern == "#") return true;
  return match_from(words(pattern), 0, words(key), 0);
}

bool headers_match(const FieldTable& arguments, std::string_view encoded) {
  const FieldTable headers = headers_of(encoded);
  std::string_view kind = "all";
  if (const FieldValue* match = arguments.find("x-match")) kind = *match->as_string();
  const bool with_x = kind.ends_with("-with-x");
  std::size_t wanted = 0;
  std::size_t met = 0;
  for (const auto& [name, value] : arguments) {
    if (name == "x-match" || (name.starts_with("x-") && !with_x)) continue;
    ++wanted;
    const FieldValue* found = headers.find(name);
    const bool any_value = std::holds_alternative<FieldVoid>(value.kind);
    if (found != nullptr && (any_value || *found == value)) ++met;
  }
  return kind.starts_with("any") ? met > 0 : met == wanted;
}

Topology::Topology() {
  for (const KnownExchange& known : kExchanges) {
    if (known.reserved) exchanges_[std::string(known.name)].type = known.type;
  }
}

void Topology::apply(const TopologyChange& change) {
  using Kind = TopologyChange::Kind;
  switch (change.kind) {
    case Kind::kDeclareExchange:
      exchanges_[change.exchange] = {change.type, change.delays, {}};
      return;
    case Kind::kDeleteExchange:
      exchanges_.erase(change.exchange);
      ++exchanges_deleted_;
      return;
    case Kind::kDeclareQueue:
      queues_[change.queue->name] = change.queue;
      return;
    case Kind::kDeleteQueue:
      queues_.erase(change.queue->name);
      for (auto& [name, exchange] : exchanges_) {
        std::erase_if(exchange.bindings, [&](const Binding& b) { return b.queue == change.queue; });
      }
      return;
    case Kind::kBind:
      exchanges_[change.exchange].bindings.push_back(change.binding);
      return;
    case Kind::kUnbind:
      std::erase(exchanges_[change.exchange].bindings, change.binding);
      return;
  }
}

const Exchange* Topology::exchange(std::string_view name) const {
  const auto it = exchanges_.find(name);
  return it == exchanges_.end() ? nullptr : &it->second;
}

Queue* Topology::queue(std::string_view name) const {
  const auto it = queues_.find(name);
  return it == queues_.end() ? nullptr : it->second;
}

bool Topology::accepts(std::string_view exchange_name) const {
  return exchange_name.empty() || exchange(exchange_name) != nullptr;
}

bool Topology::delays(const MessageView& message) const {
  const Exchange* from = exchange(message.exchange);
  return from != nullptr && from->delays && delay_of(message.properties) > Duration::zero();
}

void Topology::route(const MessageView& message, std::vector<Queue*>& queues) const {
  queues.clear();
  if (message.exchange.empty()) {
    if (Queue* direct = queue(message.routing_key)) queues.push_back(direct);
    return;
  }
  const Exchange* from = exchange(message.exchange);
  if (from == nullptr) return;
  for (const Binding& binding : from->bindings) {
    const bool known = std::ranges::find(queues, binding.queue) != queues.end();
    if (!known && binds(from->type, binding, message)) queues.push_back(binding.queue);
  }
  std::ranges::sort(queues, {}, &Queue::number);
}

}  // namespace escrow::sim::model
