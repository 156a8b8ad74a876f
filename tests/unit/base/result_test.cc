#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <type_traits>

namespace escrow {
namespace {

Error not_found() { return {ErrorCode::kNotFound, "QUEUE_UNKNOWN", "no queue 'x' in vhost '/'", {}}; }

TEST(Result, of_a_value_is_ok_and_gives_the_value) {
  const Result<std::string> result = std::string("here");
  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(*result, "here");
  EXPECT_EQ(result->size(), 4u);
  EXPECT_EQ(result.value(), "here");
}

TEST(Result, of_an_error_is_not_ok_and_gives_the_error) {
  const Result<int> result = not_found();
  EXPECT_FALSE(result.ok());
  EXPECT_FALSE(static_cast<bool>(result));
  EXPECT_EQ(result.error(), not_found());
}

TEST(Result, carries_what_can_only_be_moved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(result);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, moves_its_error_out) {
  Result<int> result = Error{ErrorCode::kInternal, "R", std::string(1000, 'm'), {}};
  const Error error = std::move(result).error();
  EXPECT_EQ(error.message.size(), 1000u);
}

TEST(Result, of_nothing_is_ok_by_default) {
  const Result<void> good;
  EXPECT_TRUE(good.ok());
  const Result<void> bad = not_found();
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().reason, "QUEUE_UNKNOWN");
}

TEST(Result, can_be_assigned_over) {
  Result<int> result = 1;
  result = not_found();
  EXPECT_FALSE(result.ok());
  result = 2;
  EXPECT_EQ(*result, 2);
}

TEST(ResultDeathTest, stops_the_process_when_the_value_of_an_error_is_read) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Result<int> result = not_found();
  EXPECT_DEATH(static_cast<void>(*result), "the value of a failed Result is read");
}

TEST(Error, gathers_metadata_in_the_order_given) {
  Error error = not_found().with("queue", "x").with("vhost", "/");
  error.with("limit", "1");
  const std::vector<std::pair<std::string, std::string>> expected = {{"queue", "x"}, {"vhost", "/"}, {"limit", "1"}};
  EXPECT_EQ(error.metadata, expected);
  EXPECT_NE(error, not_found());
}

TEST(Error, codes_have_the_numbers_of_google_rpc_code) {
  const auto number = [](ErrorCode code) { return static_cast<int>(code); };
  EXPECT_EQ(number(ErrorCode::kCancelled), 1);
  EXPECT_EQ(number(ErrorCode::kInvalidArgument), 3);
  EXPECT_EQ(number(ErrorCode::kDeadlineExceeded), 4);
  EXPECT_EQ(number(ErrorCode::kNotFound), 5);
  EXPECT_EQ(number(ErrorCode::kAlreadyExists), 6);
  EXPECT_EQ(number(ErrorCode::kPermissionDenied), 7);
  EXPECT_EQ(number(ErrorCode::kResourceExhausted), 8);
  EXPECT_EQ(number(ErrorCode::kFailedPrecondition), 9);
  EXPECT_EQ(number(ErrorCode::kAborted), 10);
  EXPECT_EQ(number(ErrorCode::kUnimplemented), 12);
  EXPECT_EQ(number(ErrorCode::kInternal), 13);
  EXPECT_EQ(number(ErrorCode::kUnavailable), 14);
  EXPECT_EQ(number(ErrorCode::kDataLoss), 15);
  EXPECT_EQ(number(ErrorCode::kUnauthenticated), 16);
}

}  // namespace
}  // namespace escrow
