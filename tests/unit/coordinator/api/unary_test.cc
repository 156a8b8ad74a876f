// Unary calls of the coordinator, with an engine that answers as the test tells it.
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include "base/clock.h"
#include "coordinator/api/coordinator_service.h"
#include "rpc/frame.h"
#include "storage/memory_store.h"
#include "tests/unit/rpc/fake_engine.h"
#include "tests/unit/rpc/grpc_harness.h"

namespace escrow::coordinator::api {
namespace {

std::optional<Result<engine::Reply>> prepared(const engine::Command&) {
  return Result<engine::Reply>(engine::Reply(engine::Prepared{7, State::kPrepared}));
}

v1::PrepareRequest prepare_request() {
  v1::PrepareRequest request;
  request.set_group("g");
  request.set_transaction_id("t");
  request.add_messages()->mutable_message()->set_exchange("e");
  return request;
}

class UnaryCalls : public testing::Test {
 protected:
  void start(FakeEngine::Answer answer, engine::InboxLimits limits = {}) {
    engine_ = std::make_unique<FakeEngine>(std::move(answer), limits);
    lists_ = std::make_unique<ListWorker>(grpc_.authenticator());
    service_ = std::make_unique<CoordinatorService>(
        ServiceParts{engine_->inbox(), store_, clock_, grpc_.authenticator(), grpc_.streams(), *lists_, 1000});
    grpc_.serve({service_.get()});
    stub_ = v1::Coordinator::NewStub(grpc_.channel());
  }
  void TearDown() override {
    grpc_.shut_down(std::chrono::milliseconds(0));
    engine_.reset();  // before the port it answers to
  }

  grpc::Status prepare(v1::PrepareResponse& response, const rpc::Credentials& who = kTester) {
    const auto context = GrpcHarness::context(who);
    return stub_->Prepare(context.get(), prepare_request(), &response);
  }
  grpc::Status prepare() {
    v1::PrepareResponse response;
    return prepare(response);
  }

