// The ledgers must notice what a server does wrong: a crash test that finds nothing proves nothing otherwise.
#include <gmock/gmock.h>

#include "tests/fault/crash_messages.h"
#include "tests/fault/crash_transactions.h"

namespace escrow::crash {
namespace {

using testing::HasSubstr;

constexpr std::uint8_t kToShared = 2;  // index into kRoutes
constexpr std::uint8_t kToLeftAndRight = 3;
constexpr std::uint8_t kNowhere = 6;

Instant now() { return std::chrono::steady_clock::now(); }

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    findings_.begin_round(1);
    messages_.begin_life();
    stream_ = messages_.new_stream();
  }

  Uid published(std::uint8_t route, PublisherId publisher = 0) {
    const Uid uid = messages_.add(route, "publish", publisher);
    messages_.allow(uid);
    messages_.due(uid);
    return uid;
  }
  void restart(bool orderly = false) {
    messages_.end_life(orderly);
    messages_.begin_life();
    findings_.begin_round(findings_.round() + 1);
  }
  void ack_durably(Queue queue, Uid uid) {
    messages_.settling(queue, uid, true);
    messages_.applied(queue, {uid});
    messages_.durable_answer(now());
  }

  const TransactionPlan& prepared(bool commit, const std::vector<std::uint8_t>& routes = {kToShared}) {
    const auto& plan = transactions_.plan(Kind::kDecided, commit, routes, 0, {});
    transactions_.sending_prepare(plan);
    v1::PrepareResponse response;
    response.set_epoch(plan.index + 100);
    response.set_state(v1::TRANSACTION_STATE_PREPARED);
    transactions_.prepared(plan, response);
    return plan;
  }
  void decide(const TransactionPlan& plan) {
    transactions_.sending_decision(plan, plan.commit);
    google::protobuf::Timestamp time;
    time.set_seconds(1000);
    transactions_.decided(plan, plan.commit, time);
  }
  static v1::Transaction shown(const TransactionPlan& plan, v1::TransactionState state) {
    v1::Transaction transaction;
    transaction.set_group(plan.group);
    transaction.set_transaction_id(plan.id);
    transaction.set_epoch(plan.index + 100);
    transaction.set_state(state);
    transaction.set_message_count(static_cast<std::uint32_t>(plan.messages.size()));
    transaction.set_prepared_by("guest");
    return transaction;
  }

  void expect_finding(const char* text) {
    EXPECT_EQ(findings_.count(), 1);
    EXPECT_THAT(findings_.first(), HasSubstr(text));
  }

  Findings findings_;
  MessageLedger messages_{findings_};
  TransactionLedger transactions_{findings_, messages_};
  StreamId stream_ = 0;
};

TEST_F(LedgerTest, what_is_delivered_once_and_acked_is_fine) {
  const Uid uid = published(kToLeftAndRight);
  messages_.delivered(kLeft, stream_, uid, false);
  messages_.delivered(kRight, stream_, uid, false);
  ack_durably(kLeft, uid);
  ack_durably(kRight, uid);
  EXPECT_TRUE(messages_.outstanding(kLeft).empty());
  EXPECT_EQ(messages_.bounds(kRight).high, 0u);
  EXPECT_EQ(findings_.count(), 0);
}

TEST_F(LedgerTest, what_was_not_acked_may_come_back_flagged) {
  const Uid uid = published(kToShared);
  messages_.delivered(kShared, stream_, uid, false);
  restart();
  messages_.delivered(kShared, messages_.new_stream(), uid, true);
  EXPECT_EQ(findings_.count(), 0);
}

TEST_F(LedgerTest, what_comes_back_without_a_flag_is_wrong) {
  const Uid uid = published(kToShared);
  messages_.delivered(kShared, stream_, uid, false);
  restart();
  messages_.delivered(kShared, messages_.new_stream(), uid, false);
  expect_finding("without a flag");
}

TEST_F(LedgerTest, what_an_open_stream_holds_is_not_delivered_to_another) {
  const Uid uid = published(kToShared);
  messages_.delivered(kShared, stream_, uid, false);
  messages_.delivered(kShared, messages_.new_stream(), uid, true);
  expect_finding("which is open");
}

TEST_F(LedgerTest, what_a_stream_that_ended_held_is_delivered_to_another) {
  const Uid uid = published(kToShared);
  messages_.delivered(kShared, stream_, uid, false);
  messages_.stream_ended(stream_);
  messages_.delivered(kShared, messages_.new_stream(), uid, true);
  EXPECT_EQ(findings_.count(), 0);
}

TEST_F(LedgerTest, a_durable_ack_returns_never) {
  const Uid uid = published(kToShared);
  messages_.delivered(kShared, stream_, uid, false);
  ack_durably(kShared, uid);
  restart();
  messages_.delivered(kShared, messages_.new_stream(), uid, true);
  expect_finding("its ack was durable");
}

TEST_F(LedgerTest, an_ack_that_nothing_durable_followed_may_return) {
  const Uid uid = published(kToShared);
  messages_.delivered(kShared, stream_, uid, false);
  const Instant before = now();
  messages_.settling(kShared, uid, true);
  messages_.applied(kShared, {uid});
  messages_.durable_answer(before);  // was sent before the ack was applied
  restart();
  messages_.delivered(kShared, messages_.new_stream(), uid, true);
  EXPECT_EQ(findings_.count(), 0);
}

