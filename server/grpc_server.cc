#include "server/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>
#include <utility>

#include "escrow/v1/broker.grpc.pb.h"
#include "escrow/v1/coordinator.grpc.pb.h"
#include "escrow/v1/dead_letters.grpc.pb.h"
#include "escrow/v1/delayed_messages.grpc.pb.h"
#include "escrow/v1/policies.grpc.pb.h"
#include "escrow/v1/scheduler.grpc.pb.h"

namespace escrow::server {
namespace {

Error listen_failed(const char* reason, const std::string& address, const std::string& why) {
  return {ErrorCode::kUnavailable, reason, "cannot listen for gRPC on " + address + ": " + why, {{"address", address}}};
}

/// Why gRPC would fail, which it does not tell.
Result<void> probe(const std::string& bind, std::uint16_t port, const std::string& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  std::string host = bind;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); failed != 0) {
    return listen_failed("LISTEN_FAILED", address, gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  const int descriptor = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return listen_failed("LISTEN_FAILED", address, std::strerror(errno));
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int failure = ::bind(descriptor, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
  ::close(descriptor);
  if (failure == 0) return {};
  if (failure == EADDRINUSE) {
    return listen_failed("ADDRESS_IN_USE", address, "another program has the port; stop it, or set grpc.port");
  }
  return listen_failed("LISTEN_FAILED", address, std::strerror(failure));
}

Result<std::string> read_pem(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream content;
  content << in.rdbuf();
  if (in && content.str().find("-----BEGIN ") != std::string::npos) return content.str();
  return Error{
      ErrorCode::kUnavailable, "TLS_FILE_UNUSABLE", path + ": cannot be read, or is no PEM file", {{"path", path}}};
}

Result<std::shared_ptr<grpc::ServerCredentials>> make_credentials(const GrpcServerOptions& options) {
  if (options.tls_certificate_file.empty()) return grpc::InsecureServerCredentials();
  Result<std::string> certificate = read_pem(options.tls_certificate_file);
  if (!certificate) return std::move(certificate).error();
  Result<std::string> key = read_pem(options.tls_key_file);
  if (!key) return std::move(key).error();
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  tls.pem_key_cert_pairs.push_back({*std::move(key), *std::move(certificate)});
  if (!options.tls_client_ca_file.empty()) {
    Result<std::string> authorities = read_pem(options.tls_client_ca_file);
    if (!authorities) return std::move(authorities).error();
    tls.pem_root_certs = *std::move(authorities);
    tls.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(tls);
}

/// A switch of the process, which gRPC reads whenever a server is built.
void enable_reflection() {
  static std::once_flag once;
  std::call_once(once, [] { grpc::reflection::InitProtoReflectionServerBuilderPlugin(); });
}

}  // namespace

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(const GrpcServerOptions& options,
                                                      std::vector<rpc::Service*> services,
                                                      const std::function<void()>& attend) {
  const bool bare_ipv6 = options.bind.find(':') != std::string::npos && !options.bind.starts_with('[');
  const std::string host = bare_ipv6 ? "[" + options.bind + "]" : options.bind;
  std::string address = host + ":" + std::to_string(options.port);
  if (auto free = probe(options.bind, options.port, address); !free) return std::move(free).error();
  Result<std::shared_ptr<grpc::ServerCredentials>> credentials = make_credentials(options);
  if (!credentials) return std::move(credentials).error();
  enable_reflection();

  grpc::ServerBuilder builder;
  rpc::apply(options.limits, builder);
  int port = 0;
  builder.AddListeningPort(address, *credentials, &port);
  std::unique_ptr<GrpcServer> server(new GrpcServer(address));
  services.push_back(&server->health_);
  server->server_ = rpc::CallServer::start(builder, services, attend);
  if (server->server_ == nullptr || port == 0) {
    return listen_failed("LISTEN_FAILED", address, "gRPC refuses; with TLS, certificate and key may not match");
  }
  return server;
}

GrpcServer::GrpcServer(std::string address)
    : address_(std::move(address)),
      health_({v1::Coordinator::service_full_name(), v1::Scheduler::service_full_name(),
               v1::Broker::service_full_name(), v1::DelayedMessages::service_full_name(),
               v1::Policies::service_full_name(), v1::DeadLetters::service_full_name()}) {}

void GrpcServer::stop_serving() { health_.stop_serving(); }

void GrpcServer::shutdown(std::chrono::system_clock::time_point deadline) { server_->shutdown(deadline); }

}  // namespace escrow::server
