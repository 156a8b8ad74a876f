#include "tests/e2e/escrowd.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "rpc/credentials.h"

namespace escrow::e2e {
namespace {

/// Checks come soon after the first one, and the first one when a test asks for it.
const std::vector<std::string> kFlags = {"--checks-first-delay=10m", "--checks-base-interval=50ms",
                                         "--checks-factor=1"};

ServerProcess::Options options(const std::string& data_directory, const std::vector<std::string>& flags) {
  // An idle client of gRPC looks at its connection only this often, and a server that stops waits for it.
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "50", 1);  // NOLINT(concurrency-mt-unsafe)
  ServerProcess::Options out{.program = built_program("escrowd"), .data_directory = data_directory, .flags = kFlags};
  out.flags.insert(out.flags.end(), flags.begin(), flags.end());
  return out;
}

/// CommitRequest and RollbackRequest have the same fields.
template <class Request>
Request decision(const std::string& id, std::uint64_t epoch, const std::string& why) {
  Request request;
  request.set_group("orders");
  request.set_transaction_id(id);
  request.set_epoch(epoch);
  request.set_reason(why);
  return request;
}

}  // namespace

Escrowd::Escrowd(const std::string& data_directory, const std::vector<std::string>& flags)
    : ServerProcess(options(data_directory, flags)) {}

Escrowd::~Escrowd() {
  signal(SIGKILL);
  join();
  if (testing::Test::HasFailure()) std::fputs(errors().c_str(), stderr);
}

void Escrowd::require_ready() { ASSERT_TRUE(wait_ready(kPatience)) << errors(); }

int Escrowd::stop() {
  signal(SIGTERM);
  return join();
}

std::shared_ptr<grpc::Channel> Escrowd::channel(grpc::ChannelArguments arguments) const {
  arguments.SetMaxReceiveMessageSize(-1);
  // A connection of its own, which does not remember that another server was not there.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target(), grpc::InsecureChannelCredentials(), arguments);
}

std::unique_ptr<grpc::ClientContext> make_context(const std::string& user, const std::string& password) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->AddMetadata("authorization", rpc::format_basic({user, password}));
  context->set_deadline(std::chrono::system_clock::now() + kPatience);
  return context;
}

Failure failure(const google::rpc::Status& status) {
  Failure out{static_cast<grpc::StatusCode>(status.code()), "", {}, status.message()};
  for (const auto& detail : status.details()) {
    google::rpc::ErrorInfo info;
    if (!detail.UnpackTo(&info)) continue;
    EXPECT_EQ(info.domain(), "escrow");
    out.reason = info.reason();
    out.metadata.insert(info.metadata().begin(), info.metadata().end());
  }
  return out;
}

Failure failure(const grpc::Status& status) {
  if (status.ok()) return {};
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  Failure out = failure(details);
  // gRPC itself fails calls without details.
  EXPECT_TRUE(status.error_details().empty() || out.code == status.error_code());
  out.code = status.error_code();
  out.message = status.error_message();
  return out;
}

Api::Api(const std::shared_ptr<grpc::Channel>& channel)
    : coordinator_(v1::Coordinator::NewStub(channel)), broker_(v1::Broker::NewStub(channel)) {}

void Api::set_up_topology() {
  ASSERT_TRUE(declare_exchange("orders", v1::EXCHANGE_TYPE_TOPIC).ok());
  ASSERT_TRUE(declare_queue("shipping").ok());
  v1::BindRequest request;
  request.set_source("orders");
  request.set_queue("shipping");
  request.set_routing_key("order.#");
  ASSERT_TRUE(bind(request).ok());
}

v1::PrepareRequest Api::prepare_request(const std::string& id, const std::string& body) {
  v1::PrepareRequest request;
  request.set_group("orders");
  request.set_transaction_id(id);
  v1::Message& message = *request.add_messages()->mutable_message();
  message.set_exchange("orders");
  message.set_routing_key("order.placed");
  message.set_body(body);
  return request;
}

grpc::Status Api::prepare(const v1::PrepareRequest& request, v1::PrepareResponse* response) {
  v1::PrepareResponse unwanted;
  return coordinator_->Prepare(make_context().get(), request, response == nullptr ? &unwanted : response);
}

grpc::Status Api::commit(const std::string& id, std::uint64_t epoch, const std::string& why) {
  v1::CommitResponse response;
  return coordinator_->Commit(make_context().get(), decision<v1::CommitRequest>(id, epoch, why), &response);
}

