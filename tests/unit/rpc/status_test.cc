#include "rpc/status.h"

#include <gtest/gtest.h>

#include "engine/inbox.h"
#include "google/rpc/error_details.pb.h"

namespace escrow::rpc {
namespace {

google::rpc::Status details_of(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(ErrorStatus, carries_reason_domain_and_metadata) {
  const Error error{ErrorCode::kFailedPrecondition, "ALREADY_DECIDED", "it is COMMITTED", {{"state", "COMMITTED"}}};
  const grpc::Status status = to_status(error);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "it is COMMITTED");
  const google::rpc::Status details = details_of(status);
  EXPECT_EQ(details.code(), 9);
  ASSERT_EQ(details.details_size(), 1);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "ALREADY_DECIDED");
  EXPECT_EQ(info.domain(), "escrow");
  EXPECT_EQ(info.metadata().at("state"), "COMMITTED");
}

TEST(ErrorStatus, a_full_engine_says_when_to_try_again) {
  const google::rpc::Status details = details_of(to_status(engine::engine_full()));
  ASSERT_EQ(details.details_size(), 2);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.details(1).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().nanos(), std::chrono::nanoseconds(kRetryDelay).count());
}

TEST(ErrorStatus, text_that_is_no_utf8_is_repaired) {
  const Error error{ErrorCode::kNotFound, "QUEUE_UNKNOWN", "no queue 'caf\xe9'", {{"queue", "caf\xe9"}}};
  const google::rpc::Status details = details_of(to_status(error));
  EXPECT_EQ(details.message(), "no queue 'caf\xEF\xBF\xBD'");
}

TEST(ErrorStatus, cuts_off_what_does_not_fit_into_trailers) {
  const std::string text(5000, 'x');
  const grpc::Status status = to_status({ErrorCode::kNotFound, "QUEUE_UNKNOWN", text, {{"queue", text}}});
  EXPECT_EQ(status.error_message().size(), kMaxErrorTextBytes);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details_of(status).details(0).UnpackTo(&info));
  EXPECT_EQ(info.metadata().at("queue").size(), kMaxErrorTextBytes);
  EXPECT_LT(status.error_details().size(), 8u << 10);
}

}  // namespace
}  // namespace escrow::rpc
