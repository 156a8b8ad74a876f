// The gRPC service escrow.v1.DelayedMessages (proto/escrow/v1/delayed_messages.proto says what its methods do).
#pragma once

#include "broker/api/broker_service.h"
#include "escrow/v1/delayed_messages.grpc.pb.h"

namespace escrow::broker::api {

/// Thread-safe. Outlives the gRPC server it is registered with, and the engine that answers it.
class DelayedMessagesService final : public rpc::Service {
 public:
  explicit DelayedMessagesService(const ServiceParts& parts);

  grpc::Service& grpc() override { return service_; }

 private:
  using D = v1::DelayedMessages;
  D::WithRawMethod_List<D::WithRawMethod_Cancel<D::WithRawMethod_Purge<D::Service>>> service_;
  rpc::UnaryPort unary_;
};

}  // namespace escrow::broker::api
