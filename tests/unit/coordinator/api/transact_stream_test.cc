// The stream Transact, with an engine that answers as the test tells it: order, ends of every kind, backpressure.
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "coordinator/api/coordinator_service.h"
#include "rpc/frame.h"
#include "storage/memory_store.h"
#include "tests/unit/rpc/fake_engine.h"
#include "tests/unit/rpc/grpc_harness.h"

namespace escrow::coordinator::api {
namespace {

using Reply = engine::Reply;

/// Prepares get epoch 7; decisions are fine; the id "bad" is not known.
std::optional<Result<Reply>> answer(const engine::Command& command) {
  if (const auto* decide = std::get_if<Decide>(&command.body)) {
    if (decide->key.id == "bad") return Result<Reply>(Error{ErrorCode::kNotFound, "TRANSACTION_UNKNOWN", "no", {}});
    return Result<Reply>(Reply(engine::Decided{from_micros(1'000'000)}));
  }
  return Result<Reply>(Reply(engine::Prepared{7, State::kPrepared}));
}

class Transact : public testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::TransactRequest, v1::TransactResponse>;

  void start(FakeEngine::Answer how = answer, engine::InboxLimits limits = {}) {
    engine_ = std::make_unique<FakeEngine>(std::move(how), limits);
    lists_ = std::make_unique<ListWorker>(grpc_.authenticator());
    service_ = std::make_unique<CoordinatorService>(
        ServiceParts{engine_->inbox(), store_, clock_, grpc_.authenticator(), grpc_.streams(), *lists_, 1 << 20});
    grpc_.serve({service_.get()});
    stub_ = v1::Coordinator::NewStub(grpc_.channel());
  }
  void TearDown() override {
    grpc_.shut_down(std::chrono::milliseconds(0));
    EXPECT_EQ(grpc_.streams().size(), 0u) << "every stream has gone";
    EXPECT_EQ(engine_->open_ports(), 0u) << "and the engine knows none of them";
    engine_.reset();  // before the ports it answers to
  }

  static void add_prepare(v1::TransactRequest& request, std::uint64_t tag, const std::string& body = "") {
    auto& operation = *request.add_operations();
    operation.set_tag(tag);
    operation.mutable_prepare()->set_group("g");
    operation.mutable_prepare()->set_transaction_id(std::to_string(tag));
    operation.mutable_prepare()->add_messages()->mutable_message()->set_body(body);
  }

  /// Reads to the end and returns the results.
  static std::vector<v1::TransactResponse::Result> read_all(Stream& stream) {
    std::vector<v1::TransactResponse::Result> results;
    v1::TransactResponse response;
    while (stream.Read(&response)) {
      for (auto& result : *response.mutable_results()) results.push_back(std::move(result));
    }
    return results;
  }

