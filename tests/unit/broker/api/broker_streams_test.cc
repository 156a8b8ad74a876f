// The broker's streams, with an engine that answers as the test tells it.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "broker/api/broker_service.h"
#include "broker/api/credit_window.h"
#include "tests/unit/rpc/fake_engine.h"
#include "tests/unit/rpc/grpc_harness.h"

namespace escrow::broker::api {
namespace {

using engine::Reply;
constexpr ConsumerId kConsumer = 42;

/// Every message finds one queue; every consumer is the same.
std::optional<Result<Reply>> answer(const engine::Command& command) {
  if (const auto* publish = std::get_if<engine::Publish>(&command.body)) {
    Outcomes outcomes;
    for (std::size_t i = 0; i < publish->messages.size(); ++i) outcomes.add(1u);
    return Result<Reply>(Reply(engine::Published{std::move(outcomes), {}}));
  }
  if (std::holds_alternative<engine::Consume>(command.body)) return Result<Reply>(Reply(engine::Consuming{kConsumer}));
  return std::nullopt;
}

/// `count` messages, whose bodies are `size` bytes.
std::shared_ptr<const Fragment> fragment(Seq first, int count, std::size_t size) {
  auto made = std::make_shared<Fragment>(first, Timestamp(), 1);
  for (int i = 0; i < count; ++i) {
    std::string record;
    const std::string body(size, 'x');
    encode_record({.message = {"/", "e", "k", kNoProperties, body, {}}}, record);
    made->append(record, {});
  }
  made->seal();
  return made;
}

class BrokerStreams : public testing::Test {
 protected:
  using Consuming = grpc::ClientReaderWriter<v1::ConsumeRequest, v1::ConsumeResponse>;

  void start(FakeEngine::Answer how, engine::InboxLimits limits = {}) {
    engine_ = std::make_unique<FakeEngine>(std::move(how), limits);
    service_ = std::make_unique<BrokerService>(
        ServiceParts{engine_->inbox(), grpc_.authenticator(), grpc_.streams(), 16 << 20});
    grpc_.serve({service_.get()});
    stub_ = v1::Broker::NewStub(grpc_.channel());
  }
  /// With an engine that tells the credit it gets, and which port consumes.
  void start_consuming() {
    start([this](const engine::Command& command) {
      if (const auto* consume = std::get_if<engine::Consume>(&command.body)) {
        EXPECT_FALSE(consume->auto_credit);
        credit_ += consume->credit;
        bytes_ += consume->bytes;
        port_.set_value(command.port);
      }
      if (const auto* grant = std::get_if<engine::GrantCredit>(&command.body)) {
        EXPECT_EQ(grant->consumer, kConsumer);
        credit_ += grant->credit;
        bytes_ += grant->bytes;
      }
      if (const auto* settle = std::get_if<engine::Settle>(&command.body)) settled_.set_value(*settle);
      return answer(command);
    });
  }
  void TearDown() override {
    grpc_.shut_down(std::chrono::milliseconds(0));
    EXPECT_EQ(grpc_.streams().size(), 0u) << "every stream has gone";
    EXPECT_EQ(engine_->open_ports(), unary_ports_) << "and the engine knows none of them";
    engine_.reset();  // before the ports it answers to
  }

  static v1::ConsumeRequest open(std::uint32_t credit, bool auto_credit = false) {
    v1::ConsumeRequest request;
    request.mutable_open()->set_queue("q");
    request.mutable_open()->set_credit(credit);
    request.mutable_open()->set_auto_credit(auto_credit);
    return request;
  }
  void deliver(engine::Port* port, DeliveryTag tag, int count, std::size_t size) {
    engine_->act(port, [this, tag, count, size](engine::Port& consumer) {
      const auto messages = fragment(tag, count, size);
      credit_ -= static_cast<std::uint32_t>(count);
      for (std::uint32_t i = 0; i < messages->count(); ++i)
        bytes_ -= static_cast<std::int64_t>(messages->record_bytes(i));
      consumer.deliver({kConsumer, tag, messages, 0, static_cast<std::uint32_t>(count), true, 2, 1, {}});
    });
  }

