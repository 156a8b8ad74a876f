#include "coordinator/api/coordinator_service.h"

#include <utility>

#include "coordinator/api/checkbacks_stream.h"
#include "coordinator/api/transact_stream.h"
#include "coordinator/api/transaction_codec.h"
#include "coordinator/api/transaction_page.h"
#include "rpc/status.h"
#include "rpc/unary_method.h"

namespace escrow::coordinator::api {
namespace {

constexpr rpc::UnaryMethod kPrepare = rpc::kUnaryMethod<to_prepare, to_prepare_response>;
constexpr rpc::UnaryMethod kCommit = rpc::kUnaryMethod<to_commit, to_commit_response>;
constexpr rpc::UnaryMethod kRollback = rpc::kUnaryMethod<to_rollback, to_rollback_response>;
constexpr rpc::UnaryMethod kGetTransaction = rpc::kUnaryMethod<to_get_transaction, to_transaction>;

}  // namespace

grpc::ServerUnaryReactor* CoordinatorService::Prepare(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kPrepare);
}

grpc::ServerUnaryReactor* CoordinatorService::Commit(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kCommit);
}

grpc::ServerUnaryReactor* CoordinatorService::Rollback(Context* context, const Bytes* request, Bytes* response) {
  return unary_.serve(*context, *request, *response, kRollback);
}

grpc::ServerUnaryReactor* CoordinatorService::GetTransaction(Context* context, const Bytes* request,
                                                             Bytes* response) {
  return unary_.serve(*context, *request, *response, kGetTransaction);
}

grpc::ServerUnaryReactor* CoordinatorService::ListTransactions(Context* context, const Bytes* request,
                                                               Bytes* response) {
  auto call = std::make_unique<rpc::UnaryCall>(*context, *request, *response);
  grpc::ServerUnaryReactor* const reactor = &call->reactor();
  rpc::with_user(parts_.authenticator, std::move(call),
                 [this](std::unique_ptr<rpc::UnaryCall> authenticated, const std::string&) {
                   list(std::move(authenticated));
                 });
  return reactor;
}

void CoordinatorService::list(std::unique_ptr<rpc::UnaryCall> call) {
  if (lists_waiting_.fetch_add(1) >= kMaxListsWaiting) {
    --lists_waiting_;
    return call->fail(engine::engine_full());
  }
  // A std::function has to be copyable, so it cannot own the call.
  parts_.readers.post([this, waiting = call.release()] {
    const std::unique_ptr<rpc::UnaryCall> running(waiting);
    --lists_waiting_;
    if (running->expired()) return running->fail(rpc::deadline_exceeded());
    const Result<v1::ListTransactionsResponse> page =
        list_transactions(parts_.store, running->request(), parts_.clock.wall());
    if (page) {
      running->finish(rpc::serialize(*page));
    } else {
      running->fail(page.error());
    }
  });
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* CoordinatorService::Transact(Context* context) {
  auto* const stream = new TransactStream(parts_.streams, parts_.inbox, parts_.max_body_bytes);
  return rpc::Stream::start(stream, *context, parts_.authenticator);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* CoordinatorService::Checkbacks(Context* context) {
  auto* const stream = new CheckbacksStream(parts_.streams, parts_.inbox);
  return rpc::Stream::start(stream, *context, parts_.authenticator);
}

}  // namespace escrow::coordinator::api
