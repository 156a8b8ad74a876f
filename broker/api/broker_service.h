// The gRPC service escrow.v1.Broker (proto/escrow/v1/broker.proto says what its methods do): authenticates, translates,
// posts to the engine, and answers when the engine does.
#pragma once

#include <cstddef>

#include "engine/inbox.h"
#include "escrow/v1/broker.grpc.pb.h"
#include "rpc/authenticator.h"
#include "rpc/stream_set.h"
#include "rpc/unary.h"

namespace escrow::broker::api {

namespace detail {
using B = v1::Broker;
/// All methods take and return bytes; rpc/frame.h says why.
using RawService = B::WithRawCallbackMethod_DeclareExchange<B::WithRawCallbackMethod_DeleteExchange<
    B::WithRawCallbackMethod_DeclareQueue<B::WithRawCallbackMethod_DeleteQueue<B::WithRawCallbackMethod_PurgeQueue<
        B::WithRawCallbackMethod_Bind<B::WithRawCallbackMethod_Unbind<
            B::WithRawCallbackMethod_ListQueues<B::WithRawCallbackMethod_Publish<B::WithRawCallbackMethod_PublishStream<
                B::WithRawCallbackMethod_Consume<B::Service>>>>>>>>>>>;
}  // namespace detail

/// What the service works with; all of it outlives the service.
struct ServiceParts {
  engine::Inbox& inbox;
  rpc::Authenticator& authenticator;
  rpc::StreamSet& streams;
  std::size_t max_body_bytes = 16 << 20;
};

/// Thread-safe. Outlives the gRPC server it is registered with, and the engine that answers it.
class BrokerService final : public detail::RawService {
 public:
  explicit BrokerService(const ServiceParts& parts)
      : parts_(parts), unary_(parts.inbox, parts.authenticator, parts.max_body_bytes) {}

  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;
  grpc::ServerUnaryReactor* DeclareExchange(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* DeleteExchange(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* DeclareQueue(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* DeleteQueue(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* PurgeQueue(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* Bind(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* Unbind(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* ListQueues(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerUnaryReactor* Publish(Context* context, const Bytes* request, Bytes* response) override;
  grpc::ServerBidiReactor<Bytes, Bytes>* PublishStream(Context* context) override;
  grpc::ServerBidiReactor<Bytes, Bytes>* Consume(Context* context) override;

 private:
  const ServiceParts parts_;
  rpc::UnaryPort unary_;
};

}  // namespace escrow::broker::api
