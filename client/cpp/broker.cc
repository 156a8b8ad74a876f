#include "client/cpp/broker.h"

#include <utility>

#include "client/cpp/internal/connection.h"
#include "client/cpp/internal/message_codec.h"

namespace escrow::client {
namespace {

using internal::Connection;
using internal::Repeat;

/// One unary method of the broker.
template <class Request, class Response>
using Method = grpc::Status (v1::Broker::Stub::*)(grpc::ClientContext*, const Request&, Response*);

template <class Request, class Response>
Result<Response> call(Connection& connection, Repeat repeat, Method<Request, Response> method, const Request& request) {
  Response response;
  const auto called = connection.call(repeat, [&](grpc::ClientContext& context) {
    response.Clear();
    return (connection.broker().*method)(&context, request, &response);
  });
  if (!called) return called.error();
  return response;
}

template <class Response>
Result<void> without_value(const Result<Response>& result) {
  return result ? Result<void>() : Result<void>(result.error());
}

template <class Request>
Request binding_request(const std::string& vhost, const Binding& binding) {
  Request request;
  request.set_vhost(vhost);
  request.set_source(binding.source);
  request.set_queue(binding.queue);
  request.set_routing_key(binding.routing_key);
  internal::to_proto(binding.arguments, *request.mutable_arguments());
  request.set_destination_exchange(binding.destination_exchange);
  return request;
}

v1::ExchangeType to_proto(ExchangeType type) {
  switch (type) {
    case ExchangeType::kDirect:
      return v1::EXCHANGE_TYPE_DIRECT;
    case ExchangeType::kFanout:
      return v1::EXCHANGE_TYPE_FANOUT;
    case ExchangeType::kTopic:
      return v1::EXCHANGE_TYPE_TOPIC;
    case ExchangeType::kHeaders:
      return v1::EXCHANGE_TYPE_HEADERS;
    case ExchangeType::kConsistentHash:
      return v1::EXCHANGE_TYPE_CONSISTENT_HASH;
    case ExchangeType::kDelayedMessage:
      return v1::EXCHANGE_TYPE_DELAYED_MESSAGE;
  }
  return v1::EXCHANGE_TYPE_UNSPECIFIED;
}

}  // namespace

Broker::Broker(const Client& client, std::string vhost) : connection_(client.connection()), vhost_(std::move(vhost)) {}

Result<void> Broker::declare_exchange(const std::string& exchange, ExchangeType type, const FieldTable& arguments) {
  v1::DeclareExchangeRequest request;
  request.set_vhost(vhost_);
  request.set_exchange(exchange);
  request.set_type(to_proto(type));
  internal::to_proto(arguments, *request.mutable_arguments());
  return without_value(call(*connection_, Repeat::kTransient, &v1::Broker::Stub::DeclareExchange, request));
}

Result<void> Broker::declare_queue(const std::string& queue, const FieldTable& arguments) {
  v1::DeclareQueueRequest request;
  request.set_vhost(vhost_);
  request.set_queue(queue);
  internal::to_proto(arguments, *request.mutable_arguments());
  return without_value(call(*connection_, Repeat::kTransient, &v1::Broker::Stub::DeclareQueue, request));
}

Result<void> Broker::bind(const Binding& binding) {
  return without_value(call(*connection_, Repeat::kTransient, &v1::Broker::Stub::Bind,
                            binding_request<v1::BindRequest>(vhost_, binding)));
}

Result<void> Broker::unbind(const Binding& binding) {
  return without_value(call(*connection_, Repeat::kTransient, &v1::Broker::Stub::Unbind,
                            binding_request<v1::UnbindRequest>(vhost_, binding)));
}

Result<void> Broker::delete_exchange(const std::string& exchange, bool if_unused) {
  v1::DeleteExchangeRequest request;
  request.set_vhost(vhost_);
  request.set_exchange(exchange);
  request.set_if_unused(if_unused);
  return without_value(call(*connection_, Repeat::kTransient, &v1::Broker::Stub::DeleteExchange, request));
}

Result<std::uint64_t> Broker::delete_queue(const std::string& queue, const DeleteQueueOptions& options) {
  v1::DeleteQueueRequest request;
  request.set_vhost(vhost_);
  request.set_queue(queue);
  request.set_if_unused(options.if_unused);
  request.set_if_empty(options.if_empty);
  const auto response = call(*connection_, Repeat::kTransient, &v1::Broker::Stub::DeleteQueue, request);
  if (!response) return response.error();
  return std::uint64_t{response->message_count()};
}

Result<std::uint64_t> Broker::purge_queue(const std::string& queue) {
  v1::PurgeQueueRequest request;
  request.set_vhost(vhost_);
  request.set_queue(queue);
  const auto response = call(*connection_, Repeat::kTransient, &v1::Broker::Stub::PurgeQueue, request);
  if (!response) return response.error();
  return std::uint64_t{response->message_count()};
}

Result<QueuePage> Broker::list_queues(std::uint32_t page_size, const std::string& page_token) {
  v1::ListQueuesRequest request;
  request.set_vhost(vhost_);
  request.set_page_size(static_cast<std::int32_t>(page_size));
  request.set_page_token(page_token);
  const auto response = call(*connection_, Repeat::kTransient, &v1::Broker::Stub::ListQueues, request);
  if (!response) return response.error();

  QueuePage page;
  for (const auto& queue : response->queues()) {
    QueueStatus& status = page.queues.emplace_back();
    status.queue = queue.queue();
    status.messages_ready = queue.messages_ready();
    status.messages_unacknowledged = queue.messages_unacknowledged();
    status.consumers = queue.consumers();
    status.messages_retrying = queue.messages_retrying();
    status.arguments = internal::from_proto(queue.arguments());
    status.policy = queue.policy();
    status.operator_policy = queue.operator_policy();
    status.effective_policy_definition = internal::from_proto(queue.effective_policy_definition());
  }
  page.next_page_token = response->next_page_token();
  return page;
}

Result<std::uint32_t> Broker::publish(Message message) {
  if (message.vhost.empty()) message.vhost = vhost_;
  v1::PublishRequest request;
  internal::to_proto(std::move(message), *request.mutable_message());
  const auto response = call(*connection_, Repeat::kRefused, &v1::Broker::Stub::Publish, request);
  if (!response) return response.error();
  return std::uint32_t{response->queue_count()};
}

}  // namespace escrow::client
