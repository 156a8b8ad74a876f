// A producer that never came back with its decision is asked, until something decides.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/e2e/fixtures.h"

namespace escrow::e2e {
namespace {

using grpc::StatusCode;

/// A producer's line.
class Line {
 public:
  explicit Line(Api& api, const std::string& group = "orders", std::uint32_t max_in_flight = 0,
                const std::string& user = "guest")
      : context_(make_context(user)), stream_(api.coordinator().Checkbacks(context_.get())) {
    v1::CheckbacksRequest request;
    request.mutable_open()->set_group(group);
    request.mutable_open()->set_max_in_flight(max_in_flight);
    stream_->Write(request);
  }
  ~Line() {
    if (!finished_) close();
  }

  bool opened() {
    v1::CheckbacksResponse response;
    return stream_->Read(&response) && response.has_opened();
  }
  /// The next question; an empty one when the stream ended.
  v1::CheckbacksResponse::Check asked() {
    v1::CheckbacksResponse response;
    EXPECT_TRUE(stream_->Read(&response));
    return response.check();
  }
  void receive(const v1::CheckbacksResponse::Check& check) {
    v1::CheckbacksRequest request;
    request.mutable_receipt()->set_check_id(check.check_id());
    stream_->Write(request);
  }
  void answer(const v1::CheckbacksResponse::Check& check, v1::Verdict verdict, const std::string& reason = "") {
    v1::CheckbacksRequest request;
    request.mutable_answer()->set_check_id(check.check_id());
    request.mutable_answer()->set_verdict(verdict);
    request.mutable_answer()->set_reason(reason);
    stream_->Write(request);
  }
  grpc::Status close() {
    finished_ = true;
    stream_->WritesDone();
    v1::CheckbacksResponse response;
    while (stream_->Read(&response)) continue;
    return stream_->Finish();
  }

 private:
  const std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::CheckbacksRequest, v1::CheckbacksResponse>> stream_;
  bool finished_ = false;
};

class Checkbacks : public ManyRuns {
 protected:
  void start(const std::vector<std::string>& flags = {}) {
    ManyRuns::start(flags);
    api().set_up_topology();
  }
  /// A transaction whose first check is due at once.
  std::uint64_t leave(const std::string& id) {
    v1::PrepareRequest request = Api::prepare_request(id);
    request.mutable_first_check_delay()->set_nanos(1'000'000);
    v1::PrepareResponse response;
    EXPECT_TRUE(api().prepare(request, &response).ok());
    return response.epoch();
  }
};

TEST_F(Checkbacks, ask_with_everything_but_the_body_and_do_what_is_answered) {
  start();
  const std::uint64_t epoch = leave("lost");
  Line line(api());
  ASSERT_TRUE(line.opened());
  const auto check = line.asked();
  EXPECT_EQ(check.group(), "orders");
  EXPECT_EQ(check.transaction_id(), "lost");
  EXPECT_EQ(check.epoch(), epoch);
  EXPECT_EQ(check.attempt(), 1U);
  EXPECT_GT(check.prepare_time().seconds(), 0);
  ASSERT_EQ(check.messages_size(), 1);
  EXPECT_EQ(check.messages(0).exchange(), "orders");
  EXPECT_EQ(check.messages(0).routing_key(), "order.placed");
  EXPECT_EQ(check.messages(0).body(), "");
  line.receive(check);
  line.answer(check, v1::VERDICT_COMMIT, "the order is there");
  EXPECT_EQ(take_all(api(), 1).at(0).message().body(), "body");
  const v1::Transaction t = api().get("lost");
  EXPECT_EQ(t.state(), v1::TRANSACTION_STATE_COMMITTED);
  EXPECT_EQ(t.decided_by(), "guest");
  EXPECT_EQ(t.reason(), "the order is there");
  EXPECT_TRUE(line.close().ok());
}

TEST_F(Checkbacks, a_rollback_drops_the_messages) {
  start();
  leave("void");
  Line line(api());
  ASSERT_TRUE(line.opened());
  line.answer(line.asked(), v1::VERDICT_ROLLBACK);
  EXPECT_TRUE(line.close().ok());
  const v1::Transaction t = api().get("void");
  EXPECT_EQ(t.state(), v1::TRANSACTION_STATE_ROLLED_BACK);
  EXPECT_EQ(t.reason(), "check answer");
  EXPECT_EQ(api().queue().messages_ready(), 0U);
}

TEST_F(Checkbacks, unknown_is_asked_again_and_ends_in_doubt_until_an_operator_gives_a_reason) {
  start({"--checks-max-attempts=3"});
  const std::uint64_t epoch = leave("doubtful");
  Line line(api());
  ASSERT_TRUE(line.opened());
  for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
    const auto check = line.asked();
    EXPECT_EQ(check.attempt(), attempt);
    EXPECT_EQ(check.epoch(), epoch);
    // What is no verdict counts as unknown.
    line.answer(check, attempt == 2 ? v1::VERDICT_UNSPECIFIED : v1::VERDICT_UNKNOWN);
  }
  EXPECT_TRUE(line.close().ok());
  v1::Transaction t = api().get("doubtful");
  EXPECT_EQ(t.state(), v1::TRANSACTION_STATE_IN_DOUBT);
  EXPECT_EQ(t.check_attempts(), 3U);
  EXPECT_FALSE(t.has_next_check_time());
  v1::ListTransactionsRequest request;
  v1::ListTransactionsResponse listed;
  request.set_state(v1::TRANSACTION_STATE_IN_DOUBT);
  ASSERT_TRUE(api().coordinator().ListTransactions(make_context().get(), request, &listed).ok());
  ASSERT_EQ(listed.transactions_size(), 1);
  EXPECT_EQ(listed.transactions(0).transaction_id(), "doubtful");

