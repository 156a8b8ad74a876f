// The coordinator's requests as commands, its replies as responses.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/command.h"
#include "escrow/v1/coordinator.pb.h"
#include "rpc/message_codec.h"

namespace escrow::coordinator::api {

// Conversions that can reject do so with MALFORMED or LIMIT_EXCEEDED; what rules of transactions are about is left to the
// engine. Strings are moved out of the requests. The actor is not set: the engine takes it from the command.
Result<engine::CommandBody> to_prepare(v1::PrepareRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_commit(v1::CommitRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_rollback(v1::RollbackRequest& request, const rpc::Caller& caller);
Result<engine::CommandBody> to_get_transaction(v1::GetTransactionRequest& request, const rpc::Caller& caller);
engine::CheckAnswer to_check_answer(const v1::CheckbacksRequest::Answer& answer);

v1::PrepareResponse to_prepare_response(const engine::Prepared& prepared);
v1::CommitResponse to_commit_response(const engine::Decided& decided);
v1::RollbackResponse to_rollback_response(const engine::Decided& decided);
v1::Transaction to_transaction(const engine::TransactionView& view);
v1::CheckbacksResponse to_check(const engine::Check& check);

v1::TransactionState to_proto(State state);
/// kNone: unspecified. MALFORMED when this server does not know it.
Result<State> to_model(v1::TransactionState state);

}  // namespace escrow::coordinator::api
