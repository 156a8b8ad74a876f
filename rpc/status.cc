#include "rpc/status.h"

#include <utility>

#include "google/rpc/error_details.pb.h"
#include "rpc/utf8.h"

namespace escrow::rpc {

void to_proto(const Error& error, google::rpc::Status& out) {
  const auto text = [](std::string_view whole) { return to_utf8(whole.substr(0, kMaxErrorTextBytes)); };
  out.set_code(static_cast<int>(error.code));
  out.set_message(text(error.message));
  google::rpc::ErrorInfo info;
  info.set_reason(error.reason);
  info.set_domain(std::string(kErrorDomain));
  for (const auto& [key, value] : error.metadata) (*info.mutable_metadata())[key] = text(value);
  out.add_details()->PackFrom(info);
  if (error.code == ErrorCode::kResourceExhausted) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(static_cast<int>(std::chrono::nanoseconds(kRetryDelay).count()));
    out.add_details()->PackFrom(retry);
  }
}

grpc::Status to_status(const Error& error) {
  google::rpc::Status status;
  to_proto(error, status);
  return {static_cast<grpc::StatusCode>(status.code()), status.message(), status.SerializeAsString()};
}

Error malformed(std::string message) { return {ErrorCode::kInvalidArgument, "MALFORMED", std::move(message), {}}; }

Error limit_exceeded(std::string_view limit, std::size_t maximum) {
  std::string message(limit);
  message.append(" is limited to ").append(std::to_string(maximum));
  return {ErrorCode::kInvalidArgument,
          "LIMIT_EXCEEDED",
          std::move(message),
          {{"limit", std::string(limit)}, {"maximum", std::to_string(maximum)}}};
}

Error deadline_exceeded() {
  return {ErrorCode::kDeadlineExceeded, "DEADLINE_EXCEEDED", "the deadline was over before anything was done", {}};
}

Error shutting_down() { return {ErrorCode::kUnavailable, "SHUTTING_DOWN", "the server is shutting down: retry", {}}; }

}  // namespace escrow::rpc
