#include "broker/api/broker_codec.h"

#include <memory>
#include <utility>

#include "base/bytes.h"
#include "broker/core/names.h"
#include "rpc/field_table_codec.h"
#include "rpc/page_token.h"
#include "rpc/status.h"
#include "rpc/utf8.h"

namespace escrow::broker::api {
namespace {

Result<ExchangeType> to_model(v1::ExchangeType type) {
  switch (type) {
    case v1::EXCHANGE_TYPE_DIRECT:
      return ExchangeType::kDirect;
    case v1::EXCHANGE_TYPE_FANOUT:
      return ExchangeType::kFanout;
    case v1::EXCHANGE_TYPE_TOPIC:
      return ExchangeType::kTopic;
    case v1::EXCHANGE_TYPE_HEADERS:
      return ExchangeType::kHeaders;
    case v1::EXCHANGE_TYPE_CONSISTENT_HASH:
      return ExchangeType::kConsistentHash;
    case v1::EXCHANGE_TYPE_DELAYED_MESSAGE:
      return ExchangeType::kDelayed;
    default:
      return rpc::malformed("type is not one that this server knows");
  }
}

/// BindRequest and UnbindRequest have the same fields.
template <class Request>
Result<engine::CommandBody> binding(Request& request, bool remove) {
  if (request.routing_key().size() > kMaxRoutingKeyBytes) {
    return rpc::limit_exceeded("routing_key_bytes", kMaxRoutingKeyBytes);
  }
  Result<FieldTable> arguments = rpc::to_model(request.arguments(), rpc::kMaxArgumentsBytes);
  if (!arguments) return std::move(arguments).error();
  engine::Bind bind;
  bind.vhost = vhost_or_default(std::move(*request.mutable_vhost()));
  bind.source = std::move(*request.mutable_source());
  if (request.destination_exchange().empty()) {
    bind.destination = std::move(*request.mutable_queue());
  } else {
    if (!request.queue().empty()) return rpc::malformed("a binding has one destination: queue or destination_exchange");
    bind.destination = std::move(*request.mutable_destination_exchange());
    bind.destination_kind = DestinationKind::kExchange;
  }
  bind.binding = {std::move(*request.mutable_routing_key()), *std::move(arguments), nullptr};
  bind.remove = remove;
  return engine::CommandBody(std::move(bind));
}

/// What a page token of ListQueues is good for.
std::string list_name(std::string_view vhost) {
  std::string name;
  ByteWriter(name).string("queues").string(vhost);
  return name;
}

}  // namespace

std::string vhost_or_default(std::string vhost) {
  return vhost.empty() ? std::string(kDefaultVhost) : std::move(vhost);
}

Result<engine::CommandBody> to_declare_exchange(v1::DeclareExchangeRequest& request, const rpc::Caller&) {
  const Result<ExchangeType> type = to_model(request.type());
  if (!type) return type.error();
  Result<FieldTable> arguments = rpc::to_model(request.arguments(), rpc::kMaxArgumentsBytes);
  if (!arguments) return std::move(arguments).error();
  return engine::CommandBody(engine::DeclareExchange{{.vhost = vhost_or_default(std::move(*request.mutable_vhost())),
                                                      .name = std::move(*request.mutable_exchange()),
                                                      .type = *type,
                                                      .arguments = *std::move(arguments),
                                                      .durable = !request.transient(),
                                                      .auto_delete = request.auto_delete(),
                                                      .internal = request.internal()}});
}

Result<engine::CommandBody> to_delete_exchange(v1::DeleteExchangeRequest& request, const rpc::Caller&) {
  return engine::CommandBody(engine::DeleteExchange{vhost_or_default(std::move(*request.mutable_vhost())),
                                                    std::move(*request.mutable_exchange()), request.if_unused()});
}

Result<engine::CommandBody> to_declare_queue(v1::DeclareQueueRequest& request, const rpc::Caller&) {
  Result<FieldTable> arguments = rpc::to_model(request.arguments(), rpc::kMaxArgumentsBytes);
  if (!arguments) return std::move(arguments).error();
  return engine::CommandBody(engine::DeclareQueue{{.vhost = vhost_or_default(std::move(*request.mutable_vhost())),
                                                   .name = std::move(*request.mutable_queue()),
                                                   .arguments = *std::move(arguments),
                                                   .durable = !request.transient(),
                                                   .auto_delete = request.auto_delete()}});
}

Result<engine::CommandBody> to_delete_queue(v1::DeleteQueueRequest& request, const rpc::Caller&) {
  return engine::CommandBody(engine::DeleteQueue{vhost_or_default(std::move(*request.mutable_vhost())),
                                                 std::move(*request.mutable_queue()), request.if_unused(),
                                                 request.if_empty()});
}

Result<engine::CommandBody> to_purge_queue(v1::PurgeQueueRequest& request, const rpc::Caller&) {
  return engine::CommandBody(
      engine::PurgeQueue{vhost_or_default(std::move(*request.mutable_vhost())), std::move(*request.mutable_queue())});
}

Result<engine::CommandBody> to_bind(v1::BindRequest& request, const rpc::Caller&) { return binding(request, false); }

Result<engine::CommandBody> to_unbind(v1::UnbindRequest& request, const rpc::Caller&) { return binding(request, true); }

Result<engine::CommandBody> to_list_queues(v1::ListQueuesRequest& request, const rpc::Caller&) {
  const Result<std::size_t> size = rpc::check_page_size(request.page_size());
  if (!size) return size.error();
  engine::ListQueues list{vhost_or_default(std::move(*request.mutable_vhost())), {}, *size};
  if (!request.page_token().empty()) {
    Result<std::string> after = rpc::decode_page_token(list_name(list.vhost), request.page_token());
    if (!after) return std::move(after).error();
    list.after = *std::move(after);
  }
  return engine::CommandBody(std::move(list));
}

Result<engine::CommandBody> to_publish(v1::PublishRequest& request, const rpc::Caller& caller) {
  if (!request.has_message()) return rpc::malformed("the message is missing");
  Result<Message> message = rpc::to_model(*request.mutable_message(), caller);
  if (!message) return std::move(message).error();
  const auto owner = std::make_shared<const Message>(*std::move(message));
  return engine::CommandBody(engine::Publish{{owner->view()}, owner});
}

v1::DeclareExchangeResponse to_declare_exchange_response(const engine::Done&) { return {}; }

v1::DeleteExchangeResponse to_delete_exchange_response(const engine::Done&) { return {}; }

v1::DeclareQueueResponse to_declare_queue_response(const broker::QueueInfo& info) {
  v1::DeclareQueueResponse out;
  out.set_message_count(info.ready);
  out.set_consumer_count(info.consumers);
  return out;
}

v1::DeleteQueueResponse to_delete_queue_response(const engine::MessageCount& count) {
  v1::DeleteQueueResponse out;
  out.set_message_count(count.messages);
  return out;
}

v1::PurgeQueueResponse to_purge_queue_response(const engine::MessageCount& count) {
  v1::PurgeQueueResponse out;
  out.set_message_count(count.messages);
  return out;
}

v1::BindResponse to_bind_response(const engine::Done&) { return {}; }

v1::UnbindResponse to_unbind_response(const engine::Done&) { return {}; }

v1::ListQueuesResponse to_list_queues_response(const engine::QueueList& list) {
  v1::ListQueuesResponse out;
  for (const engine::QueueList::Item& item : list.queues) {
    v1::Queue& queue = *out.add_queues();
    queue.set_vhost(rpc::to_utf8(item.spec.vhost));
    queue.set_queue(rpc::to_utf8(item.spec.name));
    queue.set_messages_ready(item.info.ready);
    queue.set_messages_unacknowledged(item.info.unacked);
    queue.set_consumers(item.info.consumers);
    queue.set_messages_retrying(item.info.retrying);
    rpc::to_proto(item.spec.arguments, *queue.mutable_arguments());
    if (item.policy == nullptr) continue;
    queue.set_policy(rpc::to_utf8(item.policy->policy));
    queue.set_operator_policy(rpc::to_utf8(item.policy->operator_policy));
    rpc::to_proto(item.policy->definition, *queue.mutable_effective_policy_definition());
  }
  if (list.more && !list.queues.empty()) {
    const QueueSpec& last = list.queues.back().spec;
    out.set_next_page_token(rpc::encode_page_token(list_name(last.vhost), last.name));
  }
  return out;
}

Result<v1::PublishResponse> to_publish_response(const engine::Published& published) {
  const Result<std::uint32_t> outcome = published.outcomes.at(0);
  if (!outcome) return outcome.error();
  v1::PublishResponse out;
  out.set_queue_count(*outcome);
  return out;
}

}  // namespace escrow::broker::api
