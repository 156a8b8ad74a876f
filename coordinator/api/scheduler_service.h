// The gRPC service escrow.v1.Scheduler (proto/escrow/v1/scheduler.proto says what its methods do).
#pragma once

#include "coordinator/api/coordinator_service.h"
#include "escrow/v1/scheduler.grpc.pb.h"

namespace escrow::coordinator::api {

/// Thread-safe. Outlives the gRPC server it is registered with, and the engine that answers it.
class SchedulerService final : public rpc::Service {
 public:
  explicit SchedulerService(const ServiceParts& parts);

  grpc::Service& grpc() override { return service_; }

 private:
  using S = v1::Scheduler;
  S::WithRawMethod_Schedule<
      S::WithRawMethod_Cancel<S::WithRawMethod_Reschedule<S::WithRawMethod_Get<S::WithRawMethod_List<S::Service>>>>>
      service_;
  rpc::UnaryPort unary_;
};

}  // namespace escrow::coordinator::api
