// The gRPC service escrow.v1.Coordinator (proto/escrow/v1/coordinator.proto says what its methods do): authenticates,
// translates, posts to the engine, and answers when the engine does.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "base/clock.h"
#include "engine/engine_thread.h"
#include "escrow/v1/coordinator.grpc.pb.h"
#include "rpc/authenticator.h"
#include "rpc/stream_set.h"
#include "rpc/unary.h"

namespace escrow::coordinator::api {

namespace detail {
using C = v1::Coordinator;
/// All methods take and return bytes; rpc/frame.h says why.
using RawService = C::WithRawCallbackMethod_Prepare<C::WithRawCallbackMethod_Commit<
    C::WithRawCallbackMethod_Rollback<C::WithRawCallbackMethod_GetTransaction<C::WithRawCallbackMethod_ListTransactions<
        C::WithRawCallbackMethod_Transact<C::WithRawCallbackMethod_Checkbacks<C::Service>>>>>>>;
}  // namespace detail

/// What the service works with; all of it outlives the service.
struct ServiceParts {
  engine::Inbox& inbox;
  engine::WorkerPool& readers;
  const Store& store;
  const Clock& clock;
  rpc::Authenticator& authenticator;
  rpc::StreamSet& streams;
  std::size_t max_body_bytes = 16 << 20;
};

/// Thread-safe. Outlives the gRPC server it is registered with, and the engine that answers it.
class CoordinatorService final : public detail::RawService {
 public:
  /// Lists that may wait for a reader; more are refused with ENGINE_FULL.
  static constexpr int kMaxListsWaiting = 64;

  explicit CoordinatorService(const ServiceParts& parts)
      : parts_(parts), unary_(parts.inbox, parts.authenticator, parts.max_body_bytes) {}

  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  grpc::ServerUnaryReactor* Prepare(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* Commit(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* Rollback(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* GetTransaction(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* ListTransactions(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerBidiReactor<Bytes, Bytes>* Transact(Context* context) override;
  grpc::ServerBidiReactor<Bytes, Bytes>* Checkbacks(Context* context) override;

 private:
  void list(std::unique_ptr<rpc::UnaryCall> call);

  const ServiceParts parts_;
  rpc::UnaryPort unary_;
  std::atomic<int> lists_waiting_{0};
};

}  // namespace escrow::coordinator::api
