// Lists are read from the store on a thread of their own, not by the engine's readers: they take long, and consumers wait for
// these.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <functional>

#include "base/result.h"
#include "engine/engine_thread.h"
#include "rpc/authenticator.h"
#include "rpc/unary.h"

namespace escrow::coordinator::api {

/// Thread-safe. Outlives the gRPC server.
class ListWorker {
 public:
  /// Lists that may wait for the one that is being made; more are refused with ENGINE_FULL.
  static constexpr int kMaxWaiting = 64;
  using List = std::function<Result<grpc::ByteBuffer>(const grpc::ByteBuffer& request)>;

  explicit ListWorker(rpc::Authenticator& authenticator) : authenticator_(authenticator) {}

  rpc::UnaryEndpoint endpoint(rpc::RequestUnary request, List list);

 private:
  void serve(rpc::UnaryCall& call, const List& list);

  rpc::Authenticator& authenticator_;
  std::atomic<int> waiting_{0};
  engine::WorkerPool lists_{"list", 1};
};

}  // namespace escrow::coordinator::api
