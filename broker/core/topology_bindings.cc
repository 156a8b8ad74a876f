// Bindings, and what goes with the last of them.
#include "broker/core/names.h"
#include "broker/core/topology.h"

namespace escrow::broker {
namespace {

Destination destination_of(const Binding& binding) {
  if (binding.queue != nullptr) return {binding.queue->spec().name, DestinationKind::kQueue};
  return {binding.exchange->spec().name, DestinationKind::kExchange};
}

bool durable(const Target& target) {
  if (target.exchange != nullptr) return target.exchange->spec().durable;
  return target.queue->spec().durable && target.queue->spec().exclusive == 0;
}

Result<void> check_ends(std::string_view source, Destination destination) {
  const bool to_default = destination.kind == DestinationKind::kExchange && destination.name.empty();
  if (source.empty() || to_default) return default_exchange_refused();
  return {};
}

/// As exchanges keep it.
Binding leading_to(const Target& target, Binding binding) {
  binding.arguments = in_order_of_name(std::move(binding.arguments));
  binding.queue = target.queue;
  binding.exchange = target.exchange;
  return binding;
}

}  // namespace

std::optional<Target> Topology::find(const VirtualHost& host, Destination destination) {
  Target target;
  if (destination.kind == DestinationKind::kQueue) {
    target.queue = host.queue(destination.name);
  } else {
    target.exchange = host.exchange(destination.name);
  }
  return target == Target{} ? std::nullopt : std::optional(target);
}

Result<bool> Topology::bind(std::string_view vhost_name, std::string_view source, Destination destination,
                            Binding binding) {
  if (binding.routing_key.size() > kMaxRoutingKeyBytes) {
    return Error{ErrorCode::kInvalidArgument, "LIMIT_EXCEEDED", "the routing key is longer than 255 bytes", {}};
  }
  if (auto allowed = check_ends(source, destination); !allowed) return std::move(allowed).error();
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  Exchange* from = (*host)->exchange(source);
  if (from == nullptr) return unknown_exchange(source, vhost_name);
  const std::optional<Target> to = find(**host, destination);
  if (!to) {
    return destination.kind == DestinationKind::kQueue ? unknown_queue(destination.name, vhost_name)
                                                       : unknown_exchange(destination.name, vhost_name);
  }
  if (auto valid = from->check_binding(binding); !valid) return std::move(valid).error();
  binding = leading_to(*to, std::move(binding));
  if (from->has(binding)) return false;
  if (from->bindings().size() >= kMaxBindingsPerExchange) {
    return Error{ErrorCode::kResourceExhausted,
                 "LIMIT_EXCEEDED",
                 "the limit of bindings_per_exchange is reached",
                 {{"limit", "bindings_per_exchange"}, {"maximum", std::to_string(kMaxBindingsPerExchange)}}};
  }
  binding_changed(*from, binding, true);
  (*host)->sources.add(*to, from);
  return from->bind(std::move(binding));
}

Result<bool> Topology::unbind(std::string_view vhost_name, std::string_view source, Destination destination,
                              Binding binding) {
  if (auto allowed = check_ends(source, destination); !allowed) return std::move(allowed).error();
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  // An end that does not exist is no error either (rabbit_binding.erl, remove/4 and absent_errs_only/1, as of 3.13).
  Exchange* from = (*host)->exchange(source);
  const std::optional<Target> to = find(**host, destination);
  if (from == nullptr || !to) return false;
  binding = leading_to(*to, std::move(binding));
  if (!from->unbind(binding)) return false;
  binding_changed(*from, binding, false);
  (*host)->sources.remove(*to, from);
  remove_unused(**host, {from});
  return true;
}

bool Topology::has_binding(std::string_view vhost_name, std::string_view source, Destination destination,
                           Binding binding) const {
  const auto host = vhosts_.find(vhost_name);
  if (host == vhosts_.end()) return false;
  const Exchange* from = host->second.exchange(source);
  const std::optional<Target> to = find(host->second, destination);
  if (from == nullptr || !to) return false;
  binding = leading_to(*to, std::move(binding));
  return from->has(binding);
}

bool Topology::stores_binding(std::string_view vhost_name, std::string_view source, Destination destination) const {
  const auto host = vhosts_.find(vhost_name);
  if (host == vhosts_.end()) return false;
  const Exchange* from = host->second.exchange(source);
  const std::optional<Target> to = find(host->second, destination);
  return from != nullptr && to && from->spec().durable && durable(*to);
}

void Topology::binding_changed(const Exchange& source, const Binding& binding, bool present) {
  const bool stored = source.spec().durable && durable(binding.target());
  std::string key;
  if (stored) {
    key = encode_binding_key(source.spec().vhost, source.spec().name, destination_of(binding), binding.routing_key,
                             binding.arguments);
  }
  changed(stored, std::move(key), present ? std::optional(encode_presence()) : std::nullopt);
}

void Topology::unbind_target(VirtualHost& host, const Target& target) {
  const std::vector<Exchange*> sources = host.sources.take(target);
  for (Exchange* source : sources) {
    for (const Binding& binding : source->unbind_all(target)) binding_changed(*source, binding, false);
  }
  remove_unused(host, sources);
}

void Topology::remove_unused(VirtualHost& host, std::vector<Exchange*> unused) {
  // Each was the source of a binding that went just now. One that goes itself may take the last binding of others: of
  // exchanges that still have it, and are therefore not among those that wait here.
  while (!unused.empty()) {
    Exchange* exchange = unused.back();
    unused.pop_back();
    if (!exchange->spec().auto_delete || !exchange->unused()) continue;
    const Target gone{nullptr, exchange};
    for (Exchange* source : host.sources.take(gone)) {
      for (const Binding& binding : source->unbind_all(gone)) binding_changed(*source, binding, false);
      unused.push_back(source);
    }
    auto_deleted_.push_back(exchange->spec());
    erase(host, exchange);
  }
}

void Topology::erase(VirtualHost& host, Exchange* exchange) {
  for (const auto& [name, binding] : exchange->bindings()) {
    binding_changed(*exchange, binding, false);
    host.sources.remove(binding.target(), exchange);
  }
  unbind_target(host, {nullptr, exchange});
  const ExchangeSpec& spec = exchange->spec();
  changed(spec.durable, encode_exchange_key(spec.vhost, spec.name), std::nullopt);
  keys_end(spec.vhost, {spec.name, DestinationKind::kExchange}, exchange->keys_log, spec.durable);
  if (exchange->delay_log() != 0) {
    if (spec.durable) left_over({exchange->delay_log(), true});
    delay_logs_.push_back(exchange->delay_log());
  }
  host.exchanges.erase(host.exchanges.find(spec.name));
  --exchange_count_;
}

}  // namespace escrow::broker