  MemoryStore store_;
  SystemClock clock_;
  std::unique_ptr<FakeEngine> engine_;
  std::unique_ptr<ListWorker> lists_;
  std::unique_ptr<CoordinatorService> service_;
  GrpcHarness grpc_;
  std::unique_ptr<v1::Coordinator::Stub> stub_;
};

TEST_F(Transact, every_operation_gets_the_result_of_its_kind_and_tag) {
  start();
  const auto context = GrpcHarness::context();
  const auto stream = stub_->Transact(context.get());
  v1::TransactRequest request;
  add_prepare(request, 10);
  auto& commit = *request.add_operations();
  commit.set_tag(11);
  commit.mutable_commit()->set_transaction_id("t");
  auto& rollback = *request.add_operations();
  rollback.set_tag(12);
  rollback.mutable_rollback()->set_transaction_id("t");
  auto& bad = *request.add_operations();
  bad.set_tag(13);
  bad.mutable_commit()->set_transaction_id("bad");
  request.add_operations()->set_tag(14);
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  std::map<std::uint64_t, v1::TransactResponse::Result> results;
  for (auto& result : read_all(*stream)) results.emplace(result.tag(), result);
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(results[10].prepare().epoch(), 7u);
  EXPECT_EQ(results[11].commit().decided_time().seconds(), 1);
  EXPECT_EQ(results[12].rollback().decided_time().seconds(), 1);
  EXPECT_EQ(reason(results[13].error()), "TRANSACTION_UNKNOWN");
  EXPECT_EQ(reason(results[14].error()), "MALFORMED") << "an operation without kind";
}

TEST_F(Transact, everything_is_answered_before_the_stream_ends) {
  start();
  engine_->pause();
  const auto context = GrpcHarness::context();
  const auto stream = stub_->Transact(context.get());
  constexpr std::uint64_t kFrames = 20;
  for (std::uint64_t frame = 0; frame < kFrames; ++frame) {
    v1::TransactRequest request;
    for (std::uint64_t i = 0; i < 100; ++i) add_prepare(request, frame * 100 + i + 1);
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  engine_->resume();
  EXPECT_EQ(read_all(*stream).size(), kFrames * 100);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Transact, a_full_engine_refuses_operations_and_the_stream_goes_on) {
  start(answer, {.commands = 10, .bytes = 1 << 20});
  engine_->pause();
  const auto context = GrpcHarness::context();
  const auto stream = stub_->Transact(context.get());
  v1::TransactRequest fits;
  for (std::uint64_t i = 0; i < 10; ++i) add_prepare(fits, i);
  ASSERT_TRUE(stream->Write(fits));
  v1::TransactRequest refused;
  add_prepare(refused, 99);
  ASSERT_TRUE(stream->Write(refused));
  v1::TransactResponse response;
  ASSERT_TRUE(stream->Read(&response)) << "the refusal does not wait for the engine";
  ASSERT_EQ(response.results_size(), 1);
  EXPECT_EQ(response.results(0).tag(), 99u);
  EXPECT_EQ(reason(response.results(0).error()), "ENGINE_FULL");
  engine_->resume();
  stream->WritesDone();
  EXPECT_EQ(read_all(*stream).size(), 10u);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Transact, frames_have_a_limit) {
  start();
  for (const std::size_t operations : {rpc::kMaxOperationsPerFrame, rpc::kMaxOperationsPerFrame + 1}) {
    const auto context = GrpcHarness::context();
    const auto stream = stub_->Transact(context.get());
    v1::TransactRequest request;
    for (std::uint64_t i = 0; i < operations; ++i) add_prepare(request, i);
    stream->Write(request);
    stream->WritesDone();
    const std::size_t answered = read_all(*stream).size();
    const grpc::Status status = stream->Finish();
    if (operations == rpc::kMaxOperationsPerFrame) {
      EXPECT_TRUE(status.ok());
      EXPECT_EQ(answered, operations);
    } else {
      EXPECT_EQ(reason(status), "LIMIT_EXCEEDED");
    }
  }
}

TEST_F(Transact, a_frame_is_counted_before_it_is_parsed) {
  start();
  v1::TransactRequest request;
  for (std::size_t i = 0; i <= rpc::kMaxOperationsPerFrame; ++i) request.add_operations();
  grpc::GenericStub generic(grpc_.channel());
  grpc::CompletionQueue queue;
  const auto context = GrpcHarness::context();
  const auto call = generic.PrepareCall(context.get(), "/escrow.v1.Coordinator/Transact", &queue);
  grpc::Status status;
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  call->Write(rpc::to_buffer(request.SerializeAsString() + "\xff\xff\xff"), nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  call->Finish(&status, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(reason(status), "LIMIT_EXCEEDED") << "though its end is no operation";
}

TEST_F(Transact, a_malformed_frame_ends_the_stream_after_what_came_before_it) {
  start();
  engine_->pause();
  grpc::GenericStub generic(grpc_.channel());
  grpc::CompletionQueue queue;
  const auto context = GrpcHarness::context();
  const auto call = generic.PrepareCall(context.get(), "/escrow.v1.Coordinator/Transact", &queue);
  const auto wait = [&] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  call->StartCall(nullptr);
  ASSERT_TRUE(wait());
  v1::TransactRequest request;
  add_prepare(request, 1);
  call->Write(rpc::serialize(request), nullptr);
  ASSERT_TRUE(wait());
  call->Write(rpc::to_buffer("\xff\xff\xff"), nullptr);
  ASSERT_TRUE(wait());
  engine_->resume();
  grpc::ByteBuffer bytes;
  call->Read(&bytes, nullptr);
  ASSERT_TRUE(wait());
  v1::TransactResponse response;
  ASSERT_TRUE(rpc::parse(bytes, response).ok());
  EXPECT_EQ(response.results(0).tag(), 1u);
  grpc::Status status;
  call->Finish(&status, nullptr);
  ASSERT_TRUE(wait());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(reason(status), "MALFORMED");
}

TEST_F(Transact, wrong_credentials_end_the_stream) {
  start();
  const auto context = GrpcHarness::context({"tester", "guess"});
  const auto stream = stub_->Transact(context.get());
  EXPECT_TRUE(read_all(*stream).empty());
  EXPECT_EQ(reason(stream->Finish()), "CREDENTIALS_WRONG");
}

TEST_F(Transact, a_client_that_does_not_read_stops_being_read_and_nothing_is_lost) {
  std::atomic<std::size_t> taken = 0;
  start([&](const engine::Command&) {
    ++taken;
    // An error with a long message makes the answers many times larger than the requests.
    return Result<Reply>(Error{ErrorCode::kNotFound, "TRANSACTION_UNKNOWN", std::string(4000, 'x'), {}});
  });
  const auto context = GrpcHarness::context();
  const auto stream = stub_->Transact(context.get());
  constexpr std::uint64_t kFrames = 200;
  std::thread writer([&] {
    for (std::uint64_t frame = 0; frame < kFrames; ++frame) {
      v1::TransactRequest request;
      for (std::uint64_t i = 0; i < 100; ++i) add_prepare(request, frame * 100 + i);
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
  });
  // It must come to a stop well before everything is taken; 80 MB of answers would be waiting otherwise. Other calls serve
  // as the clock.
  std::size_t before = 0;
  do {
    before = taken;
    for (int i = 0; i < 100; ++i) {
      const auto other = GrpcHarness::context();
      v1::ListTransactionsResponse page;
      ASSERT_TRUE(stub_->ListTransactions(other.get(), {}, &page).ok());
    }
  } while (taken != before);
  EXPECT_LT(before, kFrames * 100);
  EXPECT_EQ(read_all(*stream).size(), kFrames * 100);
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Transact, an_ending_server_answers_what_it_took_and_says_why_it_ends) {
  start();
  engine_->pause();
  const auto context = GrpcHarness::context();
  const auto stream = stub_->Transact(context.get());
  v1::TransactRequest request;
  add_prepare(request, 1);
  ASSERT_TRUE(stream->Write(request));
  while (engine_->inbox().empty()) std::this_thread::yield();
  grpc_.streams().end_all();
  engine_->resume();
  EXPECT_EQ(read_all(*stream).size(), 1u);
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(reason(status), "SHUTTING_DOWN");
  const auto late = GrpcHarness::context();
  EXPECT_EQ(reason(stub_->Transact(late.get())->Finish()), "SHUTTING_DOWN");
}

/// Every way a stream can end, at random moments, all at once.
TEST_F(Transact, streams_that_end_at_any_moment_leave_nothing_behind) {
  start();
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr int kThreads = 8;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, random = Random(seed + static_cast<std::uint64_t>(t))]() mutable {
      for (int round = 0; round < 60; ++round) {
        const auto context = GrpcHarness::context();
        const auto stream = stub_->Transact(context.get());
        const std::uint64_t frames = random.below(5);
        for (std::uint64_t frame = 0; frame < frames; ++frame) {
          v1::TransactRequest request;
          for (std::uint64_t i = 0; i <= random.below(20); ++i) add_prepare(request, i, std::string(500, 'x'));
          stream->Write(request);
        }
        v1::TransactResponse response;
        if (frames > 0 && random.chance(0.5)) stream->Read(&response);
        if (random.chance(0.3)) stream->WritesDone();
        if (random.chance(0.5)) context->TryCancel();
        if (random.chance(0.2)) continue;  // the context goes, and with it the call
        context->TryCancel();
        stream->Finish();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace escrow::coordinator::api
