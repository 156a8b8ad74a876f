// A gRPC service whose calls come from CallQueues.
#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <vector>

#include "rpc/stream.h"
#include "rpc/unary.h"

namespace escrow::rpc {

/// Thread-safe. Outlives the server it is registered with, and the engine that answers its calls.
class Service {
 public:
  Service() = default;
  virtual ~Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  virtual grpc::Service& grpc() = 0;
  /// Asks for the first call of each method; each asks for the next one when it comes. On the queue's thread.
  virtual void accept(CallQueue& queue);

 protected:
  // Set by the constructor.
  std::vector<UnaryEndpoint> unary_endpoints_;
  std::vector<StreamEndpoint> stream_endpoints_;
};

}  // namespace escrow::rpc
