#include "coordinator/api/transaction_codec.h"

#include <gtest/gtest.h>

#include <string>

namespace escrow::coordinator::api {
namespace {

const rpc::Caller kAlice{"alice", 1000};

Prepare prepare_of(v1::PrepareRequest request) {
  const Result<engine::CommandBody> body = to_prepare(request, kAlice);
  EXPECT_TRUE(body.ok());
  return body ? std::get<Prepare>(*body) : Prepare();
}

std::string reason(v1::PrepareRequest request) {
  const Result<engine::CommandBody> body = to_prepare(request, kAlice);
  return body ? "accepted" : body.error().reason;
}

TEST(TransactionProto, a_prepare_keeps_everything) {
  v1::PrepareRequest request;
  request.set_group("g");
  request.set_transaction_id("t");
  request.mutable_first_check_delay()->set_seconds(3);
  v1::TransactionMessage& m = *request.add_messages();
  m.mutable_message()->set_exchange("e");
  m.mutable_message()->set_body("b");
  m.mutable_delay()->set_seconds(1);
  m.set_schedule_key("order");
  m.set_sink("s");
  m.mutable_compensation()->mutable_message()->set_routing_key("undo");
  const Prepare prepare = prepare_of(request);
  EXPECT_EQ(prepare.key, (Key{"g", "t"}));
  EXPECT_EQ(prepare.first_check_delay, std::chrono::seconds(3));
  ASSERT_EQ(prepare.messages.size(), 1u);
  EXPECT_EQ(prepare.messages[0].message.exchange, "e");
  EXPECT_EQ(prepare.messages[0].message.body, "b");
  EXPECT_EQ(prepare.messages[0].delay, std::chrono::seconds(1));
  EXPECT_EQ(prepare.messages[0].schedule_key, "order");
  EXPECT_EQ(prepare.messages[0].sink, "s");
  EXPECT_EQ(prepare.messages[0].compensation->routing_key, "undo");
}

TEST(TransactionProto, the_same_request_always_has_the_same_content) {
  // A map of protobuf has no order of its own: two of the same content may be written down differently.
  const auto digest = [](bool forwards) {
    v1::PrepareRequest request;
    auto& headers = *request.add_messages()->mutable_message()->mutable_properties()->mutable_headers();
    for (int i = 0; i < 50; ++i) {
      const int n = forwards ? i : 49 - i;
      (*headers.mutable_fields())["header " + std::to_string(n)].set_int32_value(n);
    }
    return content_digest(prepare_of(request).messages);
  };
  EXPECT_EQ(digest(true), digest(false));
}

TEST(TransactionProto, a_missing_message_is_malformed) {
  v1::PrepareRequest request;
  request.add_messages();
  EXPECT_EQ(reason(request), "MALFORMED");
}

TEST(TransactionProto, durations_out_of_range_are_malformed) {
  v1::PrepareRequest request;
  request.mutable_first_check_delay()->set_seconds(1LL << 60);
  EXPECT_EQ(reason(request), "MALFORMED");
}

TEST(TransactionProto, decisions_keep_everything) {
  v1::CommitRequest commit;
  commit.set_group("g");
  commit.set_transaction_id("t");
  commit.set_epoch(5);
  commit.set_reason("because");
  const auto decide = std::get<Decide>(*to_commit(commit, kAlice));
  EXPECT_TRUE(decide.commit);
  EXPECT_EQ(decide.key, (Key{"g", "t"}));
  EXPECT_EQ(decide.epoch, 5u);
  EXPECT_EQ(decide.reason, "because");
  v1::RollbackRequest rollback;
  EXPECT_FALSE(std::get<Decide>(*to_rollback(rollback, kAlice)).commit);
}

TEST(TransactionProto, a_malformed_check_answer_counts_as_unknown) {
  v1::CheckbacksRequest::Answer answer;
  answer.set_verdict(v1::VERDICT_COMMIT);
  EXPECT_EQ(to_check_answer(answer).verdict, engine::Verdict::kCommit);
  answer.set_reason(std::string(kMaxReasonBytes, 'r'));
  EXPECT_EQ(to_check_answer(answer).verdict, engine::Verdict::kCommit);
  answer.set_reason(std::string(kMaxReasonBytes + 1, 'r'));
  EXPECT_EQ(to_check_answer(answer).verdict, engine::Verdict::kUnknown);
  answer.clear_reason();
  answer.set_verdict(static_cast<v1::Verdict>(99));
  EXPECT_EQ(to_check_answer(answer).verdict, engine::Verdict::kUnknown);
  answer.clear_verdict();
  EXPECT_EQ(to_check_answer(answer).verdict, engine::Verdict::kUnknown);
}

TEST(TransactionProto, an_open_transaction_has_no_decision_and_a_decided_one_no_next_check) {
  engine::TransactionView view;
  view.transaction.key = {"g", "t"};
  view.transaction.state = State::kPrepared;
  view.waiting_for_producer = true;
  v1::Transaction open = to_transaction(view);
  EXPECT_FALSE(open.has_decide_time());
  EXPECT_TRUE(open.has_next_check_time());
  EXPECT_TRUE(open.waiting_for_producer());
  view.transaction.state = State::kCommitted;
  view.transaction.decided_at = from_micros(1'500'000);
  view.transaction.decided_by = "alice";
  const v1::Transaction decided = to_transaction(view);
  EXPECT_EQ(decided.decide_time().seconds(), 1);
  EXPECT_EQ(decided.decide_time().nanos(), 500'000'000);
  EXPECT_EQ(decided.decided_by(), "alice");
  EXPECT_FALSE(decided.has_next_check_time());
}

TEST(TransactionProto, states_are_the_same_on_both_sides) {
  for (const State state : {State::kNone, State::kPrepared, State::kCommitted, State::kRolledBack, State::kInDoubt}) {
    EXPECT_EQ(*to_model(to_proto(state)), state);
  }
  EXPECT_FALSE(to_model(static_cast<v1::TransactionState>(99)).ok());
}

template <class Request>
void expect_key_limits(Result<engine::CommandBody> (*convert)(Request&, const rpc::Caller&)) {
  const auto reason_of = [&](std::size_t group, std::size_t id) {
    Request request;
    request.set_group(std::string(group, 'g'));
    request.set_transaction_id(std::string(id, 'i'));
    const Result<engine::CommandBody> body = convert(request, {"ann"});
    return body.ok() ? "" : body.error().metadata.at(0).second;
  };
  EXPECT_EQ(reason_of(kMaxKeyBytes, kMaxKeyBytes), "");
  EXPECT_EQ(reason_of(kMaxKeyBytes + 1, 1), "group_bytes");
  EXPECT_EQ(reason_of(1, kMaxKeyBytes + 1), "transaction_id_bytes");
}

TEST(CodecLimits, keys_have_their_length_in_every_request) {
  expect_key_limits(to_prepare);
  expect_key_limits(to_commit);
  expect_key_limits(to_rollback);
  expect_key_limits(to_get_transaction);
}

TEST(CodecLimits, reasons_and_sinks_have_their_length) {
  v1::CommitRequest commit;
  commit.set_reason(std::string(kMaxReasonBytes + 1, 'r'));
  EXPECT_EQ(to_commit(commit, {"ann"}).error().metadata.at(0).second, "reason_bytes");
  v1::PrepareRequest prepare;
  prepare.add_messages()->mutable_message();
  prepare.mutable_messages(0)->set_sink(std::string(256, 's'));
  EXPECT_EQ(to_prepare(prepare, {"ann"}).error().metadata.at(0).second, "sink_bytes");
}

}  // namespace
}  // namespace escrow::coordinator::api
