// The gRPC listener: address, TLS, limits, the services, and with them health (grpc.health.v1) and reflection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "rpc/call_server.h"
#include "rpc/health_service.h"
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

/// At its end it cancels what shutdown() did not end.
class GrpcServer {
 public:
  /// Listens from now on, and says SERVING when asked for its health. The services outlive it; `attend` as in
  /// CallServer::start. UNAVAILABLE with
  ///   ADDRESS_IN_USE    somebody else has the port
  ///   LISTEN_FAILED     the address is not ours, the port not allowed, …
  ///   TLS_FILE_UNUSABLE
  static Result<std::unique_ptr<GrpcServer>> start(const GrpcServerOptions& options,
                                                   std::vector<rpc::Service*> services,
                                                   const std::function<void()>& attend);

  const std::string& address() const { return address_; }

  /// Says NOT_SERVING from now on. Calls are taken all the same.
  void stop_serving();
  /// Takes no more calls, and returns when all are finished; those that are not by then are cancelled.
  void shutdown(std::chrono::system_clock::time_point deadline);

 private:
  explicit GrpcServer(std::string address);

  const std::string address_;
  rpc::HealthService health_;
  std::unique_ptr<rpc::CallServer> server_;
};

}  // namespace escrow::server
