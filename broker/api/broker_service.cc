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

grpc::ServerUnaryReactor* BrokerService::DeclareExchange(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kDeclareExchange);
}

grpc::ServerUnaryReactor* BrokerService::DeleteExchange(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kDeleteExchange);
}

grpc::ServerUnaryReactor* BrokerService::DeclareQueue(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kDeclareQueue);
}

grpc::ServerUnaryReactor* BrokerService::DeleteQueue(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kDeleteQueue);
}

grpc::ServerUnaryReactor* BrokerService::PurgeQueue(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kPurgeQueue);
}

grpc::ServerUnaryReactor* BrokerService::Bind(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kBind);
}

grpc::ServerUnaryReactor* BrokerService::Unbind(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kUnbind);
}

grpc::ServerUnaryReactor* BrokerService::ListQueues(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kListQueues);
}

grpc::ServerUnaryReactor* BrokerService::Publish(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kPublish);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* BrokerService::PublishStream(Context* context) {
  auto* const stream = new api::PublishStream(parts_.streams, parts_.inbox, parts_.max_body_bytes);
  return rpc::Stream::start(stream, *context, parts_.authenticator);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* BrokerService::Consume(Context* context) {
  auto* const stream = new ConsumeStream(parts_.streams, parts_.inbox);
  return rpc::Stream::start(stream, *context, parts_.authenticator);
}

}  // namespace escrow::broker::api
