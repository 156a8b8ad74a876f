#include "broker/core/topology.h"

#include "broker/core/equivalence.h"
#include "broker/core/names.h"
#include "broker/core/queue_arguments.h"

namespace escrow::broker {
namespace {

Error limit(const char* name, std::size_t maximum) {
  return {ErrorCode::kResourceExhausted,
          "LIMIT_EXCEEDED",
          std::string("the limit of ") + name + " is reached",
          {{"limit", name}, {"maximum", std::to_string(maximum)}}};
}

Error exchange_in_use(std::string_view name, std::string_view vhost) {
  return {ErrorCode::kFailedPrecondition, "EXCHANGE_IN_USE", describe("exchange", name, vhost) + " in use", {}};
}

Error exchange_internal(std::string_view name, std::string_view vhost) {
  return {ErrorCode::kPermissionDenied,
          "EXCHANGE_INTERNAL",
          "cannot publish to internal " + describe("exchange", name, vhost),
          {}};
}

/// What a quorum queue cannot be (rabbit_queue_type_util.erl).
Result<void> check_quorum(const QueueSpec& spec) {
  const char* property = spec.auto_delete      ? "auto-delete"
                         : spec.exclusive != 0 ? "exclusive-owner"
                         : !spec.durable       ? "non-durable"
                                               : nullptr;
  if (property == nullptr) return {};
  return Error{ErrorCode::kInvalidArgument,
               "ARGUMENT_INVALID",
               std::string("invalid property '") + property + "' for " + describe("queue", spec.name, spec.vhost),
               {}};
}

Result<void> check_queue(const QueueSpec& spec) {
  const Result<QueueArguments> arguments = parse_queue_arguments(spec.vhost, spec.name, spec.arguments);
  if (!arguments) return arguments.error();
  return arguments->type == QueueType::kQuorum ? check_quorum(spec) : Result<void>();
}

}  // namespace

Topology::Topology() { add_vhost(kDefaultVhost); }

void Topology::add_vhost(std::string_view name) {
  VirtualHost& host = vhosts_[std::string(name)];
  const auto predeclare = [&](const char* exchange, ExchangeType type, bool internal = false) {
    ExchangeSpec spec{std::string(name), exchange, type, {}};
    spec.internal = internal;
    host.exchanges.emplace(exchange, std::make_unique<Exchange>(std::move(spec)));
  };
  predeclare("amq.direct", ExchangeType::kDirect);
  predeclare("amq.fanout", ExchangeType::kFanout);
  predeclare("amq.topic", ExchangeType::kTopic);
  predeclare("amq.headers", ExchangeType::kHeaders);
  predeclare("amq.match", ExchangeType::kHeaders);
  predeclare("amq.rabbitmq.trace", ExchangeType::kTopic, true);
}

void Topology::changed(bool stored, std::string key, std::optional<std::string> value) {
  router_.forget();
  if (stored) changes_.push_back({std::move(key), std::move(value)});
}

Result<bool> Topology::declare_vhost(std::string_view name) {
  if (auto valid = check_name("vhost", name); !valid) return std::move(valid).error();
  if (vhosts_.contains(name)) return false;
  if (vhosts_.size() >= kMaxVhosts) return limit("vhosts", kMaxVhosts);
  add_vhost(name);
  changed(true, encode_vhost_key(name), encode_presence());
  return true;
}

Result<VirtualHost*> Topology::vhost(std::string_view name) {
  const auto it = vhosts_.find(name);
  if (it == vhosts_.end()) return unknown_vhost(name);
  return &it->second;
}

Result<Exchange*> Topology::exchange(std::string_view vhost_name, std::string_view name) {
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  Exchange* found = (*host)->exchange(name);
  if (found == nullptr) return unknown_exchange(name, vhost_name);
  return found;
}

Result<Queue*> Topology::queue(std::string_view vhost_name, std::string_view name) {
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  Queue* found = (*host)->queue(name);
  if (found == nullptr) return unknown_queue(name, vhost_name);
  return found;
}

Result<Exchange*> Topology::declare_exchange(ExchangeSpec spec, LogId delay_log) {
  if (spec.name.empty()) return default_exchange_refused();
  if (auto valid = check_name("exchange", spec.name); !valid) return std::move(valid).error();
  const Result<VirtualHost*> host = vhost(spec.vhost);
  if (!host) return host.error();
  if (Exchange* found = (*host)->exchange(spec.name)) {
    if (auto equivalent = check_equivalent(found->spec(), spec); !equivalent) return std::move(equivalent).error();
    return found;
  }
  if (auto allowed = check_not_reserved("exchange", spec.name); !allowed) return std::move(allowed).error();
  if (auto valid = check_exchange_arguments(spec); !valid) return std::move(valid).error();
  if (exchange_count_ >= kMaxExchanges) return limit("exchanges", kMaxExchanges);
  if (spec.type != ExchangeType::kDelayed) delay_log = 0;
  changed(spec.durable, encode_exchange_key(spec.vhost, spec.name), encode_exchange_value(spec, delay_log));
  if (delay_log != 0 && !spec.durable) left_over({delay_log, true});
  std::string name = spec.name;
  auto made = std::make_unique<Exchange>(std::move(spec), delay_log);
  ++exchange_count_;
  return (*host)->exchanges.emplace(std::move(name), std::move(made)).first->second.get();
}

Result<void> Topology::delete_exchange(std::string_view vhost_name, std::string_view name, bool if_unused) {
  if (auto allowed = check_not_reserved("exchange", name); !allowed) {
    if (name.empty()) return allowed;
    return Error{ErrorCode::kPermissionDenied,
                 "NAME_RESERVED",
                 "deletion of system " + describe("exchange", name, vhost_name) + " not allowed",
                 {}};
  }
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  Exchange* found = (*host)->exchange(name);
  if (found == nullptr) return {};
  if (if_unused && !found->unused()) return exchange_in_use(name, vhost_name);
  erase(**host, found);
  return {};
}

Result<Queue*> Topology::declare_queue(QueueSpec spec, const std::function<std::unique_ptr<Queue>(QueueSpec)>& make) {
  if (auto valid = check_name("queue", spec.name); !valid) return valid.error();
  const Result<VirtualHost*> host = vhost(spec.vhost);
  if (!host) return host.error();
  if (Queue* found = (*host)->queue(spec.name)) {
    if (auto equivalent = check_equivalent(found->spec(), spec); !equivalent) return std::move(equivalent).error();
    return found;
  }
  if (auto valid = check_queue(spec); !valid) return std::move(valid).error();
  // What is committed must have a place even then.
  if (queue_count_ >= kMaxQueues && spec.name != kParkedQueue) return limit("queues", kMaxQueues);
  std::unique_ptr<Queue> queue = make(std::move(spec));
  const QueueSpec& made = queue->spec();
  changed(made.stored(), encode_queue_key(made.vhost, made.name), encode_queue_value(made, queue->first_log()));
  ++queue_count_;
  return (*host)->queues.emplace(made.name, std::move(queue)).first->second.get();
}

Result<std::unique_ptr<Queue>> Topology::take_queue(std::string_view vhost_name, std::string_view name) {
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  const auto it = (*host)->queues.find(name);
  if (it == (*host)->queues.end()) return unknown_queue(name, vhost_name);
  unbind_target(**host, {it->second.get(), nullptr});
  std::unique_ptr<Queue> queue = std::move(it->second);
  (*host)->queues.erase(it);
  --queue_count_;
  const QueueSpec& spec = queue->spec();
  changed(spec.stored(), encode_queue_key(vhost_name, spec.name), std::nullopt);
  keys_end(vhost_name, {spec.name, DestinationKind::kQueue}, queue->keys_log, spec.stored());
  return queue;
}

void Topology::left_over(Leftover leftover) { changed(true, encode_leftover_key(leftover), encode_presence()); }

void Topology::erased(Leftover leftover) { changed(true, encode_leftover_key(leftover), std::nullopt); }

void Topology::keys_begin(std::string_view vhost, Destination of, LogId log) {
  changed(true, encode_keys_key(vhost, of), encode_keys_value(log));
}

void Topology::keys_end(std::string_view vhost, Destination of, LogId log, bool stored) {
  if (log == 0) return;
  changed(stored, encode_keys_key(vhost, of), std::nullopt);
  keys_logs_.push_back(log);
}

void Topology::replace_delay_log(Exchange& exchange, LogId log) {
  const ExchangeSpec& spec = exchange.spec();
  // Of one that is not durable every log is left over from the start.
  left_over({spec.durable ? exchange.delay_log() : log, true});
  exchange.replace_delay_log(log);
  changed(spec.durable, encode_exchange_key(spec.vhost, spec.name), encode_exchange_value(spec, log));
}

void Topology::retries_begin(const Queue& queue) {
  if (!queue.spec().stored()) return left_over({queue.retry_log, true});
  changed(true, encode_retries_key(queue.first_log()), encode_retries_value(queue.retry_log));
}

void Topology::retries_end(const Queue& queue) {
  if (!queue.spec().stored()) return;
  changed(true, encode_retries_key(queue.first_log()), std::nullopt);
  left_over({queue.retry_log, true});
}

void Topology::body_shared(std::uint64_t body, std::uint32_t kept_back) {
  changed(true, encode_shared_body_key(body),
          kept_back == 0 ? std::nullopt : std::optional(encode_shared_body_value(kept_back)));
}

Result<Router::Found> Topology::route(const MessageView& message, std::span<const std::string_view> more_keys) {
  return router_.route(vhosts_, message, more_keys);
}

Result<Router::Found> Topology::route_published(const MessageView& message,
                                                std::span<const std::string_view> more_keys) {
  Result<Router::Found> found = router_.route(vhosts_, message, more_keys);
  if (found && found->internal) return exchange_internal(message.exchange, message.vhost);
  return found;
}

Result<Router::Found> Topology::route_on(Exchange& from, const MessageView& message,
                                         std::span<const std::string_view> more_keys) {
  return router_.route_on(vhosts_, from, message, more_keys);
}

Result<void> Topology::check_publish(std::string_view vhost_name, std::string_view name) {
  const Result<VirtualHost*> host = vhost(vhost_name);
  if (!host) return host.error();
  if (name.empty()) return {};
  const Exchange* found = (*host)->exchange(name);
  if (found == nullptr) return unknown_exchange(name, vhost_name);
  if (found->spec().internal) return exchange_internal(name, vhost_name);
  return {};
}

}  // namespace escrow::broker
