#include "broker/api/broker_service.h"

#include "broker/api/broker_codec.h"
#include "broker/api/consume_stream.h"
#include "broker/api/publish_stream.h"
#include "rpc/unary_method.h"

namespace escrow::broker::api {
namespace {

constexpr rpc::UnaryMethod kDeclareExchange = rpc::kUnaryMethod<to_declare_exchange, to_declare_exchange_response>;
constexpr rpc::UnaryMethod kDeleteExchange = rpc::kUnaryMethod<to_delete_exchange, to_delete_exchange_response>;
constexpr rpc::UnaryMethod kDeclareQueue = rpc::kUnaryMethod<to_declare_queue, to_declare_queue_response>;
constexpr rpc::UnaryMethod kDeleteQueue = rpc::kUnaryMethod<to_delete_queue, to_delete_queue_response>;
constexpr rpc::UnaryMethod kPurgeQueue = rpc::kUnaryMethod<to_purge_queue, to_purge_queue_response>;
constexpr rpc::UnaryMethod kBind = rpc::kUnaryMethod<to_bind, to_bind_response>;
constexpr rpc::UnaryMethod kUnbind = rpc::kUnaryMethod<to_unbind, to_unbind_response>;
constexpr rpc::UnaryMethod kListQueues = rpc::kUnaryMethod<to_list_queues, to_list_queues_response>;
constexpr rpc::UnaryMethod kPublish = rpc::kUnaryMethod<to_publish, to_publish_response>;

}  // namespace

BrokerService::BrokerService(const ServiceParts& parts)
    : unary_(parts.inbox, parts.authenticator, parts.max_body_bytes) {
  unary_endpoints_ = {
      unary_.endpoint([this](auto*... call) { service_.RequestDeclareExchange(call...); }, kDeclareExchange),
      unary_.endpoint([this](auto*... call) { service_.RequestDeleteExchange(call...); }, kDeleteExchange),
      unary_.endpoint([this](auto*... call) { service_.RequestDeclareQueue(call...); }, kDeclareQueue),
      unary_.endpoint([this](auto*... call) { service_.RequestDeleteQueue(call...); }, kDeleteQueue),
      unary_.endpoint([this](auto*... call) { service_.RequestPurgeQueue(call...); }, kPurgeQueue),
      unary_.endpoint([this](auto*... call) { service_.RequestBind(call...); }, kBind),
      unary_.endpoint([this](auto*... call) { service_.RequestUnbind(call...); }, kUnbind),
      unary_.endpoint([this](auto*... call) { service_.RequestListQueues(call...); }, kListQueues),
      unary_.endpoint([this](auto*... call) { service_.RequestPublish(call...); }, kPublish)};
  const rpc::StreamParts stream_parts{parts.streams, parts.authenticator, parts.inbox};
  stream_endpoints_ = {{[this](auto*... call) { service_.RequestPublishStream(call...); },
                        [stream_parts, limit = parts.max_body_bytes](rpc::CallQueue& queue) {
                          return new PublishStream(queue, stream_parts, limit);
                        }},
                       {[this](auto*... call) { service_.RequestConsume(call...); },
                        [stream_parts](rpc::CallQueue& queue) { return new ConsumeStream(queue, stream_parts); }}};
}

}  // namespace escrow::broker::api
