// The real escrowd with clients for it: what every test of this directory that speaks gRPC starts with.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "escrow/v1/broker.grpc.pb.h"
#include "escrow/v1/coordinator.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "tests/support/server_process.h"

namespace escrow::e2e {

/// How long a test waits for what must come; reached only by a test that fails.
inline constexpr std::chrono::seconds kPatience{60};

/// One run of it; when a test has failed, its log is printed at the end.
class Escrowd : public ServerProcess {
 public:
  explicit Escrowd(const std::string& data_directory, const std::vector<std::string>& flags = {});
  ~Escrowd();

  /// Fails the test unless it serves.
  void require_ready();
  /// SIGTERM; the exit code.
  int stop();

  std::shared_ptr<grpc::Channel> channel(grpc::ChannelArguments arguments = {}) const;
};

/// With credentials, and a deadline so that no test waits for ever.
std::unique_ptr<grpc::ClientContext> make_context(const std::string& user = "guest",
                                                  const std::string& password = "guest");

/// What a failed call, or a failed operation of a stream, says.
struct Failure {
  grpc::StatusCode code = grpc::StatusCode::OK;
  /// "OK" without an error; empty when it comes from gRPC itself.
  std::string reason = "OK";
  std::map<std::string, std::string> metadata;
  std::string message;
};
Failure failure(const grpc::Status& status);
Failure failure(const google::rpc::Status& status);

/// The calls of the API with less to write. Each is made by guest, with a context of its own. Transactions
/// are of the group "orders" and have one message, which commit puts into the queue "shipping".
class Api {
 public:
  explicit Api(const std::shared_ptr<grpc::Channel>& channel);

  v1::Coordinator::Stub& coordinator() { return *coordinator_; }
  v1::Broker::Stub& broker() { return *broker_; }

  /// An exchange "orders" (topic) with the queue "shipping" bound to "order.#".
  void set_up_topology();

  static v1::PrepareRequest prepare_request(const std::string& id, const std::string& body = "body");
  grpc::Status prepare(const v1::PrepareRequest& request, v1::PrepareResponse* response = nullptr);
  grpc::Status commit(const std::string& id, std::uint64_t epoch = 0, const std::string& why = "");
  grpc::Status rollback(const std::string& id, std::uint64_t epoch = 0, const std::string& why = "");
  v1::Transaction get(const std::string& id);

  grpc::Status declare_exchange(const std::string& exchange, v1::ExchangeType type);
  grpc::Status declare_queue(const std::string& queue);
  grpc::Status bind(const v1::BindRequest& request);
  grpc::Status publish(const v1::Message& message, std::uint32_t* queue_count = nullptr);
  v1::Queue queue(const std::string& name = "shipping");

 private:
  std::unique_ptr<v1::Coordinator::Stub> coordinator_;
  std::unique_ptr<v1::Broker::Stub> broker_;
};

/// A stream Consume.
class Consuming {
 public:
  using Outcome = v1::ConsumeRequest::Outcome;

  Consuming(Api& api, const std::string& queue, std::uint32_t credit, bool auto_credit = false);
  /// Ends the stream, unless it has ended.
  ~Consuming();

  /// The next `count` deliveries; fewer when the stream ends.
  std::vector<v1::ConsumeResponse::Delivery> take(std::size_t count);
  void settle(Outcome outcome, std::uint64_t first_tag, std::uint64_t last_tag);
  void grant(std::uint32_t credit);
  /// In the middle of whatever it does.
  grpc::Status cancel();
  /// In an orderly way: everything sent before counts.
  grpc::Status finish();

 private:
  const std::unique_ptr<grpc::ClientContext> context_ = make_context();
  std::unique_ptr<grpc::ClientReaderWriter<v1::ConsumeRequest, v1::ConsumeResponse>> stream_;
  std::vector<v1::ConsumeResponse::Delivery> early_;
  bool finished_ = false;
};

/// Takes `count` messages in order and acknowledges them.
std::vector<v1::ConsumeResponse::Delivery> take_all(Api& api, std::size_t count, const std::string& queue = "shipping");
std::vector<std::string> bodies(const std::vector<v1::ConsumeResponse::Delivery>& deliveries);

}  // namespace escrow::e2e
