#include "coordinator/api/list_worker.h"

#include <utility>

#include "rpc/status.h"

namespace escrow::coordinator::api {

rpc::UnaryEndpoint ListWorker::endpoint(rpc::RequestUnary request, List list) {
  return {std::move(request), [this, list = std::move(list)](rpc::UnaryCall& call) {
            rpc::with_user(authenticator_, call,
                           [this, &list](rpc::UnaryCall& known, const std::string&) { serve(known, list); });
          }};
}

void ListWorker::serve(rpc::UnaryCall& call, const List& list) {
  if (waiting_.fetch_add(1) >= kMaxWaiting) {
    --waiting_;
    return call.fail(engine::engine_full());
  }
  lists_.post([this, &call, &list] {
    --waiting_;
    if (call.expired()) return call.fail(rpc::deadline_exceeded());
    const Result<grpc::ByteBuffer> page = list(call.request());
    page ? call.finish(*page) : call.fail(page.error());
  });
}

}  // namespace escrow::coordinator::api
