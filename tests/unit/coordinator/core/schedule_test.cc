#include "coordinator/core/schedule.h"

#include <gtest/gtest.h>

#include "tests/unit/coordinator/core/transactions.h"

namespace escrow::coordinator {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const ScheduleKey kOrder{"/", "order-1"};

Schedule timeout(std::string body = "pay!", When when = {minutes(30), {}}) {
  return {"order-1", message(std::move(body)).message, when, "shop"};
}

struct ScheduleOf : testing::Test {
  Result<Change> schedule(Schedule command, std::int64_t now = 100) {
    return apply(found, std::move(command), at(now), ++epoch);
  }
  Result<Change> move(When when, std::int64_t now = 200) {
    return apply(found, Reschedule{kOrder, when, "desk"}, at(now), ++epoch);
  }
  Result<Change> cancel(std::int64_t now = 300, std::string reason = "paid") {
    return apply(found, CancelSchedule{kOrder, std::move(reason), "till"}, at(now));
  }
  std::optional<Transaction> found;
  Epoch epoch = 0;
};

TEST_F(ScheduleOf, waits_for_its_time_and_is_delivered_then) {
  EXPECT_EQ(*schedule(timeout()), Change::kPrepared);
  EXPECT_EQ(found->state, State::kScheduled);
  EXPECT_EQ(found->check.next_due, at(100) + minutes(30));
  EXPECT_EQ(found->prepared_by, "shop");
  EXPECT_EQ(apply_due(found, found->epoch, at(1900)), Change::kDecided);
  EXPECT_EQ(found->state, State::kCommitted);
  EXPECT_EQ(found->decided_at, at(1900));
  EXPECT_EQ(apply_due(found, found->epoch, at(1901)), Change::kNone);
}

TEST_F(ScheduleOf, repeated_is_the_same_whatever_became_of_it) {
  ASSERT_TRUE(schedule(timeout()).ok());
  const Epoch first = found->epoch;
  EXPECT_EQ(*schedule(timeout(), 150), Change::kNone);
  EXPECT_EQ(found->epoch, first);
  EXPECT_EQ(found->check.next_due, at(100) + minutes(30)) << "the delay counts from the first time";
  apply_due(found, first, at(1900));
  EXPECT_EQ(*schedule(timeout(), 2000), Change::kNone);
  EXPECT_EQ(found->state, State::kCommitted);
}

TEST_F(ScheduleOf, another_message_or_time_under_its_key_is_refused) {
  ASSERT_TRUE(schedule(timeout()).ok());
  EXPECT_EQ(schedule(timeout("other")).error().reason, "SCHEDULE_DIFFERS");
  EXPECT_EQ(schedule(timeout("pay!", {minutes(31), {}})).error().reason, "SCHEDULE_DIFFERS");
  ASSERT_TRUE(cancel().ok());
  const Error refused = schedule(timeout("other")).error();
  EXPECT_EQ(refused.code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(refused.metadata, (decltype(refused.metadata){{"state", "CANCELLED"}}));
}

TEST_F(ScheduleOf, cancelled_is_never_delivered) {
  ASSERT_TRUE(schedule(timeout()).ok());
  EXPECT_EQ(*cancel(300), Change::kDecided);
  EXPECT_EQ(found->state, State::kRolledBack);
  EXPECT_EQ(found->decided_by, "till");
  EXPECT_EQ(found->reason, "paid");
  EXPECT_EQ(apply_due(found, found->epoch, at(1900)), Change::kNone);
  EXPECT_EQ(*cancel(400, "again"), Change::kNone) << "the same answer";
  EXPECT_EQ(found->decided_at, at(300));
  EXPECT_EQ(move({minutes(1), {}}).error().reason, "ALREADY_CANCELLED");
}

TEST_F(ScheduleOf, cancelled_too_late_says_when_it_was_delivered) {
  EXPECT_EQ(cancel().error().reason, "SCHEDULE_UNKNOWN");
  ASSERT_TRUE(schedule(timeout()).ok());
  apply_due(found, found->epoch, at(1900));
  const Error late = cancel(2000).error();
  EXPECT_EQ(late.code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(late.reason, "ALREADY_DELIVERED");
  EXPECT_EQ(late.metadata, (decltype(late.metadata){{"delivered_at", "1900000000"}}));
  EXPECT_EQ(move({minutes(1), {}}).error().reason, "ALREADY_DELIVERED");
}

TEST_F(ScheduleOf, moved_is_delivered_at_its_new_time_alone) {
  ASSERT_TRUE(schedule(timeout()).ok());
  const Epoch before = found->epoch;
  EXPECT_EQ(*move({hours(1), {}}, 200), Change::kMoved);
  EXPECT_EQ(found->check.next_due, at(200) + hours(1));
  EXPECT_EQ(apply_due(found, before, at(1900)), Change::kNone) << "that timer is old";
  EXPECT_EQ(*move({{}, at(1000)}, 300), Change::kMoved) << "it may come earlier, too";
  EXPECT_EQ(*move({{}, at(1000)}, 300), Change::kNone);
  EXPECT_EQ(*schedule(timeout()), Change::kNone) << "what was asked for first counts for a repetition";
  EXPECT_EQ(apply_due(found, found->epoch, at(1000)), Change::kDecided);
}

TEST_F(ScheduleOf, what_is_past_is_due_at_once) {
  ASSERT_TRUE(schedule(timeout("late", {{}, at(5)})).ok());
  EXPECT_EQ(found->check.next_due, at(100));
}

TEST(ScheduleForm, refuses_keys_times_and_reasons_that_cannot_be) {
  const auto reason = [](Schedule command) {
    const auto valid = check(command);
    return valid ? std::string("ok") : valid.error().reason;
  };
  EXPECT_EQ(reason(timeout()), "ok");
  Schedule command = timeout();
  command.key.clear();
  EXPECT_EQ(reason(command), "MALFORMED");
  command.key = "escrow.mine";
  EXPECT_EQ(reason(command), "MALFORMED");
  command.key = std::string(256, 'k');
  EXPECT_EQ(reason(command), "LIMIT_EXCEEDED");
  EXPECT_EQ(reason(timeout("x", {})), "MALFORMED");
  EXPECT_EQ(reason(timeout("x", {seconds(-1), {}})), "MALFORMED");
  EXPECT_EQ(reason(timeout("x", {kMaxScheduleDelay, {}})), "ok");
  EXPECT_EQ(reason(timeout("x", {kMaxScheduleDelay + seconds(1), {}})), "MALFORMED");
  EXPECT_EQ(check(CancelSchedule{kOrder, std::string(1025, 'r'), ""}).error().reason, "LIMIT_EXCEEDED");
  std::optional<Transaction> none;
  EXPECT_EQ(apply(none, timeout("x", {{}, at(100) + kMaxScheduleDelay + seconds(1)}), at(100), 1).error().reason,
            "MALFORMED");
  EXPECT_FALSE(none.has_value());
}

TEST(ScheduleForm, is_stored_like_a_transaction_of_a_reserved_group) {
  std::optional<Transaction> found;
  ASSERT_TRUE(apply(found, timeout(), at(100), 7).ok());
  EXPECT_TRUE(is_schedule(found->key.group));
  EXPECT_EQ(ScheduleKey::of(found->key).vhost, "/");
  EXPECT_EQ(ScheduleKey::of(found->key).key, "order-1");
  const Result<Transaction> back = decode_open(found->key, encode_open(*found), std::nullopt);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, *found);
  Prepare prepare = prepare_of("x");
  prepare.key.group = found->key.group;
  EXPECT_EQ(check(prepare).error().reason, "MALFORMED");
}

}  // namespace
}  // namespace escrow::coordinator
