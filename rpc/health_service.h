// The service grpc.health.v1.Health. Anybody may ask: it takes no credentials.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "rpc/service.h"

namespace escrow::rpc {

class HealthService final : public Service {
 public:
  /// SERVING for these services, and for the server as a whole.
  explicit HealthService(std::vector<std::string> services);

  grpc::Service& grpc() override { return service_; }
  void accept(CallQueue& queue) override;

  /// Says NOT_SERVING from now on, also to those who watch, and ends their calls.
  void stop_serving();

 private:
  class Watch;
  using Response = grpc::health::v1::HealthCheckResponse;
  using RawService = grpc::health::v1::Health::WithRawMethod_Check<
      grpc::health::v1::Health::WithRawMethod_Watch<grpc::health::v1::Health::Service>>;

  void check(UnaryCall& call);
  bool knows(std::string_view service) const;
  Response::ServingStatus status() const { return serving_ ? Response::SERVING : Response::NOT_SERVING; }  // mutex held

  const std::vector<std::string> services_;
  RawService service_;
  std::mutex mutex_;
  bool serving_ = true;
  std::unordered_set<Watch*> watches_;
};

}  // namespace escrow::rpc
