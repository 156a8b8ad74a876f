// The gRPC service escrow.v1.Coordinator (proto/escrow/v1/coordinator.proto says what its methods do): authenticates,
// translates, posts to the engine, and answers when the engine does.
#pragma once

#include <cstddef>

#include "base/clock.h"
#include "coordinator/api/list_worker.h"
#include "engine/inbox.h"
#include "escrow/v1/coordinator.grpc.pb.h"
#include "rpc/authenticator.h"
#include "rpc/service.h"
#include "rpc/stream_set.h"

namespace escrow::coordinator::api {

namespace detail {
using C = v1::Coordinator;
/// All methods take and return bytes; rpc/frame.h says why.
using RawService =
    C::WithRawMethod_Prepare<C::WithRawMethod_Commit<C::WithRawMethod_Rollback<C::WithRawMethod_GetTransaction<
        C::WithRawMethod_ListTransactions<C::WithRawMethod_Transact<C::WithRawMethod_Checkbacks<C::Service>>>>>>>;
}  // namespace detail

/// What the service works with; all of it outlives the service.
struct ServiceParts {
  engine::Inbox& inbox;
  const Store& store;
  const Clock& clock;
  rpc::Authenticator& authenticator;
  rpc::StreamSet& streams;
  ListWorker& lists;
  std::size_t max_body_bytes = 16 << 20;
};

/// Thread-safe. Outlives the gRPC server it is registered with, and the engine that answers it.
class CoordinatorService final : public rpc::Service {
 public:
  explicit CoordinatorService(const ServiceParts& parts);

  grpc::Service& grpc() override { return service_; }

 private:
  detail::RawService service_;
  rpc::UnaryPort unary_;
};

}  // namespace escrow::coordinator::api