  MemoryStore store_;
  SystemClock clock_;
  std::unique_ptr<FakeEngine> engine_;
  std::unique_ptr<ListWorker> lists_;
  std::unique_ptr<CoordinatorService> service_;
  GrpcHarness grpc_;
  std::unique_ptr<v1::Coordinator::Stub> stub_;
};

TEST_F(UnaryCalls, an_answer_of_the_engine_is_the_response) {
  start(prepared);
  v1::PrepareResponse response;
  ASSERT_TRUE(prepare(response).ok());
  EXPECT_EQ(response.epoch(), 7u);
  EXPECT_EQ(response.state(), v1::TRANSACTION_STATE_PREPARED);
}

TEST_F(UnaryCalls, the_actor_is_who_authenticated) {
  std::promise<std::string> actor;
  start([&](const engine::Command& command) {
    actor.set_value(command.actor);
    return prepared(command);
  });
  prepare();
  EXPECT_EQ(actor.get_future().get(), "tester");
}

TEST_F(UnaryCalls, an_error_of_the_engine_comes_with_its_reason_and_metadata) {
  start([](const engine::Command&) {
    return Result<engine::Reply>(Error{ErrorCode::kAborted, "EPOCH_STALE", "another epoch", {{"epoch", "9"}}});
  });
  const grpc::Status status = prepare();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(reason(status), "EPOCH_STALE");
}

TEST_F(UnaryCalls, wrong_credentials_reach_no_engine) {
  std::atomic<bool> reached = false;
  start([&](const engine::Command& command) {
    reached = true;
    return prepared(command);
  });
  v1::PrepareResponse response;
  for (const rpc::Credentials& who : {rpc::Credentials{"tester", "guess"}, rpc::Credentials{"root", "secret"}}) {
    const grpc::Status status = prepare(response, who);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(reason(status), "CREDENTIALS_WRONG");
  }
  grpc::ClientContext without;
  EXPECT_EQ(reason(stub_->Prepare(&without, prepare_request(), &response)), "CREDENTIALS_WRONG");
  EXPECT_FALSE(reached);
}

TEST_F(UnaryCalls, a_full_engine_is_said_at_once) {
  start(prepared, {.commands = 1, .bytes = 1 << 20});
  engine_->pause();
  v1::PrepareResponse response;
  const auto context = GrpcHarness::context();
  std::promise<void> answered;
  const v1::PrepareRequest request = prepare_request();
  stub_->async()->Prepare(context.get(), &request, &response, [&](const grpc::Status& status) {
    EXPECT_TRUE(status.ok());
    answered.set_value();
  });
  // The second finds the place taken, or takes it itself and leaves none for the first: then the first is refused.
  while (engine_->inbox().empty()) std::this_thread::yield();
  const grpc::Status status = prepare();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(reason(status), "ENGINE_FULL");
  engine_->resume();
  answered.get_future().wait();
}

TEST_F(UnaryCalls, answers_to_cancelled_and_expired_calls_are_dropped) {
  start(prepared);
  engine_->pause();
  constexpr int kCalls = 50;
  for (int i = 0; i < kCalls; ++i) {
    const auto context = GrpcHarness::context();
    const v1::PrepareRequest request = prepare_request();
    v1::PrepareResponse response;
    std::promise<grpc::StatusCode> ended;
    if (i % 2 == 0) context->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(20));
    stub_->async()->Prepare(context.get(), &request, &response,
                            [&](const grpc::Status& status) { ended.set_value(status.error_code()); });
    if (i % 2 == 1) context->TryCancel();
    EXPECT_EQ(ended.get_future().get(), i % 2 == 0 ? grpc::StatusCode::DEADLINE_EXCEEDED : grpc::StatusCode::CANCELLED);
  }
  engine_->resume();
  EXPECT_TRUE(prepare().ok());
  grpc_.shut_down();  // waits for every call: none may be left over
}

TEST_F(UnaryCalls, bytes_that_are_no_request_are_malformed) {
  start(prepared);
  grpc::GenericStub generic(grpc_.channel());
  const auto context = GrpcHarness::context();
  const grpc::ByteBuffer request = rpc::to_buffer("\xff\xff\xff");
  grpc::ByteBuffer response;
  std::promise<grpc::Status> ended;
  generic.UnaryCall(context.get(), "/escrow.v1.Coordinator/Prepare", {}, &request, &response,
                    [&](const grpc::Status& status) { ended.set_value(status); });
  const grpc::Status status = ended.get_future().get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(reason(status), "MALFORMED");
}

TEST_F(UnaryCalls, what_is_too_large_is_said_before_the_engine) {
  start(prepared);
  v1::PrepareRequest request = prepare_request();
  request.mutable_messages(0)->mutable_message()->set_body(std::string(1001, 'x'));
  v1::PrepareResponse response;
  const auto context = GrpcHarness::context();
  EXPECT_EQ(reason(stub_->Prepare(context.get(), request, &response)), "LIMIT_EXCEEDED");
  const auto second = GrpcHarness::context();
  request = prepare_request();
  for (std::size_t i = 0; i < kMaxMessages; ++i) request.add_messages()->mutable_message();
  EXPECT_EQ(reason(stub_->Prepare(second.get(), request, &response)), "LIMIT_EXCEEDED");
}

TEST_F(UnaryCalls, lists_come_from_the_store) {
  start(prepared);
  v1::ListTransactionsResponse response;
  const auto context = GrpcHarness::context();
  ASSERT_TRUE(stub_->ListTransactions(context.get(), {}, &response).ok());
  EXPECT_EQ(response.transactions_size(), 0);
  v1::ListTransactionsRequest request;
  request.set_page_token("nonsense");
  const auto second = GrpcHarness::context();
  EXPECT_EQ(reason(stub_->ListTransactions(second.get(), request, &response)), "MALFORMED");
  request.Clear();
  request.set_page_size(1001);
  const auto third = GrpcHarness::context();
  EXPECT_EQ(reason(stub_->ListTransactions(third.get(), request, &response)), "LIMIT_EXCEEDED");
}

}  // namespace
}  // namespace escrow::coordinator::api
