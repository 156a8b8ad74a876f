// Requests of escrow.v1.DelayedMessages as commands of the engine, and its replies as responses.
#pragma once

#include "engine/command.h"
#include "escrow/v1/delayed_messages.pb.h"
#include "rpc/message_codec.h"

namespace escrow::broker::api {

Result<engine::CommandBody> to_list_waiting(v1::ListDelayedMessagesRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_cancel_waiting(v1::CancelDelayedMessagesRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_purge_waiting(v1::PurgeDelayedMessagesRequest& request, const rpc::Caller& caller);

v1::ListDelayedMessagesResponse to_list_response(const engine::WaitingList& list);
v1::CancelDelayedMessagesResponse to_cancel_response(const engine::WaitingCancelled& cancelled);
v1::PurgeDelayedMessagesResponse to_purge_response(const engine::MessageCount& count);

}  // namespace escrow::broker::api
