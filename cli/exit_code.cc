#include "cli/exit_code.h"

namespace escrow::cli {

ExitCode exit_code(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnimplemented:
      return kUsage;
    case ErrorCode::kNotFound:
      return kNotFound;
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kAborted:
      return kRefused;
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kResourceExhausted:
      return kUnreachable;
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
      return kUnauthorized;
    default:
      return kFailed;
  }
}

}  // namespace escrow::cli
