// The broker's unary requests as commands, its replies as responses.
#pragma once

#include "base/result.h"
#include "engine/command.h"
#include "escrow/v1/broker.pb.h"
#include "rpc/message_codec.h"

namespace escrow::broker::api {

// Each can reject with MALFORMED or LIMIT_EXCEEDED; names and what exists are the broker's business.
Result<engine::CommandBody> to_declare_exchange(v1::DeclareExchangeRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_delete_exchange(v1::DeleteExchangeRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_declare_queue(v1::DeclareQueueRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_delete_queue(v1::DeleteQueueRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_purge_queue(v1::PurgeQueueRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_bind(v1::BindRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_unbind(v1::UnbindRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_list_queues(v1::ListQueuesRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_publish(v1::PublishRequest& request, const rpc::Caller& caller);

v1::DeclareExchangeResponse to_declare_exchange_response(const engine::Done& done);
v1::DeleteExchangeResponse to_delete_exchange_response(const engine::Done& done);
v1::DeclareQueueResponse to_declare_queue_response(const broker::QueueInfo& info);
v1::DeleteQueueResponse to_delete_queue_response(const engine::MessageCount& count);
v1::PurgeQueueResponse to_purge_queue_response(const engine::MessageCount& count);
v1::BindResponse to_bind_response(const engine::Done& done);
v1::UnbindResponse to_unbind_response(const engine::Done& done);
v1::ListQueuesResponse to_list_queues_response(const engine::QueueList& list);
/// The outcome of the one message, which can be an error.
Result<v1::PublishResponse> to_publish_response(const engine::Published& published);

/// Empty is the default virtual host.
std::string vhost_or_default(std::string vhost);

}  // namespace escrow::broker::api
