// The gRPC channel to one server, with credentials, deadlines and the repetition of calls.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "client/cpp/internal/backoff.h"
#include "client/cpp/options.h"
#include "escrow/v1/broker.grpc.pb.h"
#include "escrow/v1/coordinator.grpc.pb.h"
#include "escrow/v1/dead_letters.grpc.pb.h"
#include "escrow/v1/delayed_messages.grpc.pb.h"
#include "escrow/v1/policies.grpc.pb.h"
#include "escrow/v1/scheduler.grpc.pb.h"

namespace escrow::client::internal {

/// What a failed call may be repeated after.
enum class Repeat : std::uint8_t {
  /// Whatever may have been a passing trouble; the call is idempotent.
  kTransient,
  /// Only a refusal: the server did nothing.
  kRefused,
};

/// Thread-safe.
class Connection {
 public:
  explicit Connection(ClientOptions options);

  const ClientOptions& options() const { return options_; }
  v1::Coordinator::Stub& coordinator() { return *coordinator_; }
  v1::Scheduler::Stub& scheduler() { return *scheduler_; }
  v1::Broker::Stub& broker() { return *broker_; }
  v1::DelayedMessages::Stub& delayed_messages() { return *delayed_messages_; }
  v1::Policies::Stub& policies() { return *policies_; }
  v1::DeadLetters::Stub& dead_letters() { return *dead_letters_; }

  bool wait_connected(std::chrono::milliseconds timeout);
  /// The server is connected right now.
  bool is_ready();

  /// Adds the credentials. Call credentials of gRPC would do this too, but not over plaintext.
  void authorize(grpc::ClientContext& context) const;

  /// Runs `attempt` on this thread until it succeeds, fails for good or options().call_timeout is over. The
  /// context has credentials and deadline.
  Result<void> call(Repeat repeat, const std::function<grpc::Status(grpc::ClientContext&)>& attempt);

  /// With a seed of its own.
  Backoff make_backoff();

 private:
  ClientOptions options_;
  std::string authorization_;
  std::atomic<std::uint64_t> next_seed_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Coordinator::Stub> coordinator_;
  std::unique_ptr<v1::Scheduler::Stub> scheduler_;
  std::unique_ptr<v1::Broker::Stub> broker_;
  std::unique_ptr<v1::DelayedMessages::Stub> delayed_messages_;
  std::unique_ptr<v1::Policies::Stub> policies_;
  std::unique_ptr<v1::DeadLetters::Stub> dead_letters_;
};

}  // namespace escrow::client::internal
