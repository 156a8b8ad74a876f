// Foreign errors become escrow::Error here and nowhere else.
//
// Code and message are taken over; reason and metadata come from the google.rpc.ErrorInfo among the details.
// Without one the error was made by gRPC itself and its reason is the name of the code. A
// google.rpc.RetryInfo becomes the metadata `retry_delay_ms`.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>

#include "base/result.h"
#include "google/rpc/status.pb.h"

namespace escrow::client::internal {

/// `status` is not ok.
Error to_error(const grpc::Status& status);
Error to_error(const google::rpc::Status& status);

/// A code's name, which is also the reason of errors without ErrorInfo.
const char* code_name(ErrorCode code);

/// An error that this side of the connection finds.
Error local_error(ErrorCode code, std::string message);

/// Whether repeating an idempotent call may help: the connection broke, an attempt took too long, the server
/// is full.
bool is_transient(const Error& error);
/// The server says that it was full and did nothing.
bool is_refusal(const Error& error);
/// How long the server asks to wait; 0: as one likes.
std::chrono::milliseconds retry_delay(const Error& error);

}  // namespace escrow::client::internal
