// escrow::Error as gRPC says it: google.rpc.Status with a google.rpc.ErrorInfo of domain "escrow".
//
// A failed call carries it in the trailer `grpc-status-details-bin`; a failed operation of a stream carries it in its
// frame. RESOURCE_EXHAUSTED comes with a google.rpc.RetryInfo. Text that is not UTF-8 is repaired: protobuf refuses it.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "google/rpc/status.pb.h"

namespace escrow::rpc {

inline constexpr std::string_view kErrorDomain = "escrow";
/// What a refused caller is asked to wait at least.
inline constexpr std::chrono::milliseconds kRetryDelay{100};
/// Of a message or a value: what errors quote must fit into the trailers of a call. The rest is cut off.
inline constexpr std::size_t kMaxErrorTextBytes = 1024;

void to_proto(const Error& error, google::rpc::Status& out);
grpc::Status to_status(const Error& error);

// What this layer itself finds wrong with a request.
Error malformed(std::string message);
Error limit_exceeded(std::string_view limit, std::size_t maximum);
/// The deadline was over before the server began.
Error deadline_exceeded();
/// The server ends its streams and takes no new ones.
Error shutting_down();

}  // namespace escrow::rpc