grpc::Status Api::rollback(const std::string& id, std::uint64_t epoch, const std::string& why) {
  v1::RollbackResponse response;
  return coordinator_->Rollback(make_context().get(), decision<v1::RollbackRequest>(id, epoch, why), &response);
}

v1::Transaction Api::get(const std::string& id) {
  v1::GetTransactionRequest request;
  request.set_group("orders");
  request.set_transaction_id(id);
  v1::Transaction response;
  const grpc::Status status = coordinator_->GetTransaction(make_context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

grpc::Status Api::declare_exchange(const std::string& exchange, v1::ExchangeType type) {
  v1::DeclareExchangeRequest request;
  request.set_exchange(exchange);
  request.set_type(type);
  v1::DeclareExchangeResponse response;
  return broker_->DeclareExchange(make_context().get(), request, &response);
}

grpc::Status Api::declare_queue(const std::string& queue) {
  v1::DeclareQueueRequest request;
  request.set_queue(queue);
  v1::DeclareQueueResponse response;
  return broker_->DeclareQueue(make_context().get(), request, &response);
}

grpc::Status Api::bind(const v1::BindRequest& request) {
  v1::BindResponse response;
  return broker_->Bind(make_context().get(), request, &response);
}

grpc::Status Api::publish(const v1::Message& message, std::uint32_t* queue_count) {
  v1::PublishRequest request;
  *request.mutable_message() = message;
  v1::PublishResponse response;
  grpc::Status status = broker_->Publish(make_context().get(), request, &response);
  if (queue_count != nullptr) *queue_count = response.queue_count();
  return status;
}

v1::Queue Api::queue(const std::string& name) {
  v1::ListQueuesResponse response;
  EXPECT_TRUE(broker_->ListQueues(make_context().get(), {}, &response).ok());
  for (const v1::Queue& queue : response.queues()) {
    if (queue.queue() == name) return queue;
  }
  ADD_FAILURE() << "there is no queue " << name;
  return {};
}

Consuming::Consuming(Api& api, const std::string& queue, std::uint32_t credit, bool auto_credit)
    : stream_(api.broker().Consume(context_.get())) {
  v1::ConsumeRequest request;
  request.mutable_open()->set_queue(queue);
  request.mutable_open()->set_credit(credit);
  request.mutable_open()->set_auto_credit(auto_credit);
  stream_->Write(request);
}

Consuming::~Consuming() {
  if (!finished_) cancel();
}

std::vector<v1::ConsumeResponse::Delivery> Consuming::take(std::size_t count) {
  v1::ConsumeResponse response;
  while (early_.size() < count && stream_->Read(&response)) {
    for (auto& delivery : *response.mutable_deliveries()) early_.push_back(std::move(delivery));
  }
  const auto end = early_.begin() + static_cast<std::ptrdiff_t>(std::min(count, early_.size()));
  std::vector<v1::ConsumeResponse::Delivery> out(std::make_move_iterator(early_.begin()), std::make_move_iterator(end));
  early_.erase(early_.begin(), end);
  return out;
}

void Consuming::settle(Outcome outcome, std::uint64_t first_tag, std::uint64_t last_tag) {
  v1::ConsumeRequest request;
  request.mutable_settle()->set_outcome(outcome);
  request.mutable_settle()->set_first_tag(first_tag);
  request.mutable_settle()->set_last_tag(last_tag);
  stream_->Write(request);
}

void Consuming::grant(std::uint32_t credit) {
  v1::ConsumeRequest request;
  request.set_credit(credit);
  stream_->Write(request);
}

grpc::Status Consuming::cancel() {
  context_->TryCancel();
  return finish();
}

grpc::Status Consuming::finish() {
  finished_ = true;
  stream_->WritesDone();
  v1::ConsumeResponse response;
  while (stream_->Read(&response)) {
    for (auto& delivery : *response.mutable_deliveries()) early_.push_back(std::move(delivery));
  }
  return stream_->Finish();
}

std::vector<v1::ConsumeResponse::Delivery> take_all(Api& api, std::size_t count, const std::string& queue) {
  Consuming consuming(api, queue, static_cast<std::uint32_t>(count));
  auto out = consuming.take(count);
  EXPECT_EQ(out.size(), count);
  if (!out.empty()) consuming.settle(v1::ConsumeRequest::OUTCOME_ACK, 1, out.back().tag());
  EXPECT_TRUE(consuming.finish().ok());
  return out;
}

std::vector<std::string> bodies(const std::vector<v1::ConsumeResponse::Delivery>& deliveries) {
  std::vector<std::string> out;
  for (const auto& delivery : deliveries) out.push_back(delivery.message().body());
  return out;
}

}  // namespace escrow::e2e
