// The stream Checkbacks, with an engine that answers as the test tells it: what it does for a producer that does not read,
// and for one that writes more than the engine takes.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "coordinator/api/coordinator_service.h"
#include "storage/memory_store.h"
#include "tests/unit/rpc/fake_engine.h"
#include "tests/unit/rpc/grpc_harness.h"

namespace escrow::coordinator::api {
namespace {

class Checkbacks : public testing::Test {
 protected:
  void start(engine::InboxLimits limits = {}) {
    engine_ = std::make_unique<FakeEngine>(
        [this](const engine::Command& command) -> std::optional<Result<engine::Reply>> {
          if (std::holds_alternative<engine::CheckAnswer>(command.body)) ++answers_;
          if (!std::holds_alternative<engine::OpenCheckbacks>(command.body)) return std::nullopt;
          port_ = command.port;
          return Result<engine::Reply>(engine::Reply(engine::Done{}));
        },
        limits);
    lists_ = std::make_unique<ListWorker>(grpc_.authenticator());
    service_ = std::make_unique<CoordinatorService>(
        ServiceParts{engine_->inbox(), store_, clock_, grpc_.authenticator(), grpc_.streams(), *lists_, 1 << 20});
    grpc_.serve({service_.get()});
    stub_ = v1::Coordinator::NewStub(grpc_.channel());
    stream_ = stub_->Checkbacks(context_.get());
    v1::CheckbacksRequest open;
    open.mutable_open()->set_group("g");
    stream_->Write(open);
    v1::CheckbacksResponse opened;
    ASSERT_TRUE(stream_->Read(&opened) && opened.has_opened());
  }
  void TearDown() override {
    context_->TryCancel();
    stream_->Finish();
    grpc_.shut_down(std::chrono::milliseconds(0));
    engine_.reset();  // before the ports it answers to
  }

  MemoryStore store_;
  SystemClock clock_;
  std::atomic<int> answers_ = 0;
  std::atomic<engine::Port*> port_ = nullptr;
  std::unique_ptr<FakeEngine> engine_;
  std::unique_ptr<ListWorker> lists_;
  std::unique_ptr<CoordinatorService> service_;
  GrpcHarness grpc_;
  std::unique_ptr<grpc::ClientContext> context_ = GrpcHarness::context();
  std::unique_ptr<v1::Coordinator::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::CheckbacksRequest, v1::CheckbacksResponse>> stream_;
};

TEST_F(Checkbacks, a_producer_that_does_not_read_is_not_asked_without_end) {
  start();
  engine::Check check;
  check.key = {"g", "order-1"};
  check.messages.emplace_back().body.assign(64 << 10, 'x');
  const auto ask = [&](std::uint64_t first, std::uint64_t last) {
    std::promise<void> asked;
    engine_->act(port_, [&](engine::Port& port) {
      for (check.id = first; check.id <= last; ++check.id) port.check(check);
      asked.set_value();
    });
    asked.get_future().wait();
  };
  const auto next = [&] {
    v1::CheckbacksResponse response;
    return stream_->Read(&response) ? response.check().check_id() : 0;
  };
  ask(1, 1000);
  constexpr std::uint64_t kWaiting = rpc::kMaxUnwrittenBytes >> 16;
  for (std::uint64_t id = 1; id <= kWaiting; ++id) EXPECT_EQ(next(), id);
  ask(1001, 1001);
  EXPECT_EQ(next(), 1001u) << "those beyond 1 MiB were dropped";
}

TEST_F(Checkbacks, a_stream_is_not_read_while_the_inbox_is_beyond_its_limits) {
  engine::InboxLimits limits;
  limits.commands = 4;
  start(limits);
  engine_->pause();
  constexpr int kAnswers = 2000;
  std::thread writer([&] {
    v1::CheckbacksRequest request;
    for (std::uint64_t i = 0; i < kAnswers; ++i) {
      request.mutable_answer()->set_check_id(i);
      ASSERT_TRUE(stream_->Write(request));
    }
  });
  while (engine_->inbox().commands() <= limits.commands) std::this_thread::yield();
  for (int i = 0; i < 50; ++i) {  // meanwhile the thread that reads has time for it
    v1::ListTransactionsResponse response;
    const auto context = GrpcHarness::context();
    ASSERT_TRUE(stub_->ListTransactions(context.get(), {}, &response).ok());
  }
  EXPECT_EQ(engine_->inbox().commands(), limits.commands + 1);
  engine_->resume();
  writer.join();
  while (answers_ < kAnswers) std::this_thread::yield();
}

}  // namespace
}  // namespace escrow::coordinator::api
