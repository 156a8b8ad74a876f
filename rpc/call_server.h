// A gRPC server whose calls come from CallQueues.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "rpc/call_queue.h"
#include "rpc/service.h"

namespace escrow::rpc {

class CallServer {
 public:
  /// Null: gRPC refuses. The services outlive it, and so does the engine that answers their calls, whose
  /// attend() is called by every thread that posts to it.
  static std::unique_ptr<CallServer> start(grpc::ServerBuilder& builder, const std::vector<Service*>& services,
                                           const std::function<void()>& attend);
  /// Cancels what shutdown() did not end.
  ~CallServer();
  CallServer(const CallServer&) = delete;
  CallServer& operator=(const CallServer&) = delete;

  /// Takes no more calls, and returns when all are finished; those that are not by then are cancelled.
  void shutdown(std::chrono::system_clock::time_point deadline);

 private:
  CallServer() = default;

  std::vector<std::unique_ptr<CallQueue>> queues_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace escrow::rpc
