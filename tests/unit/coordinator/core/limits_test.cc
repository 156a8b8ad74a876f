// Limits and form of the coordinator's commands: at the limit, and one past it.
#include <gtest/gtest.h>

#include "coordinator/core/when.h"
#include "tests/unit/coordinator/core/transactions.h"

namespace escrow::coordinator {
namespace {

void expect_over(const Result<void>& result, const std::string& limit, std::size_t maximum) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(result.error().reason, "LIMIT_EXCEEDED");
  const decltype(Error::metadata) expected = {{"limit", limit}, {"maximum", std::to_string(maximum)}};
  EXPECT_EQ(result.error().metadata, expected);
}

void expect_malformed(const Result<void>& result) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(result.error().reason, "MALFORMED");
}

TEST(PrepareLimits, the_key_has_one_to_255_bytes_each) {
  Prepare command = prepare_of("x");
  command.key = {std::string(kMaxKeyBytes, 'g'), std::string(kMaxKeyBytes, 'i')};
  EXPECT_TRUE(check(command).ok());
  command.key.group.push_back('g');
  expect_over(check(command), "group_bytes", kMaxKeyBytes);
  command.key = {"g", std::string(kMaxKeyBytes + 1, 'i')};
  expect_over(check(command), "transaction_id_bytes", kMaxKeyBytes);
  command.key = {"", "i"};
  expect_malformed(check(command));
  command.key = {"g", ""};
  expect_malformed(check(command));
}

TEST(PrepareLimits, there_are_1_to_256_messages) {
  Prepare command = prepare_of("x");
  command.messages.assign(kMaxMessages, message("x"));
  EXPECT_TRUE(check(command).ok());
  command.messages.push_back(message("x"));
  expect_over(check(command), "messages", kMaxMessages);
  command.messages.clear();
  expect_malformed(check(command));
}

TEST(PrepareLimits, all_messages_together_have_16_mib) {
  Prepare command = prepare_of("");
  command.messages = {message(""), message("")};
  const std::size_t overhead = 2 * command.messages[0].message.bytes();
  command.messages[0].message.body.assign(kMaxTransactionBytes - overhead - 10, 'a');
  command.messages[1].message.body.assign(10, 'b');
  EXPECT_TRUE(check(command).ok());
  command.messages[1].message.body.push_back('b');
  expect_over(check(command), "transaction_bytes", kMaxTransactionBytes);
}

TEST(PrepareLimits, the_first_check_is_within_7_days) {
  Prepare command = prepare_of("x");
  command.first_check_delay = kMaxFirstCheckDelay;
  EXPECT_TRUE(check(command).ok());
  command.first_check_delay = kMaxFirstCheckDelay + Duration(1);
  expect_malformed(check(command));
  command.first_check_delay = Duration(0);
  EXPECT_TRUE(check(command).ok());
  command.first_check_delay = Duration(-1);
  expect_malformed(check(command));
}

TEST(PrepareLimits, fields_that_are_not_implemented_are_refused_by_name) {
  const auto refused = [](auto&& set) -> std::string {
    Prepare command = prepare_of("x");
    command.messages.push_back(message("y"));
    set(command.messages[1]);
    const Result<void> result = check(command);
    if (result.ok()) return "accepted";
    EXPECT_EQ(result.error().code, ErrorCode::kUnimplemented);
    EXPECT_EQ(result.error().reason, "FIELD_UNIMPLEMENTED");
    return result.error().metadata.at(0).second;
  };
  EXPECT_EQ(refused([](TransactionMessage& m) { m.sink = "kafka"; }), "sink");
  EXPECT_EQ(refused([](TransactionMessage& m) { m.compensation = Message{}; }), "compensation");
}

TEST(PrepareLimits, times_and_keys_of_scheduled_messages_must_be_possible) {
  const auto refused = [](auto&& set) -> std::string {
    Prepare command = prepare_of("x");
    command.messages.push_back(message("y"));
    set(command.messages[0]);
    set(command.messages[1]);
    command.messages[1].schedule_key += "2";
    if (!command.messages[1].delay && !command.messages[1].due) command.messages[1].schedule_key.clear();
    const Result<void> result = check(command);
    return result.ok() ? "" : result.error().reason;
  };
  EXPECT_EQ(refused([](TransactionMessage& m) { m.delay = Duration(0); }), "");
  EXPECT_EQ(refused([](TransactionMessage& m) { m.due = at(1), m.schedule_key = "order"; }), "");
  EXPECT_EQ(refused([](TransactionMessage& m) { m.delay = Duration(-1); }), "MALFORMED");
  EXPECT_EQ(refused([](TransactionMessage& m) { m.delay = kMaxScheduleDelay + Duration(1); }), "MALFORMED");
  EXPECT_EQ(refused([](TransactionMessage& m) { m.schedule_key = "order"; }), "MALFORMED") << "it has no time";
  EXPECT_EQ(refused([](TransactionMessage& m) { m.delay = Duration(1), m.schedule_key = std::string(256, 'k'); }),
            "LIMIT_EXCEEDED");
  Prepare twice = prepare_of("x");
  twice.messages[0].delay = Duration(1);
  twice.messages[0].schedule_key = "order";
  twice.messages.push_back(twice.messages[0]);
  EXPECT_EQ(check(twice).error().reason, "MALFORMED");
  twice.messages[1].message.vhost = "other";
  EXPECT_TRUE(check(twice).ok());
}

TEST(DecideLimits, the_key_has_one_to_255_bytes_each) {
  Decide command = decide(true);
  command.key = {std::string(kMaxKeyBytes, 'g'), std::string(kMaxKeyBytes, 'i')};
  EXPECT_TRUE(check(command).ok());
  command.key.id.push_back('i');
  expect_over(check(command), "transaction_id_bytes", kMaxKeyBytes);
  command.key = {};
  expect_malformed(check(command));
}

TEST(DecideLimits, the_reason_has_up_to_1024_bytes) {
  Decide command = decide(true, 0, std::string(kMaxReasonBytes, 'r'));
  EXPECT_TRUE(check(command).ok());
  command.reason.push_back('r');
  expect_over(check(command), "reason_bytes", kMaxReasonBytes);
}

TEST(PrepareLimits, a_server_may_take_larger_transactions) {
  Prepare command = prepare_of("");
  command.messages[0].message.body.assign(kMaxTransactionBytes + 1000, 'a');
  expect_over(check(command), "transaction_bytes", kMaxTransactionBytes);
  EXPECT_TRUE(check(command, kMaxTransactionBytes + 2000).ok());
}

}  // namespace
}  // namespace escrow::coordinator