TEST_F(LedgerTest, after_an_orderly_end_applied_acks_are_durable) {
  const Uid uid = published(kToShared);
  messages_.delivered(kShared, stream_, uid, false);
  messages_.settling(kShared, uid, true);
  messages_.applied(kShared, {uid});
  restart(/*orderly=*/true);
  messages_.delivered(kShared, messages_.new_stream(), uid, true);
  expect_finding("its ack was durable");
}

TEST_F(LedgerTest, what_is_due_is_outstanding_until_it_is_acked) {
  const Uid uid = published(kToShared);
  EXPECT_EQ(messages_.bounds(kShared).low, 1u);
  EXPECT_THAT(messages_.outstanding(kShared), testing::ElementsAre(uid));
}

TEST_F(LedgerTest, what_was_delivered_must_not_get_lost_though_its_publisher_got_no_answer) {
  const Uid uid = messages_.add(kToShared, "publish", 0);
  messages_.allow(uid);
  EXPECT_TRUE(messages_.outstanding(kShared).empty());
  messages_.delivered(kShared, stream_, uid, false);
  EXPECT_THAT(messages_.outstanding(kShared), testing::ElementsAre(uid));
}

TEST_F(LedgerTest, a_message_in_the_wrong_queue_is_wrong) {
  messages_.delivered(kLeft, stream_, published(kToShared), false);
  expect_finding("it was not routed there");
}

TEST_F(LedgerTest, one_publishers_messages_in_another_order_are_wrong) {
  const PublisherId publisher = messages_.new_publisher();
  const Uid first = published(0, publisher);
  const Uid second = published(0, publisher);
  messages_.delivered(kOrdered, stream_, second, false);
  messages_.delivered(kOrdered, stream_, first, false);
  expect_finding("after message");
}

TEST_F(LedgerTest, what_is_not_decided_must_not_be_seen) {
  messages_.delivered(kShared, stream_, prepared(true).messages[0].first, false);
  expect_finding("undecided");
}

TEST_F(LedgerTest, what_is_rolled_back_must_not_be_seen) {
  const auto& plan = prepared(false);
  decide(plan);
  messages_.delivered(kShared, stream_, plan.messages[0].first, false);
  expect_finding("rolled back");
}

TEST_F(LedgerTest, what_is_committed_is_due) {
  const auto& plan = prepared(true, {kToShared, kNowhere});
  decide(plan);
  EXPECT_EQ(messages_.outstanding(kShared).size(), 1u);
  EXPECT_EQ(messages_.outstanding(kParked).size(), 1u);
}

TEST_F(LedgerTest, a_decision_that_flips_is_wrong) {
  const auto& plan = prepared(true);
  decide(plan);
  transactions_.sending_decision(plan, false);
  transactions_.seen(shown(plan, v1::TRANSACTION_STATE_ROLLED_BACK), "test");
  expect_finding("it is rolled back, and was committed");
}

TEST_F(LedgerTest, a_decision_that_was_forgotten_is_wrong) {
  const auto& plan = prepared(true);
  decide(plan);
  transactions_.seen(shown(plan, v1::TRANSACTION_STATE_PREPARED), "test");
  expect_finding("it is prepared, and was committed");
}

TEST_F(LedgerTest, a_decision_that_nobody_took_is_wrong) {
  transactions_.seen(shown(prepared(true), v1::TRANSACTION_STATE_COMMITTED), "test");
  expect_finding("nobody asked for");
}

TEST_F(LedgerTest, an_acknowledged_transaction_that_is_gone_is_wrong) {
  transactions_.absent(prepared(true), "test");
  expect_finding("it is not there");
}

TEST_F(LedgerTest, an_unanswered_prepare_may_be_gone_but_must_not_turn_up_later) {
  const auto& plan = transactions_.plan(Kind::kDecided, true, {kToShared}, 0, {});
  transactions_.sending_prepare(plan);
  transactions_.absent(plan, "test");
  EXPECT_EQ(findings_.count(), 0);
  transactions_.seen(shown(plan, v1::TRANSACTION_STATE_PREPARED), "test");
  expect_finding("it was not there before");
}

TEST_F(LedgerTest, an_epoch_that_changes_is_wrong) {
  v1::Transaction transaction = shown(prepared(true), v1::TRANSACTION_STATE_PREPARED);
  transaction.set_epoch(7);
  transactions_.seen(transaction, "test");
  expect_finding("its epoch is 7");
}

TEST_F(LedgerTest, a_check_of_what_was_decided_before_the_restart_is_wrong) {
  const auto& plan = prepared(true);
  decide(plan);
  restart();
  v1::CheckbacksResponse::Check check;
  check.set_group(plan.group);
  check.set_transaction_id(plan.id);
  check.set_epoch(plan.index + 100);
  check.add_messages();
  EXPECT_EQ(transactions_.asked(check), &plan);
  expect_finding("it was decided before the restart");
}

}  // namespace
}  // namespace escrow::crash
