#include "client/cpp/internal/status.h"

#include <charconv>
#include <string>
#include <utility>

#include "google/rpc/error_details.pb.h"

namespace escrow::client::internal {
namespace {

constexpr char kRetryDelay[] = "retry_delay_ms";

ErrorCode to_code(int code) {
  switch (code) {
    case 2:   // UNKNOWN: an exception in some server, or no status at all
    case 11:  // OUT_OF_RANGE
      return ErrorCode::kInternal;
    default:
      return code >= 1 && code <= 16 ? static_cast<ErrorCode>(code) : ErrorCode::kInternal;
  }
}

void add_details(const google::rpc::Status& status, Error& error) {
  for (const auto& detail : status.details()) {
    if (google::rpc::ErrorInfo info; detail.UnpackTo(&info)) {
      error.reason = info.reason();
      for (const auto& [key, value] : info.metadata()) error.with(key, value);
    } else if (google::rpc::RetryInfo retry; detail.UnpackTo(&retry)) {
      const auto& delay = retry.retry_delay();
      error.with(kRetryDelay, std::to_string(delay.seconds() * 1000 + delay.nanos() / 1'000'000));
    }
  }
}

}  // namespace

const char* code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCancelled:
      return "CANCELLED";
    case ErrorCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case ErrorCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case ErrorCode::kNotFound:
      return "NOT_FOUND";
    case ErrorCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case ErrorCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case ErrorCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case ErrorCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case ErrorCode::kAborted:
      return "ABORTED";
    case ErrorCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case ErrorCode::kInternal:
      return "INTERNAL";
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kDataLoss:
      return "DATA_LOSS";
    case ErrorCode::kUnauthenticated:
      return "UNAUTHENTICATED";
  }
  return "INTERNAL";
}

Error local_error(ErrorCode code, std::string message) { return Error{code, code_name(code), std::move(message), {}}; }

Error to_error(const google::rpc::Status& status) {
  Error error = local_error(to_code(status.code()), status.message());
  add_details(status, error);
  return error;
}

Error to_error(const grpc::Status& status) {
  Error error = local_error(to_code(status.error_code()), status.error_message());
  // The trailer grpc-status-details-bin.
  google::rpc::Status details;
  if (!status.error_details().empty() && details.ParseFromString(status.error_details())) {
    add_details(details, error);
  }
  return error;
}

bool is_refusal(const Error& error) { return error.reason == "ENGINE_FULL" || error.reason == "RESOURCES_LOW"; }

bool is_transient(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
      return true;
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal:
      // What gRPC makes of a stream that was reset under a call. The server's own have a reason of their own.
      return error.reason == code_name(error.code);
    default:
      return is_refusal(error);
  }
}

std::chrono::milliseconds retry_delay(const Error& error) {
  std::int64_t delay_ms = 0;
  for (const auto& [key, value] : error.metadata) {
    if (key == kRetryDelay) std::from_chars(value.data(), value.data() + value.size(), delay_ms);
  }
  return std::chrono::milliseconds(delay_ms);
}

}  // namespace escrow::client::internal
