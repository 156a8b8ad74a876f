// The checks of a producer group, from the stream to the handler and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <thread>

#include "client/cpp/producer.h"
#include "tests/unit/client/cpp/fake_server.h"

namespace escrow::client {
namespace {

using std::chrono::milliseconds;

v1::CheckbacksResponse check_frame(std::uint64_t check_id, const std::string& transaction_id = "order-17") {
  v1::CheckbacksResponse frame;
  auto& check = *frame.mutable_check();
  check.set_check_id(check_id);
  check.set_group("orders");
  check.set_transaction_id(transaction_id);
  check.set_epoch(7);
  check.set_attempt(2);
  check.mutable_prepare_time()->set_seconds(1000);
  check.add_messages()->set_exchange("orders");
  return frame;
}

v1::CheckbacksResponse opened_frame() {
  v1::CheckbacksResponse frame;
  frame.mutable_opened();
  return frame;
}

/// What a client wrote, as a word: "open", "receipt 1", "answer 1 COMMIT".
std::string describe(const v1::CheckbacksRequest& request) {
  if (request.has_open()) return "open " + request.open().group();
  if (request.has_receipt()) return "receipt " + std::to_string(request.receipt().check_id());
  if (!request.has_answer()) return "nothing";
  const std::string verdict = v1::Verdict_Name(request.answer().verdict());
  return "answer " + std::to_string(request.answer().check_id()) + " " + verdict.substr(sizeof("VERDICT_") - 1);
}

/// A server that opens every stream, sends the checks the test adds, and notes what the client writes.
class Checkbacks : public testing::Test {
 protected:
  using Stream = FakeCoordinator::CheckStream;

  Checkbacks() {
    server_.coordinator.on_checkbacks = [this](Stream& stream) {
      v1::CheckbacksRequest request;
      if (!stream.Read(&request)) return grpc::Status::OK;
      written_.add(request);
      stream.Write(opened_frame());
      std::thread sender([&] {
        while (auto frame = to_send_.take(kForever)) {
          if (!frame->has_check() || !stream.Write(*frame)) return;
        }
      });
      while (stream.Read(&request)) written_.add(request);
      to_send_.add({});  // ends the sender
      sender.join();
      ended_.add(true);
      return grpc::Status::OK;
    };
  }

  void start(CheckHandler handler, const CheckOptions& options = {}) {
    server_.start();
    producer_ = std::make_unique<Producer>(server_.client(), "orders");
    producer_->on_check(std::move(handler), options);
    ASSERT_TRUE(producer_->wait_for_checks(kPatience));
    ASSERT_EQ(next(), "open orders");
  }

  /// Ends what may still use a local variable of the test.
  void finish() {
    producer_.reset();
    server_.stop();
  }

  std::string next() {
    auto request = written_.take();
    if (!request) return "nothing came";
    reason_ = request->answer().reason();
    return describe(*request);
  }

