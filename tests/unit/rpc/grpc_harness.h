// A gRPC server in the test's process, on a port of its own, and clients for it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "rpc/authenticator.h"
#include "rpc/call_server.h"
#include "rpc/server_limits.h"
#include "rpc/stream_set.h"

namespace escrow {

/// How long a test waits for what must come; reached only by a test that fails.
inline constexpr std::chrono::seconds kPatience{30};

inline const rpc::Credentials kTester{"tester", "secret"};

class GrpcHarness {
 public:
  void serve(const std::vector<rpc::Service*>& services) {
    grpc::ServerBuilder builder;
    rpc::apply({}, builder);
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    server_ = rpc::CallServer::start(builder, services, [] {});
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    channel_ =
        grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials(), arguments);
  }
  /// Returns when every call has ended.
  void shut_down(std::chrono::milliseconds grace = kPatience) {
    if (server_) server_->shutdown(std::chrono::system_clock::now() + grace);
  }
  ~GrpcHarness() { shut_down(std::chrono::milliseconds(0)); }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  rpc::Authenticator& authenticator() { return authenticator_; }
  rpc::StreamSet& streams() { return streams_; }

  /// With the tester's credentials, and a deadline so that no test waits for ever.
  static std::unique_ptr<grpc::ClientContext> context(const rpc::Credentials& credentials = kTester) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", rpc::format_basic(credentials));
    context->set_deadline(std::chrono::system_clock::now() + kPatience);
    return context;
  }

 private:
  rpc::Authenticator authenticator_{{kTester}, {}};
  rpc::StreamSet streams_{100};
  std::unique_ptr<rpc::CallServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

inline std::string reason(const google::rpc::Status& status) {
  for (const auto& detail : status.details()) {
    if (google::rpc::ErrorInfo info; detail.UnpackTo(&info)) return info.reason();
  }
  return "";
}
/// Of its ErrorInfo; "OK" without an error.
inline std::string reason(const grpc::Status& status) {
  google::rpc::Status details;
  if (status.ok()) return "OK";
  return details.ParseFromString(status.error_details()) ? reason(details) : "";
}

}  // namespace escrow
