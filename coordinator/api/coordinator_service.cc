#include "coordinator/api/coordinator_service.h"

#include <utility>

#include "coordinator/api/checkbacks_stream.h"
#include "coordinator/api/transact_stream.h"
#include "coordinator/api/transaction_codec.h"
#include "coordinator/api/transaction_page.h"
#include "rpc/unary_method.h"

namespace escrow::coordinator::api {
namespace {

constexpr rpc::UnaryMethod kPrepare = rpc::kUnaryMethod<to_prepare, to_prepare_response>;
constexpr rpc::UnaryMethod kCommit = rpc::kUnaryMethod<to_commit, to_commit_response>;
constexpr rpc::UnaryMethod kRollback = rpc::kUnaryMethod<to_rollback, to_rollback_response>;
constexpr rpc::UnaryMethod kGetTransaction = rpc::kUnaryMethod<to_get_transaction, to_transaction>;

}  // namespace

CoordinatorService::CoordinatorService(const ServiceParts& parts)
    : unary_(parts.inbox, parts.authenticator, parts.max_body_bytes) {
  unary_endpoints_ = {
      unary_.endpoint([this](auto*... call) { service_.RequestPrepare(call...); }, kPrepare),
      unary_.endpoint([this](auto*... call) { service_.RequestCommit(call...); }, kCommit),
      unary_.endpoint([this](auto*... call) { service_.RequestRollback(call...); }, kRollback),
      unary_.endpoint([this](auto*... call) { service_.RequestGetTransaction(call...); }, kGetTransaction),
      parts.lists.endpoint([this](auto*... call) { service_.RequestListTransactions(call...); },
                           [&store = parts.store, &clock = parts.clock](const grpc::ByteBuffer& request) {
                             return list_transactions(store, request, clock.wall());
                           })};
  const rpc::StreamParts stream_parts{parts.streams, parts.authenticator, parts.inbox};
  stream_endpoints_ = {{[this](auto*... call) { service_.RequestTransact(call...); },
                        [stream_parts, limit = parts.max_body_bytes](rpc::CallQueue& queue) {
                          return new TransactStream(queue, stream_parts, limit);
                        }},
                       {[this](auto*... call) { service_.RequestCheckbacks(call...); },
                        [stream_parts](rpc::CallQueue& queue) { return new CheckbacksStream(queue, stream_parts); }}};
}

}  // namespace escrow::coordinator::api
