// A server that does what a test tells it: every method is a function the test may replace. On loopback, in
// this process.
#pragma once

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "client/cpp/client.h"
#include "escrow/v1/broker.grpc.pb.h"
#include "escrow/v1/coordinator.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace escrow::client {

/// How long a test waits for what must come; reached only by a test that fails.
inline constexpr std::chrono::seconds kPatience{20};

/// Things that happened, in order, for a test to wait for. Thread-safe.
///
/// Whatever a test's server or handler hands to the test goes through here or an atomic, even where the call
/// has returned: ThreadSanitizer does not see how gRPC orders threads.
template <class T>
class Events {
 public:
  void add(T event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  /// The oldest one not taken yet; nullopt when none comes.
  std::optional<T> take(std::chrono::milliseconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return !events_.empty(); })) return std::nullopt;
    T event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  bool empty() {
    const std::lock_guard lock(mutex_);
    return events_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> events_;
};

/// Opens once. Thread-safe.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// What the server answers with when it refuses: a status with google.rpc.ErrorInfo, and RetryInfo if asked
/// for.
inline google::rpc::Status rich_status(int code, const std::string& reason,
                                       const std::map<std::string, std::string>& metadata = {},
                                       std::optional<std::chrono::milliseconds> retry_delay = std::nullopt) {
  google::rpc::Status status;
  status.set_code(code);
  status.set_message("refused because " + reason);
  google::rpc::ErrorInfo info;
  info.set_domain("escrow");
  info.set_reason(reason);
  info.mutable_metadata()->insert(metadata.begin(), metadata.end());
  status.add_details()->PackFrom(info);
  if (retry_delay) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(static_cast<int>(retry_delay->count() * 1'000'000));
    status.add_details()->PackFrom(retry);
  }
  return status;
}

inline grpc::Status refusal(grpc::StatusCode code, const std::string& reason,
                            const std::map<std::string, std::string>& metadata = {},
                            std::optional<std::chrono::milliseconds> retry_delay = std::nullopt) {
  const auto status = rich_status(code, reason, metadata, retry_delay);
  return grpc::Status(code, status.message(), status.SerializeAsString());
}

class FakeCoordinator final : public v1::Coordinator::Service {
 public:
  using CheckStream = grpc::ServerReaderWriter<v1::CheckbacksResponse, v1::CheckbacksRequest>;
  using TransactStream = grpc::ServerReaderWriter<v1::TransactResponse, v1::TransactRequest>;

  std::function<grpc::Status(const v1::PrepareRequest&, v1::PrepareResponse&)> on_prepare = [](const auto&,
                                                                                               auto& response) {
    response.set_epoch(7);
    response.set_state(v1::TRANSACTION_STATE_PREPARED);
    return grpc::Status::OK;
  };
  std::function<grpc::Status(const v1::CommitRequest&, v1::CommitResponse&)> on_commit = [](const auto&,
                                                                                            auto& response) {
    response.mutable_decided_time()->set_seconds(1000);
    return grpc::Status::OK;
  };
  std::function<grpc::Status(const v1::RollbackRequest&, v1::RollbackResponse&)> on_rollback = [](const auto&,
                                                                                                  auto& response) {
    response.mutable_decided_time()->set_seconds(2000);
    return grpc::Status::OK;
  };
  std::function<grpc::Status(const v1::GetTransactionRequest&, v1::Transaction&)> on_get;
  std::function<grpc::Status(const v1::ListTransactionsRequest&, v1::ListTransactionsResponse&)> on_list;
  std::function<grpc::Status(CheckStream&)> on_checkbacks;
  std::function<grpc::Status(TransactStream&)> on_transact;

 private:
  grpc::Status Prepare(grpc::ServerContext*, const v1::PrepareRequest* q, v1::PrepareResponse* r) override {
    return on_prepare(*q, *r);
  }
  grpc::Status Commit(grpc::ServerContext*, const v1::CommitRequest* q, v1::CommitResponse* r) override {
    return on_commit(*q, *r);
  }
  grpc::Status Rollback(grpc::ServerContext*, const v1::RollbackRequest* q, v1::RollbackResponse* r) override {
    return on_rollback(*q, *r);
  }
  grpc::Status GetTransaction(grpc::ServerContext*, const v1::GetTransactionRequest* q, v1::Transaction* r) override {
    return on_get(*q, *r);
  }
  grpc::Status ListTransactions(grpc::ServerContext*, const v1::ListTransactionsRequest* q,
                                v1::ListTransactionsResponse* r) override {
    return on_list(*q, *r);
  }
  grpc::Status Checkbacks(grpc::ServerContext*, CheckStream* stream) override { return on_checkbacks(*stream); }
  grpc::Status Transact(grpc::ServerContext*, TransactStream* stream) override { return on_transact(*stream); }
};

class FakeBroker final : public v1::Broker::Service {
 public:
  using ConsumeStream = grpc::ServerReaderWriter<v1::ConsumeResponse, v1::ConsumeRequest>;

  std::function<grpc::Status(const v1::DeclareExchangeRequest&)> on_declare_exchange;
  std::function<grpc::Status(const v1::BindRequest&)> on_bind;
  std::function<grpc::Status(const v1::PublishRequest&, v1::PublishResponse&)> on_publish;
  std::function<grpc::Status(const grpc::ServerContext&, const v1::ListQueuesRequest&, v1::ListQueuesResponse&)>
      on_list_queues = [](const auto&, const auto&, auto&) { return grpc::Status::OK; };
  std::function<grpc::Status(ConsumeStream&)> on_consume;

 private:
  grpc::Status DeclareExchange(grpc::ServerContext*, const v1::DeclareExchangeRequest* q,
                               v1::DeclareExchangeResponse*) override {
    return on_declare_exchange(*q);
  }
  grpc::Status Bind(grpc::ServerContext*, const v1::BindRequest* q, v1::BindResponse*) override { return on_bind(*q); }
  grpc::Status Publish(grpc::ServerContext*, const v1::PublishRequest* q, v1::PublishResponse* r) override {
    return on_publish(*q, *r);
  }
  grpc::Status ListQueues(grpc::ServerContext* context, const v1::ListQueuesRequest* q,
                          v1::ListQueuesResponse* r) override {
    return on_list_queues(*context, *q, *r);
  }
  grpc::Status Consume(grpc::ServerContext*, ConsumeStream* stream) override { return on_consume(*stream); }
};

/// Set the functions, then start(). Not running while a test leaves it stopped.
class FakeServer {
 public:
  FakeCoordinator coordinator;
  FakeBroker broker;

  ~FakeServer() { stop(); }

  /// The port stays the same when started again.
  void start(const std::shared_ptr<grpc::ServerCredentials>& credentials = grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_), credentials, &port_);
    builder.RegisterService(&coordinator);
    builder.RegisterService(&broker);
    server_ = builder.BuildAndStart();
  }
  /// As if killed: what runs is broken off.
  void stop() {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  /// Of a client that does not wait long for anything.
  ClientOptions client_options() const {
    return {.target = "127.0.0.1:" + std::to_string(port_),
            .user = "guest",
            .password = "secret",
            .call_timeout = kPatience,
            .backoff = {.initial = std::chrono::milliseconds(1), .maximum = std::chrono::milliseconds(20)}};
  }
  Client client() const { return Client(client_options()); }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace escrow::client
