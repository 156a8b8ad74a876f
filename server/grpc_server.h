// The gRPC listener: address, TLS, limits, the services, and with them health (grpc.health.v1) and reflection.
#pragma once

#include <grpcpp/server.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "rpc/server_limits.h"

namespace escrow::server {

struct GrpcServerOptions {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 0;
  // PEM files; empty: no TLS, or no client certificates.
  std::string tls_certificate_file;
  std::string tls_key_file;
  std::string tls_client_ca_file;
  rpc::ServerLimits limits;
};

class GrpcServer {
 public:
  /// Listens from now on, and says SERVING when asked for its health. The services outlive it. UNAVAILABLE with
  ///   ADDRESS_IN_USE    somebody else has the port
  ///   LISTEN_FAILED     the address is not ours, the port not allowed, …
  ///   TLS_FILE_UNUSABLE
  static Result<std::unique_ptr<GrpcServer>> start(const GrpcServerOptions& options,
                                                   const std::vector<grpc::Service*>& services);
  /// Cancels what shutdown() did not end.
  ~GrpcServer();

  const std::string& address() const { return address_; }

  /// Says NOT_SERVING from now on. Calls are taken all the same.
  void stop_serving();
  /// Takes no more calls, and returns when all are finished; those that are not by then are cancelled.
  void shutdown(std::chrono::system_clock::time_point deadline);

 private:
  GrpcServer(std::unique_ptr<grpc::Server> server, std::string address)
      : server_(std::move(server)), address_(std::move(address)) {}

  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace escrow::server
