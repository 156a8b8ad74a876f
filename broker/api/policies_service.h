// The gRPC service escrow.v1.Policies (proto/escrow/v1/policies.proto says what its methods do).
#pragma once

#include "broker/api/broker_service.h"
#include "escrow/v1/policies.grpc.pb.h"

namespace escrow::broker::api {

/// Thread-safe. Outlives the gRPC server it is registered with, and the engine that answers it.
class PoliciesService final : public rpc::Service {
 public:
  explicit PoliciesService(const ServiceParts& parts);

  grpc::Service& grpc() override { return service_; }

 private:
  using S = v1::Policies;
  S::WithRawMethod_SetPolicy<S::WithRawMethod_DeletePolicy<S::WithRawMethod_ListPolicies<S::Service>>> service_;
  rpc::UnaryPort unary_;
};

}  // namespace escrow::broker::api