  std::size_t unary_ports_ = 0;  // that the engine knows: they stay
  std::unique_ptr<FakeEngine> engine_;
  std::unique_ptr<BrokerService> service_;
  GrpcHarness grpc_;
  std::unique_ptr<v1::Broker::Stub> stub_;
  std::atomic<std::uint32_t> credit_ = 0;
  std::atomic<std::int64_t> bytes_ = 0;
  std::promise<engine::Port*> port_;
  std::promise<engine::Settle> settled_;
};

TEST_F(BrokerStreams, publishing_answers_frame_by_frame_in_order) {
  start(answer);
  const auto context = GrpcHarness::context();
  const auto stream = stub_->PublishStream(context.get());
  constexpr int kFrames = 200;
  for (int frame = 0; frame < kFrames; ++frame) {
    v1::PublishStreamRequest request;
    for (int i = 0; i <= frame % 7; ++i) request.add_messages()->set_body("b");
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  v1::PublishStreamResponse response;
  for (int frame = 0; frame < kFrames; ++frame) {
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.outcomes_size(), frame % 7 + 1);
    for (const auto& outcome : response.outcomes()) EXPECT_EQ(outcome.queue_count(), 1u);
  }
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(BrokerStreams, a_refused_frame_keeps_its_place_in_the_order) {
  start(answer, {.commands = 1, .bytes = 1 << 20});
  engine_->pause();
  const auto context = GrpcHarness::context();
  const auto stream = stub_->PublishStream(context.get());
  v1::PublishStreamRequest request;
  request.add_messages()->set_body("first");
  ASSERT_TRUE(stream->Write(request));
  while (engine_->inbox().empty()) std::this_thread::yield();
  request.add_messages()->set_body("second");
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  engine_->resume();
  v1::PublishStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.outcomes_size(), 1) << "the frame that the engine took";
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.outcomes_size(), 2);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(BrokerStreams, publishing_one_message_says_why_it_failed) {
  unary_ports_ = 1;
  start([](const engine::Command&) {
    return Result<Reply>(Reply(engine::Published{{Error{ErrorCode::kNotFound, "EXCHANGE_UNKNOWN", "no", {}}}}));
  });
  const auto context = GrpcHarness::context();
  v1::PublishRequest request;
  v1::PublishResponse response;
  request.mutable_message()->set_body("b");
  const grpc::Status status = stub_->Publish(context.get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(reason(status), "EXCHANGE_UNKNOWN");
}

TEST_F(BrokerStreams, deliveries_arrive_with_tags_and_flags_in_frames_that_clients_accept) {
  start_consuming();
  const auto context = GrpcHarness::context();
  const auto stream = stub_->Consume(context.get());
  ASSERT_TRUE(stream->Write(open(1000)));
  deliver(port_.get_future().get(), 1, 1000, 2000);
  v1::ConsumeResponse response;
  std::uint64_t next = 1;
  while (next <= 1000 && stream->Read(&response)) {
    EXPECT_LT(response.ByteSizeLong(), 2 * rpc::kFrameBytes);
    for (const auto& delivery : response.deliveries()) {
      ASSERT_EQ(delivery.tag(), next++);
      EXPECT_TRUE(delivery.redelivered());
      EXPECT_EQ(delivery.delivery_count(), 2u);
      EXPECT_EQ(delivery.message().routing_key(), "k");
      EXPECT_EQ(delivery.message().vhost(), "/");
      EXPECT_EQ(delivery.message().body().size(), 2000u);
    }
  }
  EXPECT_EQ(next, 1001u);
  context->TryCancel();
}

TEST_F(BrokerStreams, a_consumer_that_does_not_read_gets_no_more_than_a_little) {
  start_consuming();
  const auto context = GrpcHarness::context();
  const auto stream = stub_->Consume(context.get());
  ASSERT_TRUE(stream->Write(open(65'535)));
  engine::Port* const port = port_.get_future().get();
  EXPECT_EQ(credit_, CreditWindow::kMaxAhead);
  EXPECT_EQ(bytes_, static_cast<std::int64_t>(rpc::kMaxUnwrittenBytes)) << "whatever the size of messages";
  // More than it has bytes for; and no more comes while they are not read.
  constexpr int kCount = 6;
  deliver(port, 1, kCount, 4 << 20);
  v1::ConsumeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_LT(bytes_, 0);
  int read = response.deliveries_size();
  while (read < kCount && stream->Read(&response)) read += response.deliveries_size();
  while (bytes_ <= 0) std::this_thread::yield();
  EXPECT_LE(bytes_, static_cast<std::int64_t>(rpc::kMaxUnwrittenBytes));
  context->TryCancel();
}

TEST_F(BrokerStreams, settling_grants_credit_when_the_consumer_wants_it) {
  start_consuming();
  const auto context = GrpcHarness::context();
  const auto stream = stub_->Consume(context.get());
  ASSERT_TRUE(stream->Write(open(2, true)));
  engine::Port* const port = port_.get_future().get();
  deliver(port, 1, 2, 10);
  v1::ConsumeResponse response;
  ASSERT_TRUE(stream->Read(&response));
  v1::ConsumeRequest settle;
  settle.mutable_settle()->set_outcome(v1::ConsumeRequest::OUTCOME_REQUEUE);
  settle.mutable_settle()->set_first_tag(1);
  settle.mutable_settle()->set_last_tag(2);
  ASSERT_TRUE(stream->Write(settle));
  const engine::Settle settled = settled_.get_future().get();
  EXPECT_EQ(settled.consumer, kConsumer);
  EXPECT_EQ(settled.first, 1u);
  EXPECT_EQ(settled.last, 2u);
  EXPECT_EQ(settled.settlement, Settlement::kRequeue);
  while (credit_ != 2) std::this_thread::yield();
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(BrokerStreams, the_end_of_its_queue_ends_a_consumer) {
  start_consuming();
  const auto context = GrpcHarness::context();
  const auto stream = stub_->Consume(context.get());
  ASSERT_TRUE(stream->Write(open(1)));
  engine_->act(port_.get_future().get(), [](engine::Port& port) { port.consumer_cancelled(kConsumer); });
  v1::ConsumeResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(reason(stream->Finish()), "QUEUE_UNKNOWN");
}

TEST_F(BrokerStreams, frames_out_of_place_end_a_consumer) {
  start(answer);
  const auto ends_with = [&](const std::vector<v1::ConsumeRequest>& frames) {
    const auto context = GrpcHarness::context();
    const auto stream = stub_->Consume(context.get());
    for (const auto& frame : frames) stream->Write(frame);
    v1::ConsumeResponse response;
    EXPECT_FALSE(stream->Read(&response));
    return reason(stream->Finish());
  };
  v1::ConsumeRequest credit;
  credit.set_credit(1);
  v1::ConsumeRequest too_much;
  too_much.set_credit(65'536);
  v1::ConsumeRequest settle;
  settle.mutable_settle()->set_outcome(v1::ConsumeRequest::OUTCOME_ACK);
  settle.mutable_settle()->set_first_tag(2);
  settle.mutable_settle()->set_last_tag(1);
  v1::ConsumeRequest unspecified;
  unspecified.mutable_settle()->set_first_tag(1);
  unspecified.mutable_settle()->set_last_tag(1);
  EXPECT_EQ(ends_with({credit}), "MALFORMED") << "open comes first";
  EXPECT_EQ(ends_with({v1::ConsumeRequest()}), "MALFORMED");
  EXPECT_EQ(ends_with({open(1), open(1)}), "MALFORMED") << "and once";
  EXPECT_EQ(ends_with({open(1), too_much}), "LIMIT_EXCEEDED");
  EXPECT_EQ(ends_with({open(65'536)}), "LIMIT_EXCEEDED");
  EXPECT_EQ(ends_with({open(1), settle}), "MALFORMED");
  EXPECT_EQ(ends_with({open(1), unspecified}), "MALFORMED");
}

/// Every way a stream can end, at random moments, all at once.
TEST_F(BrokerStreams, streams_that_end_at_any_moment_leave_nothing_behind) {
  start([this](const engine::Command& command) {
    if (std::holds_alternative<engine::Consume>(command.body)) deliver(command.port, 1, 50, 100);
    return answer(command);
  });
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, random = Random(seed + t)]() mutable {
      for (int round = 0; round < 40; ++round) {
        const auto context = GrpcHarness::context();
        if (random.chance(0.5)) {
          const auto stream = stub_->Consume(context.get());
          stream->Write(open(100, true));
          v1::ConsumeResponse response;
          if (random.chance(0.5)) stream->Read(&response);
          if (random.chance(0.3)) stream->WritesDone();
          context->TryCancel();
          stream->Finish();
        } else {
          const auto stream = stub_->PublishStream(context.get());
          v1::PublishStreamRequest request;
          for (std::uint64_t i = 0; i <= random.below(50); ++i) request.add_messages()->set_body(std::string(300, 'x'));
          const std::uint64_t frames = random.below(5);
          for (std::uint64_t i = 0; i < frames; ++i) stream->Write(request);
          v1::PublishStreamResponse response;
          if (random.chance(0.3)) stream->WritesDone();
          if (random.chance(0.7)) context->TryCancel();
          if (frames > 0) stream->Read(&response);
          context->TryCancel();
          stream->Finish();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace escrow::broker::api
