// Exchanges, queues and bindings, as a channel declares and deletes them.
#include <utility>

#include "broker/amqp/channel.h"
#include "broker/amqp/session.h"
#include "broker/core/names.h"

namespace escrow::broker::amqp {
namespace {

/// The argument, if it is a string.
const std::string* string_argument(const FieldTable& arguments, std::string_view name) {
  const FieldValue* const value = arguments.find(name);
  return value == nullptr ? nullptr : value->as_string();
}

/// Section 1.7.2.3: neither a queue nor a key named is the queue's name for both.
template <class M>
std::string key_or_queue(const M& method, const std::string& queue) {
  return method.queue.empty() && method.routing_key.empty() ? queue : std::string(method.routing_key);
}

}  // namespace

std::optional<std::string> Channel::queue_or_last(std::string_view name, MethodId method) {
  if (!name.empty()) return std::string(name);
  if (!last_queue_.empty()) return last_queue_;
  fail(ReplyCode::kNotFound, "no previously declared queue", method);
  return std::nullopt;
}

Channel::Outcome Channel::on(ExchangeDeclare& method) {
  constexpr MethodId kId = ExchangeDeclare::kId;
  DeclareExchange declare;
  declare.passive = method.passive;
  declare.spec.vhost = session_.vhost();
  declare.spec.name = method.exchange;
  if (!method.passive) {
    const Result<ExchangeType> type = parse_exchange_type(method.type);
    if (!type) return fail(type.error(), kId), Outcome();
    if (method.exchange.empty()) return fail(default_exchange_refused(), kId), Outcome();
    if (!permitted(Right::kConfigure, "exchange", method.exchange, kId)) return {};
    if (const std::string* alternate = string_argument(method.arguments, kAlternateExchange)) {
      declare.refusal = refusal(Right::kRead, "exchange", method.exchange);
      if (!declare.refusal) declare.refusal = refusal(Right::kWrite, "exchange", *alternate);
    }
    declare.spec.type = *type;
    declare.spec.durable = method.durable;
    declare.spec.auto_delete = method.auto_delete;
    declare.spec.internal = method.internal;
    declare.spec.arguments = std::move(method.arguments);
  }
  ask(std::move(declare), kId, method.no_wait);
  return {};
}

Channel::Outcome Channel::on(const ExchangeDelete& method) {
  if (method.exchange.empty()) return fail(default_exchange_refused(), ExchangeDelete::kId), Outcome();
  if (!permitted(Right::kConfigure, "exchange", method.exchange, ExchangeDelete::kId)) return {};
  ask(DeleteExchange{session_.vhost(), std::string(method.exchange), method.if_unused}, ExchangeDelete::kId,
      method.no_wait);
  return {};
}

Channel::Outcome Channel::on(ExchangeBind& method) {
  if (!permitted(Right::kWrite, "exchange", method.destination, ExchangeBind::kId)) return {};
  if (!permitted(Right::kRead, "exchange", method.source, ExchangeBind::kId)) return {};
  ask(Bind{session_.vhost(),
           std::string(method.source),
           std::string(method.destination),
           {std::string(method.routing_key), std::move(method.arguments)},
           false,
           DestinationKind::kExchange},
      ExchangeBind::kId, method.no_wait);
  return {};
}

Channel::Outcome Channel::on(ExchangeUnbind& method) {
  if (!permitted(Right::kWrite, "exchange", method.destination, ExchangeUnbind::kId)) return {};
  if (!permitted(Right::kRead, "exchange", method.source, ExchangeUnbind::kId)) return {};
  ask(Bind{session_.vhost(),
           std::string(method.source),
           std::string(method.destination),
           {std::string(method.routing_key), std::move(method.arguments)},
           true,
           DestinationKind::kExchange},
      ExchangeUnbind::kId, method.no_wait);
  return {};
}

Channel::Outcome Channel::on(QueueDeclare& method) {
  constexpr MethodId kId = QueueDeclare::kId;
  DeclareQueue declare;
  declare.connection = session_.id_;
  declare.passive = method.passive;
  declare.spec.vhost = session_.vhost();
  declare.spec.name = method.queue;
  if (method.queue.starts_with(kReplyTo)) {
    // Its name, as everybody says it, is always there; that of a requester while it is.
    method.passive = true;
    if (method.queue == kReplyTo) {
      last_queue_ = method.queue;
      if (!method.no_wait) say(QueueDeclareOk{method.queue, 0, 1});
      return {};
    }
    declare.passive = true;
  }
  if (method.queue.empty() && !method.passive) {
    declare.server_named = true;
    declare.spec.name = session_.random_name(kServerNamedPrefix);
  }
  if (!method.passive) {
    if (!permitted(Right::kConfigure, "queue", declare.spec.name, kId)) return {};
    if (const std::string* dead = string_argument(method.arguments, "x-dead-letter-exchange")) {
      declare.refusal = refusal(Right::kRead, "queue", declare.spec.name);
      if (!declare.refusal) declare.refusal = refusal(Right::kWrite, "exchange", *dead);
    }
    declare.spec.durable = method.durable && !method.exclusive;
    declare.spec.auto_delete = method.auto_delete;
    declare.spec.exclusive = method.exclusive ? session_.id_ : 0;
    declare.spec.arguments = std::move(method.arguments);
  }
  last_queue_ = declare.spec.name;
  std::string name = declare.spec.name;
  ask(std::move(declare), kId, method.no_wait, std::move(name));
  return {};
}

Channel::Outcome Channel::on(QueueBind& method) {
  const std::optional<std::string> queue = queue_or_last(method.queue, QueueBind::kId);
  if (!queue || !permitted(Right::kWrite, "queue", *queue, QueueBind::kId)) return {};
  if (!permitted(Right::kRead, "exchange", method.exchange, QueueBind::kId)) return {};
  ask(Bind{session_.vhost(),
           std::string(method.exchange),
           *queue,
           {key_or_queue(method, *queue), std::move(method.arguments)},
           false,
           DestinationKind::kQueue,
           session_.id_},
      QueueBind::kId, method.no_wait);
  return {};
}

Channel::Outcome Channel::on(QueueUnbind& method) {
  const std::optional<std::string> queue = queue_or_last(method.queue, QueueUnbind::kId);
  if (!queue || !permitted(Right::kWrite, "queue", *queue, QueueUnbind::kId)) return {};
  if (!permitted(Right::kRead, "exchange", method.exchange, QueueUnbind::kId)) return {};
  ask(Bind{session_.vhost(),
           std::string(method.exchange),
           *queue,
           {key_or_queue(method, *queue), std::move(method.arguments)},
           true,
           DestinationKind::kQueue,
           session_.id_},
      QueueUnbind::kId, false);
  return {};
}

Channel::Outcome Channel::on(const QueuePurge& method) {
  const std::optional<std::string> queue = queue_or_last(method.queue, QueuePurge::kId);
  if (!queue || !permitted(Right::kRead, "queue", *queue, QueuePurge::kId)) return {};
  ask(PurgeQueue{session_.vhost(), *queue, session_.id_}, QueuePurge::kId, method.no_wait);
  return {};
}

Channel::Outcome Channel::on(const QueueDelete& method) {
  const std::optional<std::string> queue = queue_or_last(method.queue, QueueDelete::kId);
  if (!queue || !permitted(Right::kConfigure, "queue", *queue, QueueDelete::kId)) return {};
  ask(DeleteQueue{session_.vhost(), *queue, method.if_unused, method.if_empty, session_.id_}, QueueDelete::kId,
      method.no_wait);
  return {};
}

}  // namespace escrow::broker::amqp
