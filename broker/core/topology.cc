#include "broker/core/topology.h"

#include <algorithm>

#include "base/bytes.h"
#include "broker/core/headers_match.h"
#include "broker/core/names.h"

namespace escrow::broker {
namespace {

constexpr std::uint8_t kVersion = 1;
enum Kind : std::uint8_t { kExchange = 1, kQueue = 2, kBinding = 3, kLeftover = 4 };

Error unknown(std::string_view what, std::string_view name, std::string_view vhost, const char* reason) {
  return {ErrorCode::kNotFound,
          reason,
          "no " + std::string(what) + " '" + std::string(name) + "' in vhost '" + std::string(vhost) + "'",
          {}};
}

Error differs(std::string_view what, std::string_view name, const char* property) {
  return {ErrorCode::kFailedPrecondition,
          "DECLARATION_DIFFERS",
          std::string(what) + " '" + std::string(name) + "' exists with another " + property,
          {{"property", property}}};
}

Error limit(const char* name, std::size_t maximum) {
  return {ErrorCode::kResourceExhausted,
          "LIMIT_EXCEEDED",
          std::string("the limit of ") + name + " is reached",
          {{"limit", name}, {"maximum", std::to_string(maximum)}}};
}

Error damaged() {
  return {ErrorCode::kDataLoss,
          "TOPOLOGY_DAMAGED",
          "a stored exchange, queue or binding cannot be read: restore the data directory",
          {}};
}

/// Every field of `a` is one of `b`. Their order does not matter, nor does the width of a number: clients of different
/// languages write the same arguments differently.
bool within(const FieldTable& a, const FieldTable& b) {
  return std::all_of(a.begin(), a.end(), [&](const FieldTable::Field& field) {
    const FieldValue* other = b.find(field.name);
    if (other == nullptr) return false;
    if (field.value.is_integer() && other->is_integer()) return field.value.as_integer() == other->as_integer();
    return field.value == *other;
  });
}

bool equivalent(const FieldTable& a, const FieldTable& b) { return within(a, b) && within(b, a); }

std::string key(Kind kind, std::string_view vhost, std::string_view name) {
  std::string out;
  ByteWriter(out).u8(kind).string(vhost).string(name);
  return out;
}

}  // namespace

std::string encode_exchange_key(std::string_view vhost, std::string_view name) { return key(kExchange, vhost, name); }
std::string encode_queue_key(std::string_view vhost, std::string_view name) { return key(kQueue, vhost, name); }
std::string encode_binding_key(std::string_view vhost, std::string_view source, std::string_view queue,
                               std::string_view routing_key, const FieldTable& arguments) {
  std::string out = key(kBinding, vhost, source);
  ByteWriter(out).string(queue).string(routing_key);
  encode_table(arguments, out);
  return out;
}

std::string encode_leftover_key(LogId log) {
  std::string out;
  ByteWriter(out).u8(kLeftover).u64(log);
  return out;
}

std::optional<LogId> decode_leftover(std::string_view key, std::string_view value) {
  ByteReader k(key);
  ByteReader v(value);
  const bool known = k.u8() == kLeftover && v.u8() == kVersion;
  const LogId log = k.u64();
  return known && k.done() && v.done() ? std::optional(log) : std::nullopt;
}

Topology::Topology() {
  const std::string name(kDefaultVhost);
  VirtualHost& host = vhosts_[name];
  const auto predeclare = [&](const char* exchange, ExchangeType type) {
    host.exchanges.emplace(exchange, std::make_unique<Exchange>(ExchangeSpec{name, exchange, type, {}}));
  };
  predeclare("amq.direct", ExchangeType::kDirect);
  predeclare("amq.fanout", ExchangeType::kFanout);
  predeclare("amq.topic", ExchangeType::kTopic);
  predeclare("amq.headers", ExchangeType::kHeaders);
  predeclare("amq.match", ExchangeType::kHeaders);
}

void Topology::changed(std::string key, std::optional<std::string> value) {
  ++generation_;
  changes_.push_back({std::move(key), std::move(value)});
}

Result<VirtualHost*> Topology::vhost(std::string_view name) {
  const auto it = vhosts_.find(name);
  if (it == vhosts_.end()) {
    return Error{ErrorCode::kNotFound, "VHOST_UNKNOWN", "no vhost '" + std::string(name) + "'", {}};
  }
  return &it->second;
}

Result<Exchange*> Topology::exchange(std::string_view vhost_name, std::string_view name) {
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  const auto it = (*host)->exchanges.find(name);
  if (it == (*host)->exchanges.end()) return unknown("exchange", name, vhost_name, "EXCHANGE_UNKNOWN");
  return it->second.get();
}

Result<Queue*> Topology::queue(std::string_view vhost_name, std::string_view name) {
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  const auto it = (*host)->queues.find(name);
  if (it == (*host)->queues.end()) return unknown("queue", name, vhost_name, "QUEUE_UNKNOWN");
  return it->second.get();
}

Result<void> Topology::declare_exchange(ExchangeSpec spec) {
  if (auto valid = check_name("exchange", spec.name); !valid) return valid;
  const Result<VirtualHost*> host = vhost(spec.vhost);
  if (!host) return host.error();
  if (const auto it = (*host)->exchanges.find(spec.name); it != (*host)->exchanges.end()) {
    if (it->second->spec().type != spec.type) return differs("exchange", spec.name, "type");
    if (!equivalent(it->second->spec().arguments, spec.arguments)) return differs("exchange", spec.name, "arguments");
    return {};
  }
  if (auto allowed = check_not_reserved("exchange", spec.name); !allowed) return allowed;
  if (exchange_count_ >= kMaxExchanges) return limit("exchanges", kMaxExchanges);
  std::string value;
  ByteWriter(value).u8(kVersion).u8(static_cast<std::uint8_t>(spec.type));
  encode_table(spec.arguments, value);
  changed(encode_exchange_key(spec.vhost, spec.name), std::move(value));
  std::string name = spec.name;
  (*host)->exchanges.emplace(std::move(name), std::make_unique<Exchange>(std::move(spec)));
  ++exchange_count_;
  return {};
}

Result<void> Topology::delete_exchange(std::string_view vhost_name, std::string_view name, bool if_unused) {
  if (auto allowed = check_not_reserved("exchange", name); !allowed) return allowed;
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  const auto it = (*host)->exchanges.find(name);
  if (it == (*host)->exchanges.end()) return {};
  if (if_unused && !it->second->unused()) {
    return Error{
        ErrorCode::kFailedPrecondition, "EXCHANGE_IN_USE", "exchange '" + std::string(name) + "' has bindings", {}};
  }
  for (const Binding& b : it->second->bindings()) {
    changed(encode_binding_key(vhost_name, name, b.queue->spec().name, b.routing_key, b.arguments), std::nullopt);
  }
  changed(encode_exchange_key(vhost_name, name), std::nullopt);
  (*host)->exchanges.erase(it);
  --exchange_count_;
  return {};
}

Result<Queue*> Topology::declare_queue(QueueSpec spec, const std::function<std::unique_ptr<Queue>(QueueSpec)>& make) {
  if (auto valid = check_name("queue", spec.name); !valid) return valid.error();
  const Result<VirtualHost*> host = vhost(spec.vhost);
  if (!host) return host.error();
  if (const auto it = (*host)->queues.find(spec.name); it != (*host)->queues.end()) {
    if (!equivalent(it->second->spec().arguments, spec.arguments)) return differs("queue", spec.name, "arguments");
    return it->second.get();
  }
  // What is committed must have a place even then.
  if (queue_count_ >= kMaxQueues && spec.name != kParkedQueue) return limit("queues", kMaxQueues);
  std::unique_ptr<Queue> queue = make(std::move(spec));
  const QueueSpec& made = queue->spec();
  std::string value;
  ByteWriter(value).u8(kVersion).u64(queue->log().id());
  encode_table(made.arguments, value);
  changed(encode_queue_key(made.vhost, made.name), std::move(value));
  ++queue_count_;
  return (*host)->queues.emplace(made.name, std::move(queue)).first->second.get();
}

Result<std::unique_ptr<Queue>> Topology::take_queue(std::string_view vhost_name, std::string_view name) {
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  const auto it = (*host)->queues.find(name);
  if (it == (*host)->queues.end()) return unknown("queue", name, vhost_name, "QUEUE_UNKNOWN");
  for (const auto& [source, exchange] : (*host)->exchanges) {
    for (const Binding& b : exchange->unbind_all(it->second.get())) {
      changed(encode_binding_key(vhost_name, source, name, b.routing_key, b.arguments), std::nullopt);
    }
  }
  changed(encode_queue_key(vhost_name, name), std::nullopt);
  std::unique_ptr<Queue> queue = std::move(it->second);
  (*host)->queues.erase(it);
  --queue_count_;
  return queue;
}

void Topology::log_left_over(LogId log) {
  changed(encode_leftover_key(log), std::string(1, static_cast<char>(kVersion)));
}

void Topology::log_erased(LogId log) { changed(encode_leftover_key(log), std::nullopt); }

Result<std::pair<Exchange*, Queue*>> Topology::ends(std::string_view vhost_name, std::string_view source,
                                                    std::string_view queue_name) {
  if (source.empty()) {
    return Error{ErrorCode::kPermissionDenied, "NAME_RESERVED", "the default exchange binds every queue by itself", {}};
  }
  const Result<Exchange*> from = exchange(vhost_name, source);
  if (!from) return from.error();
  const Result<Queue*> to = queue(vhost_name, queue_name);
  if (!to) return to.error();
  return std::pair(*from, *to);
}

Result<bool> Topology::bind(std::string_view vhost_name, std::string_view source, std::string_view queue_name,
                            Binding binding) {
  if (binding.routing_key.size() > kMaxRoutingKeyBytes) {
    return Error{ErrorCode::kInvalidArgument, "LIMIT_EXCEEDED", "the routing key is longer than 255 bytes", {}};
  }
  const auto found = ends(vhost_name, source, queue_name);
  if (!found) return found.error();
  const auto [from, to] = *found;
  if (from->spec().type == ExchangeType::kHeaders) {
    if (auto valid = check_headers_binding(binding.arguments); !valid) return valid.error();
  }
  if (from->bindings().size() >= kMaxBindingsPerExchange)
    return limit("bindings_per_exchange", kMaxBindingsPerExchange);
  binding.queue = to;
  std::string stored = encode_binding_key(vhost_name, source, queue_name, binding.routing_key, binding.arguments);
  if (!from->bind(std::move(binding))) return false;
  changed(std::move(stored), std::string(1, static_cast<char>(kVersion)));
  return true;
}

Result<bool> Topology::unbind(std::string_view vhost_name, std::string_view source, std::string_view queue_name,
                              Binding binding) {
  const auto found = ends(vhost_name, source, queue_name);
  if (!found) return found.error();
  const auto [from, to] = *found;
  binding.queue = to;
  if (!from->unbind(binding)) return false;
  changed(encode_binding_key(vhost_name, source, queue_name, binding.routing_key, binding.arguments), std::nullopt);
  return true;
}

Result<void> Topology::compute(const MessageView& message, std::vector<Queue*>& queues, bool& cacheable) {
  queues.clear();
  if (message.exchange.empty()) {
    const Result<VirtualHost*> host = vhost(message.vhost);
    if (!host) return host.error();
    const auto it = (*host)->queues.find(message.routing_key);
    if (it != (*host)->queues.end()) queues.push_back(it->second.get());
    return {};
  }
  const Result<Exchange*> from = exchange(message.vhost, message.exchange);
  if (!from) return from.error();
  (*from)->route(message, queues);
  std::ranges::sort(queues, {}, [](const Queue* q) { return q->log().id(); });
  queues.erase(std::ranges::unique(queues).begin(), queues.end());
  cacheable = (*from)->routes_by_key();
  return {};
}

Result<const std::vector<Queue*>*> Topology::route(const MessageView& message) {
  const std::size_t hash =
      std::hash<std::string_view>()(message.exchange) * 31 + std::hash<std::string_view>()(message.routing_key);
  Route& route = routes_[hash % kRoutes];
  if (route.generation == generation_ && route.routing_key == message.routing_key &&
      route.exchange == message.exchange && route.vhost == message.vhost) {
    return &route.queues;
  }
  bool cacheable = true;
  if (auto found = compute(message, uncached_.queues, cacheable); !found) return found.error();
  if (!cacheable) return &uncached_.queues;
  route.generation = generation_;
  route.vhost = message.vhost;
  route.exchange = message.exchange;
  route.routing_key = message.routing_key;
  std::swap(route.queues, uncached_.queues);
  return &route.queues;
}

Result<void> Topology::recover(std::string_view stored_key, std::string_view value,
                               const std::function<std::unique_ptr<Queue>(QueueSpec, LogId)>& make) {
  ByteReader k(stored_key);
  ByteReader v(value);
  const std::uint8_t kind = k.u8();
  std::string host(k.string());
  std::string name(k.string());
  if (v.u8() != kVersion) return damaged();
  const auto read_table = [](ByteReader& reader) {
    std::string_view rest = reader.rest();
    Result<FieldTable> table = decode_table(rest);
    if (table) reader.bytes(reader.rest().size() - rest.size());
    return table;
  };
  ++generation_;
  if (kind == kExchange) {
    const auto type = static_cast<ExchangeType>(v.u8());
    Result<FieldTable> arguments = read_table(v);
    const bool known = type >= ExchangeType::kDirect && type <= ExchangeType::kHeaders;
    if (!known || !arguments || !k.done() || !v.done()) return damaged();
    auto exchange = std::make_unique<Exchange>(ExchangeSpec{host, name, type, std::move(*arguments)});
    vhosts_[host].exchanges[name] = std::move(exchange);
    ++exchange_count_;
    return {};
  }
  if (kind == kQueue) {
    const LogId log = v.u64();
    Result<FieldTable> arguments = read_table(v);
    if (!arguments || !k.done() || !v.done()) return damaged();
    vhosts_[host].queues[name] = make(QueueSpec{host, name, std::move(*arguments)}, log);
    ++queue_count_;
    return {};
  }
  if (kind != kBinding) return damaged();
  const std::string_view queue_name = k.string();
  Binding binding;
  binding.routing_key = k.string();
  Result<FieldTable> arguments = read_table(k);
  const auto found = ends(host, name, queue_name);
  if (!arguments || !found || !k.done() || !v.done()) return damaged();
  binding.arguments = std::move(*arguments);
  binding.queue = found->second;
  found->first->bind(std::move(binding));
  return {};
}

}  // namespace escrow::broker
