// The gRPC service escrow.v1.DeadLetters (proto/escrow/v1/dead_letters.proto says what its methods do).
#pragma once

#include "broker/api/broker_service.h"
#include "escrow/v1/dead_letters.grpc.pb.h"

namespace escrow::broker::api {

/// Thread-safe. Outlives the gRPC server it is registered with, and the engine that answers it.
class DeadLettersService final : public rpc::Service {
 public:
  explicit DeadLettersService(const ServiceParts& parts);

  grpc::Service& grpc() override { return service_; }

 private:
  using S = v1::DeadLetters;
  S::WithRawMethod_ListDeadLetters<S::WithRawMethod_GetDeadLetter<
      S::WithRawMethod_RedriveDeadLetters<S::WithRawMethod_DiscardDeadLetters<S::Service>>>>
      service_;
  rpc::UnaryPort unary_;
};

}  // namespace escrow::broker::api
