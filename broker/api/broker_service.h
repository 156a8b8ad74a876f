// The gRPC service escrow.v1.Broker (proto/escrow/v1/broker.proto says what its methods do): authenticates, translates,
// posts to the engine, and answers when the engine does.
#pragma once

#include <cstddef>

#include "engine/inbox.h"
#include "escrow/v1/broker.grpc.pb.h"
#include "rpc/authenticator.h"
#include "rpc/service.h"
#include "rpc/stream_set.h"

namespace escrow::broker::api {

namespace detail {
using B = v1::Broker;
/// All methods take and return bytes; rpc/frame.h says why.
using RawService = B::WithRawMethod_DeclareExchange<
    B::WithRawMethod_DeleteExchange<B::WithRawMethod_DeclareQueue<B::WithRawMethod_DeleteQueue<
        B::WithRawMethod_PurgeQueue<B::WithRawMethod_Bind<B::WithRawMethod_Unbind<B::WithRawMethod_ListQueues<
            B::WithRawMethod_Publish<B::WithRawMethod_PublishStream<B::WithRawMethod_Consume<B::Service>>>>>>>>>>>;
}  // namespace detail

/// What the service works with; all of it outlives the service.
struct ServiceParts {
  engine::Inbox& inbox;
  rpc::Authenticator& authenticator;
  rpc::StreamSet& streams;
  std::size_t max_body_bytes = 16 << 20;
};

/// Thread-safe. Outlives the gRPC server it is registered with, and the engine that answers it.
class BrokerService final : public rpc::Service {
 public:
  explicit BrokerService(const ServiceParts& parts);

  grpc::Service& grpc() override { return service_; }

 private:
  detail::RawService service_;
  rpc::UnaryPort unary_;
};

}  // namespace escrow::broker::api