  stop();
  ManyRuns::start();
  expect(api().commit("doubtful"), StatusCode::INVALID_ARGUMENT, "MALFORMED");
  EXPECT_EQ(api().get("doubtful").state(), v1::TRANSACTION_STATE_IN_DOUBT);
  ASSERT_TRUE(api().commit("doubtful", 0, "the customer has the receipt").ok());
  t = api().get("doubtful");
  EXPECT_EQ(t.state(), v1::TRANSACTION_STATE_COMMITTED);
  EXPECT_EQ(t.reason(), "the customer has the receipt");
  EXPECT_EQ(t.check_attempts(), 3U);
  EXPECT_EQ(take_all(api(), 1).size(), 1U);
}

TEST_F(Checkbacks, an_in_doubt_transaction_still_takes_the_producers_late_decision) {
  start({"--checks-max-attempts=1"});
  const std::uint64_t epoch = leave("late");
  Line line(api());
  ASSERT_TRUE(line.opened());
  line.answer(line.asked(), v1::VERDICT_UNKNOWN);
  EXPECT_TRUE(line.close().ok());
  EXPECT_EQ(api().get("late").state(), v1::TRANSACTION_STATE_IN_DOUBT);
  expect(api().commit("late", epoch + 1), StatusCode::ABORTED, "EPOCH_STALE");
  EXPECT_TRUE(api().commit("late", epoch).ok());
}

TEST_F(Checkbacks, without_a_producer_a_transaction_waits_visibly) {
  start();
  leave("waiting");
  // Due a millisecond after it was prepared, which takes longer than one that is asked about next.
  v1::Transaction t;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  do {
    t = api().get("waiting");
  } while (!t.waiting_for_producer() && std::chrono::steady_clock::now() < deadline);
  EXPECT_TRUE(t.waiting_for_producer());
  EXPECT_EQ(t.check_attempts(), 0U);
  crash();
  ManyRuns::start();
  EXPECT_TRUE(api().get("waiting").waiting_for_producer());
  Line line(api());
  ASSERT_TRUE(line.opened());
  line.answer(line.asked(), v1::VERDICT_COMMIT);
  EXPECT_TRUE(line.close().ok());
  EXPECT_EQ(api().get("waiting").state(), v1::TRANSACTION_STATE_COMMITTED);
}

TEST_F(Checkbacks, a_producer_that_leaves_hands_its_question_over_and_it_does_not_count) {
  start({"--checks-receipt-timeout=10ms"});
  leave("handed over");
  {
    Line silent(api());
    ASSERT_TRUE(silent.opened());
    EXPECT_EQ(silent.asked().attempt(), 1U);
    EXPECT_TRUE(silent.close().ok());
  }
  Line line(api());
  ASSERT_TRUE(line.opened());
  const auto check = line.asked();
  EXPECT_EQ(check.attempt(), 1U);
  line.answer(check, v1::VERDICT_COMMIT);
  EXPECT_TRUE(line.close().ok());
  EXPECT_EQ(api().get("handed over").state(), v1::TRANSACTION_STATE_COMMITTED);
}

TEST_F(Checkbacks, a_received_question_without_answer_counts_as_unknown) {
  start({"--checks-answer-timeout=10ms"});
  leave("received");
  Line line(api());
  ASSERT_TRUE(line.opened());
  const auto first = line.asked();
  line.receive(first);
  const auto second = line.asked();
  EXPECT_EQ(second.attempt(), 2U);
  line.answer(first, v1::VERDICT_ROLLBACK);  // too late: passed over
  line.answer(second, v1::VERDICT_COMMIT);
  EXPECT_TRUE(line.close().ok());
  EXPECT_EQ(api().get("received").state(), v1::TRANSACTION_STATE_COMMITTED);
}

TEST_F(Checkbacks, a_decision_that_comes_first_wins) {
  start();
  leave("decided");
  Line line(api());
  ASSERT_TRUE(line.opened());
  const auto check = line.asked();
  ASSERT_TRUE(api().commit("decided").ok());
  line.answer(check, v1::VERDICT_ROLLBACK);
  EXPECT_TRUE(line.close().ok());
  EXPECT_EQ(api().get("decided").state(), v1::TRANSACTION_STATE_COMMITTED);
}

TEST_F(Checkbacks, a_group_asks_no_more_at_once_than_its_producer_takes) {
  start();
  for (int i = 0; i < 5; ++i) leave(std::to_string(i));
  Line line(api(), "orders", 2);
  ASSERT_TRUE(line.opened());
  auto first = line.asked();
  auto second = line.asked();
  for (int i = 2; i < 5; ++i) {
    line.answer(first, v1::VERDICT_COMMIT);
    first = second;
    second = line.asked();
  }
  line.answer(first, v1::VERDICT_COMMIT);
  line.answer(second, v1::VERDICT_COMMIT);
  EXPECT_TRUE(line.close().ok());
  EXPECT_EQ(take_all(api(), 5).size(), 5U);
}

TEST_F(Checkbacks, lines_out_of_shape_are_ended) {
  start();
  const auto ends_with = [&](const v1::CheckbacksRequest& request, const char* reason) {
    const auto context = make_context();
    const auto stream = api().coordinator().Checkbacks(context.get());
    stream->Write(request);
    v1::CheckbacksResponse response;
    EXPECT_FALSE(stream->Read(&response));
    expect(stream->Finish(), StatusCode::INVALID_ARGUMENT, reason);
  };
  v1::CheckbacksRequest request;
  ends_with(request, "MALFORMED");
  request.mutable_answer()->set_check_id(1);
  ends_with(request, "MALFORMED");
  request.mutable_open();
  ends_with(request, "MALFORMED");
  request.mutable_open()->set_group(std::string(256, 'g'));
  ends_with(request, "LIMIT_EXCEEDED");
  request.mutable_open()->set_group("orders");
  request.mutable_open()->set_max_in_flight(10'001);
  ends_with(request, "LIMIT_EXCEEDED");
  Line stranger(api(), "orders", 0, "stranger");
  EXPECT_FALSE(stranger.opened());
  expect(stranger.close(), StatusCode::UNAUTHENTICATED, "CREDENTIALS_WRONG");
}

}  // namespace
}  // namespace escrow::e2e
