#include "client/cpp/producer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "tests/unit/client/cpp/fake_server.h"

namespace escrow::client {
namespace {

using std::chrono::milliseconds;

std::vector<Message> a_message() { return {{.exchange = "orders", .routing_key = "placed", .body = "order 17"}}; }

/// Counts what reaches the coordinator.
class ProducerTest : public testing::Test {
 protected:
  ProducerTest() {
    server_.coordinator.on_commit = [this](const v1::CommitRequest& request, v1::CommitResponse& response) {
      commit_requests_.add(request);
      response.mutable_decided_time()->set_seconds(1000);
      return ++commits_ <= failing_commits_ ? commit_failure_ : grpc::Status::OK;
    };
    server_.coordinator.on_rollback = [this](const v1::RollbackRequest& request, v1::RollbackResponse&) {
      rollback_requests_.add(request);
      ++rollbacks_;
      return grpc::Status::OK;
    };
  }

  Producer& producer() {
    if (!producer_) {
      server_.start();
      producer_ = std::make_unique<Producer>(Client(options()), "orders");
    }
    return *producer_;
  }
  ClientOptions options() {
    ClientOptions options = server_.client_options();
    options.call_timeout = call_timeout_;
    return options;
  }

  milliseconds call_timeout_ = kPatience;
  Events<v1::CommitRequest> commit_requests_;
  Events<v1::RollbackRequest> rollback_requests_;
  std::atomic<int> commits_ = 0;
  std::atomic<int> rollbacks_ = 0;
  std::atomic<int> failing_commits_ = 0;
  grpc::Status commit_failure_{grpc::StatusCode::UNAVAILABLE, "the answer was lost"};
  FakeServer server_;
  std::unique_ptr<Producer> producer_;
};

TEST_F(ProducerTest, prepares_then_runs_then_commits) {
  std::atomic<bool> prepared = false;
  server_.coordinator.on_prepare = [&](const v1::PrepareRequest& request, v1::PrepareResponse& response) {
    EXPECT_EQ(request.group(), "orders");
    EXPECT_EQ(request.transaction_id(), "order-17");
    EXPECT_EQ(request.messages(0).message().body(), "order 17");
    EXPECT_EQ(request.first_check_delay().seconds(), 1);
    EXPECT_EQ(request.first_check_delay().nanos(), 500'000'000);
    prepared = true;
    response.set_epoch(7);
    response.set_state(v1::TRANSACTION_STATE_PREPARED);
    return grpc::Status::OK;
  };
  const SendResult result = producer().send("order-17", a_message(),
                                            [&] {
                                              EXPECT_TRUE(prepared);
                                              EXPECT_EQ(commits_, 0);
                                            },
                                            {.first_check_delay = milliseconds(1500)});
  EXPECT_TRUE(result.committed());
  EXPECT_TRUE(result.local_transaction_run);
  EXPECT_EQ(result.epoch, 7u);
  EXPECT_EQ(commit_requests_.take()->epoch(), 7u);
  EXPECT_EQ(commits_, 1);
}

TEST_F(ProducerTest, rolls_back_when_the_local_transaction_says_so) {
  const SendResult result = producer().send("order-17", a_message(), [] { return Decision::kRollback; });
  EXPECT_EQ(result.outcome, SendOutcome::kRolledBack);
  EXPECT_EQ(rollback_requests_.take()->epoch(), 7u);
  EXPECT_EQ(commits_, 0);
}

TEST_F(ProducerTest, rolls_back_with_the_reason_of_the_exception) {
  const SendResult result = producer().send("order-17", a_message(), [] { throw RolledBack("the card was declined"); });
  EXPECT_EQ(result.outcome, SendOutcome::kRolledBack);
  EXPECT_EQ(rollback_requests_.take()->reason(), "the card was declined");
  EXPECT_THROW(std::rethrow_exception(result.exception), RolledBack);
}

TEST_F(ProducerTest, any_other_exception_leaves_the_decision_to_a_check) {
  const SendResult result =
      producer().send("order-17", a_message(), [] { throw std::runtime_error("connection lost while committing"); });
  EXPECT_EQ(result.outcome, SendOutcome::kUndecided);
  EXPECT_FALSE(result.error);
  EXPECT_THROW(std::rethrow_exception(result.exception), std::runtime_error);
  EXPECT_EQ(commits_ + rollbacks_, 0);
}

TEST_F(ProducerTest, an_unknown_outcome_leaves_the_decision_to_a_check) {
  const SendResult result = producer().send("order-17", a_message(), [] { return Decision::kUnknown; });
  EXPECT_EQ(result.outcome, SendOutcome::kUndecided);
  EXPECT_EQ(commits_ + rollbacks_, 0);
}

TEST_F(ProducerTest, without_prepare_the_local_transaction_is_not_run) {
  server_.coordinator.on_prepare = [](const auto&, auto&) {
    return refusal(grpc::StatusCode::NOT_FOUND, "EXCHANGE_UNKNOWN");
  };
  const SendResult result = producer().send("order-17", a_message(), [] { FAIL() << "must not run"; });
  EXPECT_EQ(result.outcome, SendOutcome::kNotPrepared);
  EXPECT_FALSE(result.local_transaction_run);
  EXPECT_EQ(result.error->reason, "EXCHANGE_UNKNOWN");
}

TEST_F(ProducerTest, a_lost_commit_answer_is_asked_for_again) {
  failing_commits_ = 3;
  const SendResult result = producer().send("order-17", a_message(), [] {});
  EXPECT_TRUE(result.committed());
  EXPECT_EQ(commits_, 4);
}

TEST_F(ProducerTest, a_full_server_is_asked_again) {
  failing_commits_ = 2;
  commit_failure_ = refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "ENGINE_FULL");
  EXPECT_TRUE(producer().send("order-17", a_message(), [] {}).committed());
  EXPECT_EQ(commits_, 3);
}

TEST_F(ProducerTest, a_commit_that_does_not_get_through_is_undecided) {
  failing_commits_ = 1'000'000;
  call_timeout_ = milliseconds(50);
  const SendResult result = producer().send("order-17", a_message(), [] {});
  EXPECT_EQ(result.outcome, SendOutcome::kUndecided);
  EXPECT_TRUE(result.local_transaction_run);
  EXPECT_EQ(result.error->code, ErrorCode::kUnavailable);
  EXPECT_GT(commits_, 1);
}

TEST_F(ProducerTest, the_opposite_decision_is_a_contradiction) {
  failing_commits_ = 1;
  commit_failure_ = refusal(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_DECIDED", {{"state", "ROLLED_BACK"}});
  const SendResult result = producer().send("order-17", a_message(), [] {});
  EXPECT_EQ(result.outcome, SendOutcome::kContradicted);
  EXPECT_EQ(result.error->reason, "ALREADY_DECIDED");
  EXPECT_EQ(commits_, 1);
}

TEST_F(ProducerTest, what_is_decided_already_is_not_run_again) {
  std::atomic<v1::TransactionState> state = v1::TRANSACTION_STATE_COMMITTED;
  server_.coordinator.on_prepare = [&](const auto&, v1::PrepareResponse& response) {
    response.set_epoch(3);
    response.set_state(state);
    return grpc::Status::OK;
  };
  const auto must_not_run = [] { FAIL() << "must not run"; };
  const SendResult committed = producer().send("order-17", a_message(), must_not_run);
  EXPECT_TRUE(committed.committed());
  EXPECT_FALSE(committed.local_transaction_run);
  state = v1::TRANSACTION_STATE_ROLLED_BACK;
  EXPECT_EQ(producer().send("order-17", a_message(), must_not_run).outcome, SendOutcome::kRolledBack);
  state = v1::TRANSACTION_STATE_IN_DOUBT;
  EXPECT_EQ(producer().send("order-17", a_message(), must_not_run).outcome, SendOutcome::kUndecided);
}

TEST_F(ProducerTest, the_steps_can_be_taken_one_by_one) {
  const auto prepared = producer().prepare("order-17", a_message());
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->state, TransactionState::kPrepared);
  const auto committed = producer().commit({.transaction_id = "order-17", .epoch = prepared->epoch});
  ASSERT_TRUE(committed);
  EXPECT_EQ(*committed, Timestamp(std::chrono::seconds(1000)));
  ASSERT_TRUE(producer().rollback({.transaction_id = "order-18", .reason = "by hand"}));
  const auto rollback = rollback_requests_.take();
  EXPECT_EQ(rollback->transaction_id(), "order-18");
  EXPECT_EQ(rollback->epoch(), 0u);
}

TEST_F(ProducerTest, without_a_handler_there_are_no_checks) {
  EXPECT_FALSE(producer().wait_for_checks(milliseconds(1)));
  EXPECT_FALSE(producer().check_health().connected);
  producer().stop();
}

}  // namespace
}  // namespace escrow::client
