#include "client/cpp/internal/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/cpp/fake_server.h"

namespace escrow::client::internal {
namespace {

using testing::Contains;
using testing::Pair;

TEST(Status, code_reason_message_and_metadata_arrive) {
  const Error error = to_error(refusal(grpc::StatusCode::FAILED_PRECONDITION, "ALREADY_DECIDED",
                                       {{"state", "COMMITTED"}, {"decided_by", "ann"}}));
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(error.reason, "ALREADY_DECIDED");
  EXPECT_EQ(error.message, "refused because ALREADY_DECIDED");
  EXPECT_THAT(error.metadata, Contains(Pair("state", "COMMITTED")));
  EXPECT_THAT(error.metadata, Contains(Pair("decided_by", "ann")));
}

TEST(Status, without_error_info_the_reason_is_the_name_of_the_code) {
  const Error error = to_error(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused"));
  EXPECT_EQ(error.reason, "UNAVAILABLE");
  EXPECT_EQ(error.message, "connection refused");
}

TEST(Status, garbled_details_are_left_out) {
  const Error error = to_error(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff no protobuf"));
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_EQ(error.reason, "NOT_FOUND");
}

TEST(Status, codes_without_a_counterpart_are_internal) {
  EXPECT_EQ(to_error(grpc::Status(grpc::StatusCode::UNKNOWN, "")).code, ErrorCode::kInternal);
  EXPECT_EQ(to_error(rich_status(99, "ODD")).code, ErrorCode::kInternal);
}

TEST(Status, retry_info_tells_how_long_to_wait) {
  const Error error =
      to_error(refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "ENGINE_FULL", {}, std::chrono::milliseconds(250)));
  EXPECT_EQ(retry_delay(error), std::chrono::milliseconds(250));
  EXPECT_EQ(retry_delay(Error{}), std::chrono::milliseconds(0));
}

TEST(Status, what_may_pass_is_transient) {
  EXPECT_TRUE(is_transient(to_error(grpc::Status(grpc::StatusCode::UNAVAILABLE, ""))));
  EXPECT_TRUE(is_transient(to_error(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, ""))));
  EXPECT_TRUE(is_transient(to_error(grpc::Status(grpc::StatusCode::INTERNAL, "stream reset"))));
  EXPECT_TRUE(is_transient(to_error(refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "ENGINE_FULL"))));
  EXPECT_TRUE(is_transient(to_error(refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCES_LOW"))));
}

TEST(Status, what_the_server_means_is_not_transient) {
  EXPECT_FALSE(is_transient(to_error(refusal(grpc::StatusCode::INTERNAL, "BROKEN"))));
  EXPECT_FALSE(is_transient(to_error(refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"))));
  EXPECT_FALSE(is_transient(to_error(refusal(grpc::StatusCode::ABORTED, "EPOCH_STALE"))));
  EXPECT_FALSE(is_transient(to_error(refusal(grpc::StatusCode::UNAUTHENTICATED, "CREDENTIALS_WRONG"))));
}

}  // namespace
}  // namespace escrow::client::internal