  static constexpr std::chrono::hours kForever{1};
  Events<v1::CheckbacksRequest> written_;
  Events<v1::CheckbacksResponse> to_send_;
  Events<bool> ended_;
  std::string reason_;  // of the last answer
  FakeServer server_;
  std::unique_ptr<Producer> producer_;
};

TEST_F(Checkbacks, the_handler_sees_the_check_and_its_answer_reaches_the_server) {
  Events<Check> asked;
  start([&](const Check& check) {
    asked.add(check);
    return CheckAnswer(Verdict::kCommit, "order 17 is there");
  });
  to_send_.add(check_frame(1));
  const auto check = asked.take();
  ASSERT_TRUE(check);
  EXPECT_EQ(check->group, "orders");
  EXPECT_EQ(check->transaction_id, "order-17");
  EXPECT_EQ(check->epoch, 7u);
  EXPECT_EQ(check->attempt, 2u);
  EXPECT_EQ(check->prepare_time, Timestamp(std::chrono::seconds(1000)));
  ASSERT_EQ(check->messages.size(), 1u);
  EXPECT_EQ(check->messages[0].exchange, "orders");
  EXPECT_EQ(next(), "receipt 1");
  EXPECT_EQ(next(), "answer 1 COMMIT");
  EXPECT_EQ(reason_, "order 17 is there");
}

TEST_F(Checkbacks, the_receipt_goes_out_before_the_handler_is_done) {
  Gate release;
  start([&](const Check&) {
    release.wait();
    return Verdict::kRollback;
  });
  to_send_.add(check_frame(1));
  EXPECT_EQ(next(), "receipt 1");
  EXPECT_TRUE(written_.empty());
  release.open();
  EXPECT_EQ(next(), "answer 1 ROLLBACK");
}

TEST_F(Checkbacks, receipts_do_not_wait_for_a_thread) {
  Gate release;
  start(
      [&](const Check&) {
        release.wait();
        return Verdict::kCommit;
      },
      {.threads = 1, .max_in_flight = 10});
  for (const std::uint64_t id : {1, 2, 3}) to_send_.add(check_frame(id));
  EXPECT_EQ(next(), "receipt 1");
  EXPECT_EQ(next(), "receipt 2");
  EXPECT_EQ(next(), "receipt 3");
  release.open();
  EXPECT_EQ(next(), "answer 1 COMMIT");
  EXPECT_EQ(next(), "answer 2 COMMIT");
  EXPECT_EQ(next(), "answer 3 COMMIT");
}

TEST_F(Checkbacks, an_exception_is_unknown) {
  start([](const Check& check) -> CheckAnswer {
    if (check.transaction_id == "odd") throw 17;
    throw std::runtime_error("the database is away");
  });
  to_send_.add(check_frame(1));
  EXPECT_EQ(next(), "receipt 1");
  EXPECT_EQ(next(), "answer 1 UNKNOWN");
  EXPECT_EQ(reason_, "the database is away");
  to_send_.add(check_frame(2, "odd"));
  EXPECT_EQ(next(), "receipt 2");
  EXPECT_EQ(next(), "answer 2 UNKNOWN");
}

TEST_F(Checkbacks, more_checks_than_agreed_are_unknown) {
  Gate started, release;
  start(
      [&](const Check& check) {
        if (check.transaction_id == "first") {
          started.open();
          release.wait();
        }
        return Verdict::kCommit;
      },
      {.threads = 1, .max_in_flight = 1});
  to_send_.add(check_frame(1, "first"));
  EXPECT_EQ(next(), "receipt 1");
  started.wait();
  to_send_.add(check_frame(2));
  to_send_.add(check_frame(3));
  EXPECT_EQ(next(), "receipt 2");
  EXPECT_EQ(next(), "receipt 3");
  EXPECT_EQ(next(), "answer 3 UNKNOWN");
  release.open();
  EXPECT_EQ(next(), "answer 1 COMMIT");
  EXPECT_EQ(next(), "answer 2 COMMIT");
}

TEST_F(Checkbacks, the_stream_is_opened_again_after_the_server_was_away) {
  start([](const Check&) { return Verdict::kCommit; });
  server_.stop();
  ASSERT_TRUE(ended_.take());
  server_.start();
  EXPECT_EQ(next(), "open orders");
  to_send_.add(check_frame(1));
  EXPECT_EQ(next(), "receipt 1");
  EXPECT_EQ(next(), "answer 1 COMMIT");
  const StreamHealth health = producer_->check_health();
  EXPECT_TRUE(health.connected);
  EXPECT_EQ(health.opened, 2u);
  EXPECT_GE(health.failed, 1u);
  EXPECT_TRUE(health.last_error);
}

TEST_F(Checkbacks, an_answer_to_a_check_of_a_lost_stream_is_not_sent_on_the_next_one) {
  Gate release;
  start([&](const Check& check) {
    if (check.transaction_id == "slow") release.wait();
    return Verdict::kCommit;
  });
  to_send_.add(check_frame(1, "slow"));
  EXPECT_EQ(next(), "receipt 1");
  server_.stop();
  ASSERT_TRUE(ended_.take());
  server_.start();
  EXPECT_EQ(next(), "open orders");
  release.open();
  // The same id means another check on the new stream.
  to_send_.add(check_frame(1));
  EXPECT_EQ(next(), "receipt 1");
  EXPECT_EQ(next(), "answer 1 COMMIT");
  producer_->stop();
  EXPECT_TRUE(written_.empty());
}

TEST_F(Checkbacks, a_refused_stream_is_tried_again_and_the_reason_is_visible) {
  const auto accept = server_.coordinator.on_checkbacks;
  std::atomic<int> attempts = 0;
  server_.coordinator.on_checkbacks = [&](Stream& stream) {
    return ++attempts < 3 ? refusal(grpc::StatusCode::UNAUTHENTICATED, "CREDENTIALS_WRONG") : accept(stream);
  };
  start([](const Check&) { return Verdict::kCommit; });
  EXPECT_EQ(producer_->check_health().last_error->reason, "CREDENTIALS_WRONG");
  EXPECT_EQ(producer_->check_health().failed, 2u);
  EXPECT_EQ(producer_->check_health().opened, 1u);
  finish();
}

TEST_F(Checkbacks, stop_lets_a_running_handler_finish_and_its_answer_out) {
  Gate started, release;
  start([&](const Check&) {
    started.open();
    release.wait();
    return Verdict::kCommit;
  });
  to_send_.add(check_frame(1));
  EXPECT_EQ(next(), "receipt 1");
  started.wait();
  auto stopping = std::async(std::launch::async, [&] { producer_->stop(); });
  EXPECT_EQ(stopping.wait_for(milliseconds(20)), std::future_status::timeout);
  release.open();
  EXPECT_EQ(next(), "answer 1 COMMIT");
  stopping.get();
  EXPECT_TRUE(ended_.take());
  EXPECT_FALSE(producer_->check_health().connected);
}

TEST_F(Checkbacks, checks_that_arrive_while_stopping_are_left_alone) {
  Gate started, release;
  start(
      [&](const Check&) {
        started.open();
        release.wait();
        return Verdict::kCommit;
      },
      {.threads = 1});
  to_send_.add(check_frame(1));
  EXPECT_EQ(next(), "receipt 1");
  started.wait();
  auto stopping = std::async(std::launch::async, [&] { producer_->stop(); });
  EXPECT_EQ(stopping.wait_for(milliseconds(20)), std::future_status::timeout);
  to_send_.add(check_frame(2));
  release.open();
  EXPECT_EQ(next(), "answer 1 COMMIT");
  stopping.get();
  EXPECT_TRUE(written_.empty());
}

TEST_F(Checkbacks, stop_does_not_wait_for_a_server_that_is_away) {
  start([](const Check&) { return Verdict::kCommit; });
  server_.stop();
  ASSERT_TRUE(ended_.take());
  producer_->stop();
  producer_->stop();
}

TEST_F(Checkbacks, a_server_that_does_not_hang_up_does_not_hold_up_stop) {
  Events<int> over;
  server_.coordinator.on_checkbacks = [&](Stream& stream) {
    v1::CheckbacksRequest request;
    stream.Read(&request);
    written_.add(request);
    stream.Write(opened_frame());
    over.take();
    return grpc::Status::OK;
  };
  start([](const Check&) { return Verdict::kCommit; });
  producer_.reset();
  over.add(1);
  finish();
}

}  // namespace
}  // namespace escrow::client
